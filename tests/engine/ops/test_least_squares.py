"""Least squares and pseudo-inverses, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(6)
definite, integers, normal = DRAWN.definite, DRAWN.integers, DRAWN.normal

LOW = normal(4, 2).values @ normal(2, 3).values
SYSTEMS = [
    (normal(4, 3), normal(4, 2)), (normal(3, 4), normal(3, 2)), (normal(3, 3), normal(3, 1)), (normal(2, 4, 3), normal(2, 4, 2)),
    (normal(4, 3), normal(4)), (normal(2, 4, 3), normal(2, 4)), (normal(4, 3, dtype="complex128"), normal(4, 2, dtype="complex128")),
]  # fmt: skip
WRONG = [
    (normal(3), normal(3)), (normal(3, 2), normal(2)), (normal(3, 2), normal(2, 2)), (normal(3, 2), normal()),
    (normal(3, 2), normal(3, 2, dtype="float32")), (integers(3, 2), integers(3, 2)), (normal(2, 3, 2), normal(4, 3, 2)),
]  # fmt: skip
DRIVERS = [None, "gels", "gelsy", "gelsd", "gelss"]


def lstsq(driver):
    return lambda xp, A, B: xp.linalg.lstsq(A, B, driver=driver)


PINV = {
    "pinv": lambda xp, A: xp.linalg.pinv(A),
    "pinv-rtol": lambda xp, A: xp.linalg.pinv(A, rtol=0.5),
    "pinv-atol": lambda xp, A: xp.linalg.pinv(A, atol=1.0),
    "pinv-rcond": lambda xp, A: xp.linalg.pinv(A, 0.5),
    "pinverse": lambda xp, A: A.pinverse(),
}
RANK = {
    "rank": lambda xp, A: xp.linalg.matrix_rank(A),
    "rank-tol": lambda xp, A: xp.linalg.matrix_rank(A, 1.5),
    "rank-rtol": lambda xp, A: xp.linalg.matrix_rank(A, rtol=0.5),
    "rank-atol": lambda xp, A: xp.linalg.matrix_rank(A, atol=1.5),
}
MATRICES = [
    normal(4, 3),
    normal(3, 4),
    normal(2, 3, 3),
    normal(0, 3),
    normal(2, 0, 3),
    normal(3, 3, dtype="complex128"),
    normal(3, 2, dtype="float32"),
]
CASES = [
    *(Case(f"lstsq-{d}-{i}", lstsq(d), x) for d in DRIVERS for i, x in enumerate(SYSTEMS)),
    *(Case(f"lstsq-wrong-{i}", lstsq(None), x) for i, x in enumerate(WRONG)),
    Case("lstsq-float32", lstsq(None), (normal(4, 3, dtype="float32"), normal(4, 2, dtype="float32"))),
    Case("lstsq-driver", lstsq("x"), SYSTEMS[0]),
    *(Case(f"{n}-{i}", c, (A,)) for n, c in (PINV | RANK).items() for i, A in enumerate(MATRICES)),
    *(Case(f"{n}-wrong-{i}", c, (A,)) for n, c in (PINV | RANK).items() for i, A in enumerate([normal(2), integers(2, 2)])),
    Case("pinv-hermitian", lambda xp, A: xp.linalg.pinv(A, hermitian=True), (definite(3, 3, dtype="complex128"),)),
    Case("pinv-hermitian-wrong", lambda xp, A: xp.linalg.pinv(A, hermitian=True), (normal(2, 3),)),
    Case("rank-hermitian", lambda xp, A: xp.linalg.matrix_rank(A, hermitian=True), (definite(3, 3),)),
    Case("rank-low", RANK["rank"], (Array(LOW),)),
    Case("pinv-low", PINV["pinv"], (Array(LOW),), 0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A least-squares solution gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_slopes(shape):
    """The gradients are the slopes that finite differences measure."""
    A, B = normal(*shape, dtype="complex128"), normal(shape[0], 2, dtype="complex128")
    check_slopes_of(refgrad.linalg.pinv, A)
    check_slopes_of(lambda A, B: refgrad.linalg.lstsq(A, B, driver="gelsd")[:2], A, B)


def test_pinv_of_low_rank():
    """The pseudo-inverse of a matrix of low rank satisfies Penrose's equations."""
    A = LOW
    P = refgrad.linalg.pinv(refgrad.from_numpy(A)).numpy()
    assert np.allclose(A @ P @ A, A)
    assert np.allclose(P @ A @ P, P)
