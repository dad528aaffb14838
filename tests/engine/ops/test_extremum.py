"""Largest, smallest and middle elements, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(1)
MATRIX = Array(RNG.normal(size=(3, 4)))
SINGLE = Array(RNG.normal(size=(3, 4)), "float32")
CUBE = Array(RNG.normal(size=(2, 3, 2)))
NUMBER = Array(np.array(1.5))
EMPTY = Array(np.zeros((0, 3)))
TIES = Array(np.array([[1.0, 3.0, 3.0], [3.0, 1.0, 1.0]]))
UNKNOWN = Array(np.array([[1.0, math.nan, 3.0], [0.0, 2.0, -1.0], [math.nan, math.nan, 0.0]]))
INTEGERS = Array(np.array([[1, 5], [5, 0]]), "int64")
BOOLS = Array(np.array([[True, False], [True, True]]), "bool")
COMPLEX = Array(np.array([1 + 1j, 2.0]), "complex128")
INPUTS = {
    "matrix": MATRIX,
    "single": SINGLE,
    "cube": CUBE,
    "number": NUMBER,
    "empty": EMPTY,
    "ties": TIES,
    "unknown": UNKNOWN,
    "integers": INTEGERS,
    "bools": BOOLS,
}

CALLS = {
    f"{name}-{form}": (lambda xp, x, name=name, call=call: call(getattr(xp, name), x))
    for name in ("max", "min", "amax", "amin", "argmax", "argmin", "median")
    for form, call in {
        "all": lambda f, x: f(x),
        "first": lambda f, x: f(x, 0),
        "last": lambda f, x: f(x, -1, True),
        "beyond": lambda f, x: f(x, 3),
    }.items()
}
CASES = [Case(f"{name}-{label}", call, (x,)) for name, call in CALLS.items() for label, x in INPUTS.items()] + [
    Case("amax-two", lambda xp, x: x.amax((0, 2)), (CUBE,)),
    Case("amin-two", lambda xp, x: x.amin((0, 1), True), (TIES,)),
    Case("max-other", lambda xp, x, y: xp.max(x, y), (MATRIX, MATRIX)),
    Case("min-other", lambda xp, x, y: x.min(y), (MATRIX, SINGLE)),
    Case("argmax-kept", lambda xp, x: x.argmax(keepdim=True), (MATRIX,)),
    Case("max-complex", lambda xp, x: x.max(), (COMPLEX,)),
    Case("max-complex-dim", lambda xp, x: x.max(0), (COMPLEX,)),
    Case("median-none", lambda xp, x: x.median(), (Array(np.zeros(0)),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_extremum_as_in_pytorch(case):
    """An extremum gives PyTorch's value, index, graph, gradients (ties included) and error."""
    check(refgrad, torch, case)


def test_return_type_prints_as_in_pytorch():
    """Values with indices print as ``torch.return_types.max``."""
    values = [[1.0, 4.0], [3.0, 2.0]]
    assert repr(refgrad.tensor(values).max(1)) == repr(torch.tensor(values).max(1))


def test_extremes_together():
    """``aminmax`` gives the smallest and the largest elements, by name."""
    found = refgrad.tensor([[1.0, 4.0], [3.0, 2.0]]).max(0)
    both = refgrad.aminmax(refgrad.tensor([[1.0, 4.0], [3.0, 2.0]]), dim=0)
    assert both.max.tolist() == found.values.tolist() == [3.0, 4.0]
    assert both.min.tolist() == [1.0, 2.0]
