"""Two traces of one program, and where they part."""

import numpy as np
import pytest

from refgrad.harness.program.trace import Raised, Seen, Step, first_difference, stable


def raised(kind, text=""):
    return (Step(0, {}, raised=Raised(kind, text) if kind else None),)


@pytest.mark.parametrize(
    ("mine", "texts", "parts"),
    [
        (raised("ValueError"), False, False),
        (raised("ValueError"), True, True),
        (raised("RuntimeError", "in other words"), True, True),
        (raised(None), False, True),
    ],
)
def test_errors(mine, texts, parts):
    """A library that does not speak torch need only raise an error where PyTorch does, of whatever class."""
    found = first_difference(mine, raised("RuntimeError"), texts=texts)
    assert (found is not None) == parts


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0]])
def test_a_look_that_is_refused(values):
    """A tensor of any size that one backend shows and the other refuses to is a difference."""
    seen = Seen(np.array(values), False, True, False, 0, None, None)
    refused = Raised("RuntimeError", "a view was modified")
    found = first_difference((Step(0, {"a": seen}),), (Step(0, {"a": refused}),))
    assert found is not None
    assert (found.field, found.name, found.expected) == ("look", "a", refused)


def looks(value, grad):
    """A trace of one look, at a leaf and at its gradient."""
    return (Step(0, {"a": None if value is None else Seen(np.array(value), None, True, None, None, grad, None)}),)


@pytest.mark.parametrize(
    ("mine", "other"), [(looks(0.0, None), looks(None, None)), (looks(1.0, np.zeros(2)), looks(1.0, None))]
)
def test_unused(mine, other):
    """Zeros are told from a gradient that is not there, unless it is asked of a library that knows zeros only."""
    assert first_difference(mine, other) is not None
    assert first_difference(mine, other, unused=False) is None
    assert first_difference(looks(1.0, np.ones(2)), looks(1.0, None), unused=False) is not None


def test_no_leaf():
    """Of what is no leaf for a library without a graph no gradient is compared, whichever side it stands on."""
    (step,) = looks(1.0, None)
    without, leaf = (step._replace(seen={"a": step.seen["a"]._replace(is_leaf=None)}),), looks(1.0, np.ones(2))
    for pair in ((without, leaf), (leaf, without)):
        assert first_difference(*pair) is not None
        assert first_difference(*pair, unused=False) is None


@pytest.mark.parametrize(
    ("mine", "other"), [(0.0, np.inf), (np.inf, 0.0), (np.inf, -np.inf), (np.nan, 0.0), (0.0, np.nan)]
)
def test_nothing_is_near_infinity(mine, other):
    """A number beside inf or nan is a difference, whichever side it stands on."""

    def trace(value):
        return (Step(0, {"a": Seen(np.array([1.0, value]), False, True, False, 0, None, None)}),)

    assert first_difference(trace(mine), trace(other)) is not None
    assert first_difference(trace(mine), trace(mine)) is None


def test_stable():
    """An error is told without what changes from run to run, and in torch's name."""
    error = RuntimeError("mylib.add failed at 0x7f21\nException raised from somewhere")
    assert stable(error, ("mylib",)) == Raised("RuntimeError", "torch.add failed at 0x")
