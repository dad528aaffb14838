"""Conditioning: how far a right answer may be from another."""

import numpy as np
import pytest

from refgrad.harness import registry
from refgrad.harness.oracle.conditioning import allowance, nudged
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Backward, Leaf, Op, Program, Ref, TakeGrad
from refgrad.harness.program.trace import Difference, first_difference

REFERENCE = registry.load("refgrad")


def moves(*statements):
    """By how much the reference moves at the first element of the last result."""
    program, name = Program(statements), statements[-1].name
    trace = interpret(program, REFERENCE)
    seen = trace[-1].seen[name]
    wrong = seen._replace(value=~seen.value if seen.value.dtype == bool else seen.value + 1)
    last = trace[-2]._replace(seen={name: wrong})
    difference = first_difference((*trace[:-2], last), trace[:-1])
    assert isinstance(difference, Difference)
    return allowance(program, REFERENCE, difference)


def test_cancellation():
    """What is left of a cancellation is as uncertain as what was cancelled."""
    big = Leaf("a", (3,), (1e6 / 3, -1e6 / 7, 0.3))
    assert moves(big, Op("s", "sum", (Ref("a"),))) > 1e-10


def test_cancelled_gradient():
    """What is left of gradients that cancel may as well be 0, and then the division by it is another case."""
    x = Leaf("x", (1,), (1.0,), requires_grad=True)
    parts = [
        (Op(name, "mul", (Ref("x"), factor)), Backward(name))
        for name, factor in zip("abc", (0.1, 0.2, -0.3), strict=True)
    ]
    statements = [each for part in parts for each in part]
    assert moves(x, *statements, TakeGrad("g", "x"), Op("r", "div", (Ref("g"), Ref("g")))) == np.inf


def test_a_step():
    """Numbers whose rounded sum happens to be whole may as well be a few ulps less, and then ``floor`` is another."""
    thirds = Leaf("a", (6,), (1 / 3, 2 / 3, 4 / 3, 5 / 3, 1.1, 0.9))
    assert moves(thirds, Op("s", "sum", (Ref("a"),)), Op("f", "floor", (Ref("s"),))) >= 1


def test_a_tie():
    """Two numbers a few ulps apart may as well be equal, and two that are farther apart, or exact, may not."""
    parts, total = Leaf("a", (2,), (0.1, 0.2)), Op("s", "sum", (Ref("a"),))
    compared = Op("e", "eq", (Ref("s"), Ref("b")))
    assert moves(parts, Leaf("b", (1,), (0.3,)), total, compared) == np.inf
    assert moves(parts, Leaf("b", (1,), (0.3 + 1e-14,)), total, compared) == 0
    assert moves(Leaf("s", (1,), (0.5,)), Leaf("b", (1,), (0.25,)), compared) == 0
    assert moves(Leaf("s", (1,), (0.1,)), Leaf("b", (1,), (0.1,)), compared) == 0


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 0.125])
def test_exact(value):
    """Numbers that were not rounded do not move, so that a kink stays where it is."""
    assert moves(Leaf("a", (1,), (value,)), Op("b", "floor", (Ref("a"),))) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nudged(dtype):
    """A nudge is one ulp, of rounded numbers only, and equal numbers stay equal."""
    array = np.array([0.1, 0.1, 1.0, 0.0, np.inf, 1 / 3, np.nan], dtype)
    moved = [nudged(array, direction) for direction in range(1, 9)]
    assert all(each[0] == each[1] for each in moved)
    assert all(np.array_equal(each[2:5], array[2:5]) for each in moved)
    assert {float(each[0] - array[0]) for each in moved} == {-float(np.spacing(array[0])), float(np.spacing(array[0]))}
