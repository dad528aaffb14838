"""Triangular and unitary factors of matrices, side by side with PyTorch."""

import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(2)
definite, integers, normal, regular = DRAWN.definite, DRAWN.integers, DRAWN.normal, DRAWN.regular

CHOLESKY = {
    "cholesky": lambda xp, A: xp.linalg.cholesky(A),
    "upper": lambda xp, A: xp.linalg.cholesky(A, upper=True),
    "ex": lambda xp, A: xp.linalg.cholesky_ex(A),
    "top": lambda xp, A: xp.cholesky(A),
    "top-upper": lambda xp, A: A.cholesky(upper=True),
}
LU = {
    "lu": lambda xp, A: xp.linalg.lu(A),
    "factor": lambda xp, A: xp.linalg.lu_factor(A),
    "factor_ex": lambda xp, A: xp.linalg.lu_factor_ex(A),
    "top": lambda xp, A: xp.lu(A),
    "top-infos": lambda xp, A: xp.lu(A, get_infos=True),
    "unpack": lambda xp, A: xp.lu_unpack(*xp.linalg.lu_factor(A)),
    "unpack-no pivots": lambda xp, A: xp.lu_unpack(*xp.linalg.lu_factor(A), unpack_pivots=False),
    "unpack-no data": lambda xp, A: xp.lu_unpack(*xp.linalg.lu_factor(A.detach()), unpack_data=False),
}
QR = {
    "qr": lambda xp, A: xp.linalg.qr(A),
    "complete": lambda xp, A: xp.linalg.qr(A, mode="complete"),
    "r": lambda xp, A: xp.linalg.qr(A, "r"),
    "top": lambda xp, A: xp.qr(A),
    "top-all": lambda xp, A: A.qr(some=False),
    "Q alone": lambda xp, A: xp.linalg.qr(A)[0],
    "R alone": lambda xp, A: xp.linalg.qr(A)[1],
}
SHAPES = [(3, 3), (2, 3, 3), (2, 1, 2, 2), (1, 1), (0, 3, 3), (0, 0), (2, 0, 0)]
OBLONG = [(4, 3), (3, 4), (2, 4, 3), (2, 3, 4), (0, 3), (3, 0)]
TYPES = ["float32", "complex128", "complex64"]


def every(calls, matrices, order=2):
    return [Case(f"{name}-{i}", call, (A,), order) for name, call in calls.items() for i, A in enumerate(matrices)]


NEGATIVE = definite(2, 3, 3)
NEGATIVE.values[1, 1, 1] = -1
SINGULAR = regular(2, 3, 3)
SINGULAR.values[1] = 0
CASES = [
    *every(CHOLESKY, [*(definite(*s) for s in SHAPES), *(definite(3, 3, dtype=t) for t in TYPES)]),
    *every(LU, [*(regular(*s) for s in SHAPES), *(normal(*s) for s in OBLONG), *(regular(3, 3, dtype=t) for t in TYPES)]),
    *every(QR, [*(regular(*s) for s in SHAPES), *(normal(*s) for s in OBLONG), *(normal(4, 3, dtype=t) for t in TYPES)]),
    *every(QR, [normal(3, 4, dtype="complex128")]),
    *every({f"cholesky-wrong-{n}": c for n, c in CHOLESKY.items()}, [normal(2, 3), integers(2, 2), normal(3), definite(2, 2, dtype="float16"), NEGATIVE], 0),
    Case("cholesky_ex-checked", lambda xp, A: xp.linalg.cholesky_ex(A, check_errors=True), (NEGATIVE,)),
    *every({f"lu-wrong-{n}": c for n, c in LU.items()}, [normal(3), integers(2, 2), regular(2, 2, dtype="float16"), SINGULAR], 0),
    Case("lu_factor_ex-checked", lambda xp, A: xp.linalg.lu_factor_ex(A, check_errors=True), (SINGULAR,)),
    *(Case(f"lu-no pivot-{n}", lambda xp, A, n=n: getattr(xp.linalg, n)(A, pivot=False), (regular(2, 2),)) for n in ("lu", "lu_factor", "lu_factor_ex")),
    *every({f"qr-wrong-{n}": c for n, c in QR.items()}, [normal(3), integers(2, 2), normal(2, 2, dtype="float16")], 0),
    Case("qr-mode", lambda xp, A: xp.linalg.qr(A, mode="x"), (normal(2, 2),)),
    *(Case(f"unpack-wrong-{i}", lambda xp, A, p=p, t=t: xp.lu_unpack(A, xp.tensor(p, dtype=getattr(xp, t))), (A,))
      for i, (A, p, t) in enumerate([(normal(2, requires_grad=False), [1, 1], "int32"), (normal(2, 2), [1, 1], "int64"), (normal(2, 2), [5, 5], "int32")])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A factorization gives PyTorch's factors, types, graph, gradients and error."""
    check(refgrad, torch, case)


SLOPES = {
    **{name: (call, definite(3, 3, dtype="complex128")) for name, call in CHOLESKY.items() if name != "ex"},
    **{f"lu-{shape}": (LU["lu"], normal(*shape)) for shape in [(3, 3), (2, 4), (4, 2)]},
    **{f"qr-{shape}": (QR["qr"], normal(*shape, dtype="complex128")) for shape in [(3, 3), (2, 4), (4, 2)]},
    "lu_factor": (LU["factor"], normal(4, 3)),
    "unpack": (LU["unpack"], normal(3, 4)),
}


@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    call, A = SLOPES[name]
    hermitian = name in CHOLESKY  # the factorization reads one triangle
    check_slopes_of(lambda x: call(refgrad, (x + x.mH) / 2 if hermitian else x), A)
