"""Softmax, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(6)
MATRIX = Array(RNG.normal(size=(3, 4)))
INPUTS = {
    "matrix": MATRIX,
    "single": Array(RNG.normal(size=(3, 4)), "float32"),
    "half": Array(RNG.normal(size=(3, 4)), "float16"),
    "cube": Array(RNG.normal(size=(2, 3, 4))),
    "turned": Array(RNG.normal(size=(3, 4)), layout="transposed"),
    "number": Array(np.array(1.5)),
    "empty": Array(np.zeros((0, 3))),
    "large": Array(np.array([[1000.0, -1000.0, 0.0]])),
    "infinite": Array(np.array([[math.inf, 0.0], [-math.inf, -math.inf], [-math.inf, 0.0]])),
    "integers": Array(np.array([[1, -2], [3, 0]]), "int64"),
    "bools": Array(np.array([True, False]), "bool"),
}
SOFTMAX = [
    Case(f"{name}-{dim}-{label}", lambda xp, x, name=name, dim=dim: getattr(xp.nn.functional, name)(x, dim), (x,))
    for name in ("softmax", "log_softmax", "softmin")
    for dim in (0, -1, 3)
    for label, x in INPUTS.items()
] + [
    Case("softmax-method", lambda xp, x: x.softmax(0), (MATRIX,)),
    Case("softmax-function", lambda xp, x: xp.softmax(x, 0, xp.float64), (INPUTS["single"],)),
    Case("softmax-of integers", lambda xp, x: xp.nn.functional.softmax(x, 0, dtype=xp.float32), (INPUTS["integers"],)),
    Case("log_softmax-wide", lambda xp, x: x.log_softmax(-1, dtype=xp.float64), (INPUTS["single"],)),
]


@pytest.mark.parametrize("case", SOFTMAX, ids=lambda case: case.id)
def test_softmax_as_in_pytorch(case):
    """Softmax gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


def test_implicit_dim_warns():
    """Softmax without a dimension chooses one, and warns in PyTorch's words."""
    x = refgrad.tensor([[1.0, 2.0]])
    with pytest.warns(UserWarning, match=r"^Implicit dimension choice for softmax has been deprecated\."):
        result = refgrad.nn.functional.softmax(x)
    assert result.tolist() == refgrad.nn.functional.softmax(x, 1).tolist()
