"""Linear and bilinear maps, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(17)


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, layout, requires_grad)


def linear(xp, *tensors):
    return xp.nn.functional.linear(*tensors)


LINEAR = [
    (normal(2, 3), normal(5, 3), normal(5)),
    (normal(2, 3, dtype="float32"), normal(5, 3, dtype="float32"), normal(5, dtype="float32")),
    (normal(3), normal(5, 3), normal(5)),
    (normal(4, 2, 3), normal(5, 3), normal(5)),
    (normal(2, 4, 2, 3), normal(5, 3), normal(5)),
    (normal(4, 2, 3, layout="transposed"), normal(5, 3), normal(5)),
    (normal(2, 3), normal(5, 3)),
    (normal(3), normal(5, 3)),
    (normal(4, 2, 3), normal(5, 3)),
    (normal(2, 3), normal(3)),
    (normal(0, 3), normal(5, 3), normal(5)),
    (normal(2, 3, requires_grad=False), normal(5, 3), normal(5)),
    (normal(2, 3), normal(5, 4), normal(5)),
    (normal(2, 3), normal(5, 4)),
    (normal(2, 3), normal(5, 3), normal(4)),
    (normal(), normal(5, 4)),
    (normal(2, 3, dtype="float32"), normal(5, 3)),
    (normal(2, 3, dtype="float32"), normal(5, 3), normal(5, dtype="float32")),
]


def bilinear(xp, *tensors):
    return xp.nn.functional.bilinear(*tensors)


BILINEAR = [
    (normal(3, 2), normal(3, 4), normal(5, 2, 4), normal(5)),
    (normal(3, 2), normal(3, 4), normal(5, 2, 4)),
    (normal(2, 3, 2), normal(2, 3, 4), normal(1, 2, 4), normal(1)),
    (normal(2), normal(4), normal(5, 2, 4)),
    (normal(3, 2), normal(2, 4), normal(5, 2, 4)),
    (normal(3, 3), normal(3, 4), normal(5, 2, 4)),
    (normal(3, 2), normal(3, 3), normal(5, 2, 4)),
    (normal(3, 2), normal(3, 4), normal(5, 2, 4), normal(4)),
    (normal(3, 2), normal(3, 1, 4), normal(5, 2, 4)),
]
CASES = [
    *(Case(f"linear-{i}", linear, x) for i, x in enumerate(LINEAR)),
    *(Case(f"bilinear-{i}", bilinear, x) for i, x in enumerate(BILINEAR)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_maps_as_in_pytorch(case):
    """A map gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, torch, case)


def test_gradients_are_slopes():
    """The gradients of a bilinear map are the slopes that finite differences measure."""
    check_slopes(F.bilinear, [x.values for x in BILINEAR[0]])
