"""Determinants, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(5)
integers, normal, regular = DRAWN.integers, DRAWN.normal, DRAWN.regular

CALLS = {
    "det": lambda xp, A: xp.linalg.det(A),
    "det-top": lambda xp, A: A.det(),
    "slogdet": lambda xp, A: xp.linalg.slogdet(A),
    "slogdet-top": lambda xp, A: xp.slogdet(A),
    "logdet": lambda xp, A: xp.logdet(A),
}
SHAPES = [(3, 3), (2, 3, 3), (2, 1, 2, 2), (1, 1), (0, 3, 3), (2, 0, 0), (0, 0)]
RANK_1, RANK_2 = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
SINGULAR = [Array(RANK_1), Array(RANK_2), Array(np.zeros((2, 2))), Array(np.array([RANK_1, [[3.0, 1.0], [1.0, 2.0]]]))]
WRONG = [normal(2, 3), integers(2, 2), normal(3), regular(2, 2, dtype="float16")]


def every(calls, matrices, orders=2):
    return [Case(f"{name}-{i}", call, (A,), orders) for name, call in calls.items() for i, A in enumerate(matrices)]


CASES = [
    *every(CALLS, [*(normal(*s) for s in SHAPES), *(regular(3, 3, dtype=t) for t in ("float32", "complex128"))]),
    *every({f"{n}-wrong": c for n, c in CALLS.items()}, WRONG),
    *every({"det-singular": CALLS["det"]}, SINGULAR, 1),
    *every({"slogdet-singular": CALLS["slogdet"]}, SINGULAR[2:3], 1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A determinant gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_slopes(name, dtype):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda A: CALLS[name](refgrad, A), regular(3, 3, dtype=dtype))


@pytest.mark.parametrize("A", SINGULAR, ids=["rank 1", "rank 2", "zeros", "beside a regular one"])
def test_recorded_gradient_of_a_singular_matrix(A):
    """Recorded, the gradient of a singular determinant is made of cofactors; unrecorded it is 0. Both are PyTorch's."""
    grads = []
    for xp in (refgrad, torch):
        x = A.make(xp)
        grads.append(
            [
                g.detach().numpy()
                for create in (False, True)
                for g in xp.autograd.grad(xp.linalg.det(x).sum(), x, create_graph=create)
            ]
        )
    for mine, theirs in zip(*grads):
        assert np.allclose(mine, theirs, atol=1e-12)
