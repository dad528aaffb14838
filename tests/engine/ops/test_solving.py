"""Linear equations and inverses, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(3)
integers, normal, regular, triangular = DRAWN.integers, DRAWN.normal, DRAWN.regular, DRAWN.triangular


def solve(xp, A, B, **options):
    return xp.linalg.solve(A, B, **options)


def of_lu(**options):
    return lambda xp, A, B: xp.linalg.lu_solve(*xp.linalg.lu_factor(A), B, **options)


def lower(name):
    return lambda xp, L, B, **options: getattr(xp, name)(B, L, **options)


SYSTEMS = [
    (regular(3, 3), normal(3, 2)), (regular(3, 3), normal(3)), (regular(2, 3, 3), normal(2, 3)),
    (regular(2, 3, 3), normal(3, 2)), (regular(3, 3), normal(2, 3, 1)), (regular(2, 1, 3, 3), normal(2, 3, 1)),
    (regular(2, 3, 3), normal(3)), (regular(1, 1), normal(1)), (regular(0, 0), normal(0, 2)), (regular(0, 3, 3), normal(3, 2)),
    (regular(3, 3), normal(3, 0)), (regular(3, 3, dtype="float32"), normal(3, 2, dtype="float32")),
    (regular(3, 3, dtype="complex128"), normal(3, 2, dtype="complex128")),
]  # fmt: skip
MATRICES = [(A, B) for A, B in SYSTEMS if len(B.values.shape) > 1 and B.values.shape != A.values.shape[:-1]]
SINGULAR = regular(2, 3, 3)
SINGULAR.values[1] = 0
WRONG = [
    (normal(2, 3), normal(2, 1)), (regular(3, 3), normal(2, 2)), (regular(3, 3), normal(3, 1, dtype="float32")),
    (integers(3, 3), integers(3, 1)), (normal(3), normal(3, 1)), (regular(2, 3, 3), normal(4, 3, 1)), (regular(3, 3), normal(2)),
]  # fmt: skip
TRIANGULAR = {
    "upper": {"upper": True}, "lower": {"upper": False}, "unit": {"upper": True, "unitriangular": True},
    "unit-lower": {"upper": False, "unitriangular": True},
}  # fmt: skip
RIGHT = [(A, Array(np.swapaxes(B.values, -1, -2), B.dtype)) for A, B in MATRICES if B.values.ndim >= 2]


def triangles(upper):
    """Cholesky factors: their diagonal is real."""
    return [
        (Array(np.triu(A.values, 1) + real(A) if upper else np.tril(A.values, -1) + real(A), A.dtype), B)
        for A, B in MATRICES
    ]


def real(A):
    return A.values.real * np.eye(A.values.shape[-1])


CASES = [
    *(Case(f"solve-{i}", solve, x) for i, x in enumerate(SYSTEMS)),
    *(Case(f"solve-right-{i}", lambda xp, A, B: solve(xp, A, B, left=False), x) for i, x in enumerate(RIGHT)),
    *(Case(f"solve-wrong-{i}", solve, x) for i, x in enumerate(WRONG)),
    Case("solve-right of a vector", lambda xp, A, B: solve(xp, A, B, left=False), (regular(3, 3), normal(3))),
    Case("solve-singular", solve, (SINGULAR, normal(3, 2))),
    Case("solve-half", solve, (regular(2, 2, dtype="float16"), normal(2, dtype="float16"))),
    *(Case(f"solve_ex-{i}", lambda xp, A, B: xp.linalg.solve_ex(A, B), x) for i, x in enumerate([SYSTEMS[0], SYSTEMS[3]])),
    Case("solve_ex-checked", lambda xp, A, B: xp.linalg.solve_ex(A, B, check_errors=True), (SINGULAR, normal(3, 2))),
    *(Case(f"inv-{i}", lambda xp, A: xp.linalg.inv(A), (A,)) for i, (A, _) in enumerate(SYSTEMS)),
    *(Case(f"inv-wrong-{i}", lambda xp, A: xp.linalg.inv(A), (A,)) for i, A in enumerate([normal(2, 3), integers(2, 2), normal(2), regular(2, 2, dtype="float16"), SINGULAR])),
    Case("inverse", lambda xp, A: A.inverse(), (regular(3, 3),)),
    Case("inv_ex", lambda xp, A: xp.linalg.inv_ex(A), (regular(2, 3, 3),)),
    Case("inv_ex-checked", lambda xp, A: xp.linalg.inv_ex(A, check_errors=True), (SINGULAR,)),
    *(Case(f"triangular-{n}-{i}", lambda xp, A, B, o=o: xp.linalg.solve_triangular(A, B, **o), x) for n, o in TRIANGULAR.items() for i, x in enumerate(MATRICES)),
    *(Case(f"triangular-right-{n}-{i}", lambda xp, A, B, o=o: xp.linalg.solve_triangular(A, B, left=False, **o), x) for n, o in TRIANGULAR.items() for i, x in enumerate(RIGHT)),
    *(Case(f"triangular-wrong-{i}", lambda xp, A, B: xp.linalg.solve_triangular(A, B, upper=True), x) for i, x in enumerate([*WRONG[:2], *WRONG[3:]])),
    Case("triangular-singular", lambda xp, A, B: xp.linalg.solve_triangular(A, B, upper=True), (Array(np.zeros((2, 2))), Array(np.ones((2, 1))))),
    *(Case(f"triangular_solve-{n}-{t}-{i}", lambda xp, A, B, o=o, t=t: xp.triangular_solve(B, A, transpose=t, **o), x) for n, o in TRIANGULAR.items() for t in (False, True) for i, x in enumerate(MATRICES)),
    *(Case(f"triangular_solve-wrong-{i}", lambda xp, A, B: xp.triangular_solve(B, A), x) for i, x in enumerate(WRONG)),
    *(Case(f"cholesky_solve-{u}-{i}", lambda xp, L, B, u=u: xp.cholesky_solve(B, L, upper=u), x) for u in (False, True) for i, x in enumerate(triangles(u))),
    *(Case(f"cholesky_solve-wrong-{i}", lower("cholesky_solve"), x) for i, x in enumerate(WRONG)),
    *(Case(f"cholesky_inverse-{u}-{i}", lambda xp, L, u=u: xp.cholesky_inverse(L, upper=u), (x[0],)) for u in (False, True) for i, x in enumerate(triangles(u))),
    *(Case(f"cholesky_inverse-wrong-{i}", lambda xp, L: xp.cholesky_inverse(L), (L,)) for i, L in enumerate([normal(2, 3), integers(2, 2), normal(2), Array(np.zeros((2, 2))), SINGULAR])),
    *(Case(f"lu_solve-{i}", of_lu(), x) for i, x in enumerate(MATRICES)),
    *(Case(f"lu_solve-adjoint-{i}", of_lu(adjoint=True), x) for i, x in enumerate(MATRICES)),
    *(Case(f"lu_solve-right-{i}", of_lu(left=False), x) for i, x in enumerate(RIGHT)),
    *(Case(f"lu_solve-right-adjoint-{i}", of_lu(left=False, adjoint=True), x) for i, x in enumerate(RIGHT)),
    Case("lu_solve-top", lambda xp, A, B: xp.lu_solve(B, *xp.linalg.lu_factor(A)), SYSTEMS[0]),
    *(Case(f"lu_solve-wrong-{i}", lambda xp, LU, B, p=p, t=t: xp.linalg.lu_solve(LU, xp.tensor(p, dtype=getattr(xp, t)), B), (LU, B))
      for i, (LU, B, p, t) in enumerate([
          (normal(2, 2), normal(2), [1, 2], "int32"), (normal(2, 2), normal(2, 1), [1], "int32"), (normal(2, 2), normal(2, 1), [1, 2], "int64"),
          (normal(2, 2), normal(2, 1, dtype="float32"), [1, 2], "int32"), (normal(1, 2, 2), normal(2, 1), [1, 2], "int32"), (normal(2, 3), normal(2, 1), [1, 2], "int32"),
      ])),
    Case("tensorinv", lambda xp, A: xp.linalg.tensorinv(A), (Array(regular(6, 6).values.reshape(2, 3, 3, 2)),)),
    Case("tensorinv-1", lambda xp, A: xp.linalg.tensorinv(A, ind=1), (Array(regular(6, 6).values.reshape(6, 3, 2)),)),
    *(Case(f"tensorinv-wrong-{i}", lambda xp, A, n=n: xp.linalg.tensorinv(A, n), (normal(2, 3),)) for i, n in enumerate((1, 0, 3))),
    Case("tensorsolve", lambda xp, A, B: xp.linalg.tensorsolve(A, B), (Array(regular(6, 6).values.reshape(2, 3, 6)), normal(2, 3))),
    Case("tensorsolve-dims", lambda xp, A, B: xp.linalg.tensorsolve(A, B, dims=(1,)), (Array(regular(6, 6).values.reshape(2, 6, 3)), normal(2, 3))),
    *(Case(f"tensorsolve-wrong-{i}", lambda xp, A, B: xp.linalg.tensorsolve(A, B), x) for i, x in enumerate([(normal(2, 3), normal(2)), (normal(2, 2), normal(3))])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A solution gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


COMPLEX = regular(3, 3, dtype="complex128"), normal(3, 2, dtype="complex128")
SLOPES = {
    "solve": solve,
    "inv": lambda xp, A, B: xp.linalg.inv(A) @ B,
    "triangular": lambda xp, A, B: xp.linalg.solve_triangular(A, B, upper=True),
    "triangular_solve": lambda xp, A, B: xp.triangular_solve(B, A, transpose=True)[0],
    "cholesky_solve": lambda xp, A, B: xp.cholesky_solve(B, A.tril()),
    "cholesky_inverse": lambda xp, A, B: xp.cholesky_inverse(A.triu(), upper=True) @ B,
    "lu_solve": of_lu(),
    "lu_solve-adjoint": of_lu(adjoint=True),
}


@pytest.mark.filterwarnings("ignore:torch.triangular_solve is deprecated")
@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda A, B: SLOPES[name](refgrad, A, B), *COMPLEX)


def test_the_other_triangle_is_not_read():
    """What a triangular solve does not read may be nan."""
    A = triangular(3, 3, upper=True).values
    spoiled = A + np.tril(np.full((3, 3), np.nan), -1)
    found = refgrad.linalg.solve_triangular(
        refgrad.tensor(spoiled), refgrad.ones(3, 1, dtype=refgrad.float64), upper=True
    )
    assert np.allclose(A @ found.numpy(), 1)
