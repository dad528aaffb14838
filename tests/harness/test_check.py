"""The comparisons a test of the suite is written with."""

import warnings

import numpy as np
import pytest

from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness.check import Check, Disagreement


def make(*, strict=True, lacks=lambda error: None):
    return Check("mylib", "test_x.py::test_y", array=lambda tensor: tensor.values, strict=strict, lacks=lacks)


class Tensor:
    def __init__(self, *values):
        self.values = np.array(values, np.float32)


def test_failure_names_backend_and_case():
    """A failure says which backend did it, in which case."""
    with pytest.raises(Disagreement, match=r"^mylib, test_x.py::test_y: at index \[1\]: got 2.0, expected 3 "):
        make().close(Tensor(1, 2), [1, 3])


def test_tensors_are_converted():
    """Tensors of the backend may stand on either side."""
    make().close(Tensor(1, 2), Tensor(1, 2.000001))
    make().equal(Tensor(1, 2), [1.0, 2.0])


def test_equal_is_exact():
    """What is near is not equal."""
    with pytest.raises(Disagreement, match="must be equal"):
        make().equal(Tensor(1), [1.000001])


def test_missing_gradient():
    """A gradient of None, where a tensor is expected, is said to be one."""
    with pytest.raises(Disagreement, match="is there no gradient"):
        make().close(None, 1.0)


@pytest.mark.parametrize(
    ("method", "right", "wrong"),
    [
        ("dtype", (Tensor(1), "float32"), (Tensor(1), "float64")),
        ("shape", (Tensor(1, 2), (2,)), (Tensor(1, 2), (2, 1))),
        ("none", (None,), (Tensor(1),)),
        ("true", (True,), (1,)),
        ("false", (False,), (None,)),
        ("text", ("a", "a"), ("a", "b")),
        ("equal", ("AddBackward0", "AddBackward0"), ("AddBackward0", "MulBackward0")),
        ("equal", (None, None), (Tensor(1), None)),
        ("equal", ((2, 3), (2, 3)), ((2, 3), (3, 2))),
    ],
)
def test_single_facts(method, right, wrong):
    """Each check passes on the fact and fails on its neighbour."""
    getattr(make(), method)(*right)
    with pytest.raises(Disagreement):
        getattr(make(), method)(*wrong)


class Special(RuntimeError):
    pass


def test_raises_takes_subclasses():
    """A subclass of the class asked for will do, as in any except clause."""
    with make().raises("RuntimeError", "stale"):
        raise Special("the tensor is stale now")


@pytest.mark.parametrize("error", [ValueError("stale"), RuntimeError("other words")])
def test_raises_refuses(error):
    """A backend that speaks torch must raise torch's class with torch's stable text."""
    with pytest.raises(Disagreement), make().raises("RuntimeError", "stale"):
        raise error


@pytest.mark.parametrize("strict", [True, False])
def test_raises_nothing(strict):
    """No error where one is expected is a failure for every backend."""
    expected = pytest.raises(Disagreement, match="no error, expected RuntimeError saying 'stale'")
    with expected, make(strict=strict).raises("RuntimeError", "stale"):
        pass


def test_raises_leniently():
    """A backend that does not speak torch may raise what it likes."""
    with make(strict=False).raises("RuntimeError", "stale"):
        raise KeyError("anything")


@pytest.mark.parametrize("error", [Unsupported("hooks"), NotApplicable("no"), Disagreement("inner")])
@pytest.mark.parametrize("strict", [True, False])
def test_raises_lets_through(error, strict):
    """What says that nothing was tested, or that an inner check failed, is no error of the backend's."""
    with pytest.raises(type(error)), make(strict=strict).raises("Exception"):
        raise error


def test_raises_lets_a_lack_through():
    """A name that the look-alike lacks is a lack, not the wrong class of error."""
    with pytest.raises(AttributeError), make(lacks=lambda error: "mylib.hooks").raises("RuntimeError"):
        raise AttributeError("hooks")


def test_raises_may_ask_for_attribute_error():
    """Where AttributeError is what torch raises, it is no lack."""
    with make(lacks=lambda error: "mylib.hooks").raises("AttributeError"):
        raise AttributeError("hooks")


def test_warns():
    """A warning is found by class and text among others, however often it was given before."""
    for _ in range(2):
        with make().warns("UserWarning", "leaf"):
            warnings.warn("something else", RuntimeWarning, stacklevel=1)
            warnings.warn("not a leaf Tensor", UserWarning, stacklevel=1)


def test_warns_says_what_there_was():
    """The failure lists the warnings that were given instead."""
    with pytest.raises(Disagreement, match=r"got RuntimeWarning\('else'\)"), make().warns("UserWarning"):
        warnings.warn("else", RuntimeWarning, stacklevel=1)
    with pytest.raises(Disagreement, match="there was none"), make().warns("UserWarning"):
        pass


def test_warns_is_for_those_who_speak_torch():
    """A backend that does not speak torch is not asked for torch's warnings."""
    with pytest.raises(NotApplicable), make(strict=False).warns("UserWarning"):
        pass


def test_silent():
    """A visible warning breaks silence; one about a library's own insides does not."""
    with make().silent():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    with pytest.raises(Disagreement, match="expected no warning"), make().silent():
        warnings.warn("slow", UserWarning, stacklevel=1)
