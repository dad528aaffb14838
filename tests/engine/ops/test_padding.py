"""Padding, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(14)
SHAPES = {1: (2, 3, 5), 2: (2, 1, 4, 5), 3: (1, 2, 3, 4, 5)}
COUNTS = [(1, 2), (-1, 1), (0, 0), (2, -1), (5, 5), (-3, -3)]


def normal(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


def padded(*args, **kwargs):
    return lambda xp, x: xp.nn.functional.pad(x, *args, **kwargs)


def hidden(call):
    """``call`` out of sight of the graph, which PyTorch has as writes into an empty tensor."""
    return lambda xp, x: call(xp, x) * 1 * 1


HELD = [
    (n, shape, counts * n, mode)
    for n, whole in SHAPES.items()
    for shape in (whole, whole[1:])
    for counts in COUNTS
    for mode in ("constant", "reflect", "replicate", "circular")
]
CASES = [
    *(
        Case(f"{mode}-{n}-{i}", hidden(padded(c, mode)) if mode == "circular" else padded(c, mode), (normal(*s),))
        for i, (n, s, c, mode) in enumerate(HELD)
    ),
    Case("value", padded((1, 2), value=2.5), (normal(2, 3),)),
    Case("integers", padded((1, 2, 0, 1), value=1.5), (Array(np.ones((2, 3)), "int64"),)),
    Case("bools", padded((1, 2)), (Array(np.ones((2, 3)), "bool"),)),
    Case("reflected integers", padded((1, 2), "reflect"), (Array(np.arange(6).reshape(2, 3), "int64"),)),
    Case("reflected bools", padded((1, 2), "reflect"), (Array(np.ones((2, 3)), "bool"),)),
    Case("replicated bools", padded((1, 2), "replicate"), (Array(np.ones((2, 3)), "bool"),)),
    Case("none", padded(()), (normal(2, 3),)),
    Case("more", padded((0, 0, 1, 2)), (normal(2, 3),)),
    Case("single", padded((1, 2), "reflect"), (normal(2, 3, dtype="float32"),)),
    Case("odd", padded((1,)), (normal(2, 3),)),
    Case("too many", padded((1, 1) * 3), (normal(2, 3),)),
    Case("no mode", padded((1, 1), "some"), (normal(2, 3),)),
    Case("no value", padded((1, 1), "reflect", 2.0), (normal(2, 3),)),
    Case("a number", padded(1), (normal(2, 3),)),
    Case("fractions", padded((1.5, 2)), (normal(2, 3),)),
    Case("a vector", padded((1, 1), "reflect"), (normal(3),)),
    Case("empty", padded((1, 1), "reflect"), (normal(2, 0),)),
    Case("function", lambda xp, x: xp.constant_pad_nd(x, (1, -1), 3), (normal(2, 3),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_padding_as_in_pytorch(case):
    """Padding gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("n", SHAPES)
def test_gradients_are_slopes(mode, n):
    """The gradients of padding are the slopes that finite differences measure."""
    check_slopes(lambda x: F.pad(x, (2, 1) * n, mode), [RNG.normal(size=SHAPES[n])])
