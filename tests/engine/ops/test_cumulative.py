"""Running sums, products and extremes, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(2)
INPUTS = {
    "matrix": Array(RNG.normal(size=(3, 4))),
    "single": Array(RNG.normal(size=(3, 4)), "float32"),
    "half": Array(RNG.normal(size=(3, 2)), "float16"),
    "number": Array(np.array(1.5)),
    "empty": Array(np.zeros((0, 3))),
    "row": Array(RNG.normal(size=(1, 4))),
    "integers": Array(np.array([[1, 2], [3, 4]]), "int64"),
    "bytes": Array(np.array([200, 100]), "uint8"),
}
ZEROS = {
    "one zero": Array(np.array([[1.0, 0.0, 3.0, 2.0], [2.0, 4.0, 5.0, 1.0]])),
    "two zeros": Array(np.array([[1.0, 0.0, 3.0, 0.0], [0.0, 2.0, 0.0, 5.0]])),
    "complex": Array(RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3)), "complex128"),
}
BEYOND = {
    "inf before zero": Array(np.array([math.inf, 0.0, 2.0])),
    "inf after zero": Array(np.array([1.0, 0.0, math.inf])),
    "inf elsewhere": Array(np.array([[1.0, math.inf], [1.0, -0.0]])),
    "nan": Array(np.array([math.nan, 0.0, 1.0])),
}
TIES = {
    "ties": Array(np.array([1.0, 1.0, 0.0, 2.0, 2.0])),
    "unknown": Array(np.array([1.0, math.nan, 2.0, math.nan])),
}


def cases(name, inputs):
    for label, x in inputs.items():
        yield Case(f"{name}-first-{label}", lambda xp, x: getattr(xp, name)(x, 0), (x,))
        yield Case(f"{name}-last-{label}", lambda xp, x: getattr(xp, name)(x, -1), (x,))


CASES = [
    *cases("cumsum", INPUTS | ZEROS),
    *cases("cumprod", INPUTS | ZEROS | BEYOND),
    *cases("cummax", INPUTS | TIES),
    *cases("cummin", INPUTS | TIES),
    *cases("logcumsumexp", {k: v for k, v in INPUTS.items() if k not in ("half", "integers", "bytes")}),
    Case("cumsum-wide", lambda xp, x: x.cumsum(0, dtype=xp.float64), (INPUTS["single"],), orders=1),
    Case("cumsum-beyond", lambda xp, x: x.cumsum(3), (INPUTS["single"],)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cumulative_as_in_pytorch(case):
    """A running reduction gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)
