"""What makes an object a backend, and of which profiles."""

from types import SimpleNamespace

import numpy as np
import pytest

from refgrad.errors import InvalidBackend
from refgrad.harness.backend import Identity, accepts, capabilities, has_path, identity, profiles, validate


class Named:
    name, version, homepage = "some", "1.2", "https://example.org"


class Core(Named):
    def asarray(self, array):
        return np.array(array)

    def to_numpy(self, value):
        return np.array(value)

    def ops(self):
        return {}

    def vjp(self, fn, primals, cotangent):
        return fn(*primals), primals


class Forward(Core):
    def jvp(self, fn, primals, tangents):
        return fn(*primals), tangents[0]


class Higher(Core):
    nested = True


class Tape(Named):
    asarray, to_numpy, ops = Core.asarray, Core.to_numpy, Core.ops

    def leaf(self, array, requires_grad=True):
        return array

    def backward(self, tensor, gradient=None):
        return None

    def grad_of(self, tensor):
        return None


class TapeWithFlags(Tape):
    def backward(self, tensor, gradient=None, *, retain_graph=None, create_graph=False):
        return None

    def no_grad(self):
        raise NotImplementedError


class Namespace(Named):
    def __init__(self, **names):
        self.namespace = SimpleNamespace(**names)


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (Named(), set()),
        (Core(), {"core"}),
        (Forward(), {"core", "forward"}),
        (Higher(), {"core", "higher"}),
        (Tape(), {"core", "tape"}),
        (TapeWithFlags(), {"core", "tape", "higher"}),
        (Namespace(), {"core", "tape", "namespace"}),
        (Namespace(autograd=SimpleNamespace(grad=len)), {"core", "tape", "namespace", "higher"}),
        (Namespace(func=SimpleNamespace(jvp=len)), {"core", "tape", "namespace", "forward"}),
    ],
    ids=["named", "core", "forward", "higher", "tape", "flags", "namespace", "namespace_grad", "namespace_jvp"],
)
def test_profiles(backend, expected):
    """Profiles are found by the methods that are there, without a base class."""
    assert profiles(backend) == expected


def test_capabilities_of_a_tape():
    """A tape's features are its optional methods and the flags that its backward declares."""
    assert capabilities(Tape()) == {"core", "tape"}
    assert {"no_grad", "retain_graph", "create_graph"} <= capabilities(TapeWithFlags())


def test_capabilities_of_a_namespace():
    """A module's features are the names that it has."""
    tensor = type("Tensor", (), {"detach": None, "backward": lambda self, gradient=None, retain_graph=None: None})
    found = capabilities(Namespace(no_grad=None, Tensor=tensor))
    assert {"no_grad", "detach", "retain_graph"} <= found
    assert not {"create_graph", "hooks", "enable_grad"} & found


def test_identity():
    """A backend's identity is its name, version and homepage."""
    assert identity(Core()) == Identity("some", "1.2", "https://example.org")


@pytest.mark.parametrize(
    "backend", [Core(), Tape(), Namespace(tensor=None, Tensor=None)], ids=["core", "tape", "namespace"]
)
def test_valid(backend):
    """A complete backend of any profile is accepted."""
    validate(backend, "some")
    assert profiles(backend)


def test_everything_missing_is_named_at_once():
    """An incomplete backend is refused with all that it lacks."""
    with pytest.raises(InvalidBackend) as error:
        validate(SimpleNamespace(name="x", asarray=np.array), "mod:X")
    assert "mod:X: a backend lacks version, homepage, to_numpy(), ops(), vjp()" in str(error.value)


def test_a_namespace_that_speaks_no_torch():
    """A namespace without torch's first names is refused."""
    with pytest.raises(InvalidBackend, match=r"namespace\.tensor, namespace\.Tensor"):
        validate(Namespace(), "mod:X")


def test_accepts():
    """A keyword is accepted where the signature has it, has ** or cannot be read."""
    assert accepts(lambda a: None, "a")
    assert accepts(lambda **kwargs: None, "a")
    assert not accepts(lambda b: None, "a")


def test_has_path():
    """A dotted path is there where each of its parts is."""
    assert has_path(np, "linalg.norm")
    assert not has_path(np, "linalg.nothing.more")
