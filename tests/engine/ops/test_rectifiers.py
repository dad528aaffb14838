"""Rectifiers, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(20)


def call(name, *args, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, *args, **kwargs)


def seeded(xp, x):
    xp.manual_seed(1)
    return xp.nn.functional.rrelu(x, 0.1, 0.4, True)


SPREAD = Array(np.array([-4.0, -3.0, -1.0, -0.5, -0.2, 0.0, 0.3, 0.5, 1.0, 3.0, 4.0, np.nan, np.inf, -np.inf]))
SINGLE = Array(SPREAD.values, "float32")
INTEGERS, BOOLS = Array(np.array([[1, -2], [0, 4]]), "int64"), Array(np.array([True]), "bool")
X = Array(RNG.normal(size=(2, 4, 3)))


def normal(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


CALLS = {
    "threshold": (0.5, 2.0), "hardshrink": (0.5,), "softshrink": (0.5,), "hardsigmoid": (), "hardswish": (),
    "rrelu": (0.1, 0.4),
}  # fmt: skip
CASES = [
    *(
        Case(f"{n}-{x.dtype}", call(n, *args), (x,))
        for n, args in CALLS.items() for x in (SPREAD, SINGLE)
    ),
    *(Case(f"{n}-{x.dtype}", call(n, *args), (x,)) for n, args in CALLS.items() for x in (INTEGERS, BOOLS) if n != "rrelu"),
    Case("softshrink-negative", call("softshrink", -1.0), (X,)),
    Case("hardshrink-negative", call("hardshrink", -1.0), (X,)),
    Case("threshold-a matrix", call("threshold", 0, 1), (X,)),
    *(Case(f"glu-{d}", call("glu", d), (Array(RNG.normal(size=(2, 4, 6))),)) for d in (-1, 0, 1, 3)),
    Case("glu-odd", call("glu"), (normal(2, 3),)),
    Case("glu-number", call("glu"), (normal(),)),
    Case("glu-integers", call("glu"), (INTEGERS,)),
    *(Case(f"prelu-{i}", call("prelu"), pair) for i, pair in enumerate([
        (X, normal(4)), (X, normal(1)), (X, normal()), (normal(4), normal(1)), (normal(), normal(1)), (SPREAD, normal(1)),
        (X, normal(3)), (X, normal(2, 2)), (normal(4), normal(4)), (normal(), normal(2)), (X, normal(4, dtype="float32")),
    ])),
    Case("rrelu-training", seeded, (X,)),
    Case("rrelu-bounds", call("rrelu", 0.4, 0.1, True), (X,)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_rectifiers_as_in_pytorch(case):
    """A rectifier gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, torch, case)


def drawn(x):
    refgrad.manual_seed(1)
    return F.rrelu(x, 0.1, 0.4, True)


@pytest.mark.parametrize("name", ["threshold", "hardshrink", "softshrink", "hardswish", "glu", "prelu", "rrelu"])
def test_gradients_are_slopes(name):
    """The gradients are the slopes that finite differences measure, away from the bends."""
    x, w = 4 * (RNG.permutation(np.linspace(0, 1, 24)) - 0.47).reshape(2, 4, 3)[..., :2], RNG.normal(size=4)
    if name == "prelu":
        return check_slopes(F.prelu, [x, w])
    args = {"threshold": (0.5, 2.0)}.get(name, ())
    return check_slopes(drawn if name == "rrelu" else lambda t: getattr(F, name)(t, *args), [x])
