"""Eigenvalues and singular values, side by side with PyTorch; vectors up to the phase that a LAPACK may choose."""

import numpy as np
import pytest

import refgrad
from tests.engine.live import attempt
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(4)
definite, integers, normal, regular = DRAWN.definite, DRAWN.integers, DRAWN.normal, DRAWN.regular


def projectors(V):
    """What eigenvectors say, whatever their phase."""
    return V.unsqueeze(-2) * V.conj().unsqueeze(-3)


def eigh(xp, A, **options):
    values, V = xp.linalg.eigh(A, **options)
    return values, projectors(V)


def eig(xp, A):
    """Sorted, for the order is LAPACK's."""
    values, V = xp.linalg.eig(A)
    order = xp.argsort(values.detach().real + 10 * values.detach().imag, dim=-1)
    return xp.gather(values, -1, order), xp.gather(V.abs(), -1, order.unsqueeze(-2).expand(V.shape))


def svd(xp, A, **options):
    U, S, Vh = xp.linalg.svd(A, **options)
    size = S.shape[-1]
    return U[..., :size] @ Vh[..., :size, :], S, U[..., :size].abs(), Vh[..., :size, :].abs()


HERMITIAN = {
    "eigh": eigh,
    "eigh-U": lambda xp, A: eigh(xp, A, UPLO="U"),
    "eigvalsh": lambda xp, A: xp.linalg.eigvalsh(A),
    "eigvalsh-u": lambda xp, A: xp.linalg.eigvalsh(A, "u"),
    "vectors alone": lambda xp, A: eigh(xp, A)[1],
    "values alone": lambda xp, A: xp.linalg.eigh(A)[0],
}
SQUARE = {"eig": eig, "eigvals": lambda xp, A: eig(xp, A)[0], "values": lambda xp, A: xp.linalg.eigvals(A).sum(-1)}
ANY = {
    "svd": lambda xp, A: svd(xp, A, full_matrices=False),
    "svd-full": svd,
    "svdvals": lambda xp, A: xp.linalg.svdvals(A),
    "svd-top": lambda xp, A: (lambda U, S, V: (U @ V.mH, S))(*xp.svd(A)),
    "svd-no vectors": lambda xp, A: xp.svd(A, compute_uv=False)[1],
    "U alone": lambda xp, A: svd(xp, A)[2],
    "Vh alone": lambda xp, A: svd(xp, A)[3],
}
SHAPES = [(3, 3), (2, 3, 3), (1, 1), (0, 3, 3), (0, 0), (2, 0, 0)]
OBLONG = [(4, 3), (3, 4), (2, 4, 3), (0, 3), (3, 0)]
TYPES = ["float32", "complex128"]
NAN = Array(np.full((3, 3), np.nan))


def every(calls, matrices):
    return [Case(f"{name}-{i}", call, (A,)) for name, call in calls.items() for i, A in enumerate(matrices)]


CASES = [
    *every(HERMITIAN, [*(definite(*s) for s in SHAPES), definite(3, 3, dtype="complex128")]),
    Case("float32", HERMITIAN["values alone"], (definite(3, 3, dtype="float32"),)),
    *every(SQUARE, [*(normal(*s) for s in SHAPES), *(normal(3, 3, dtype=t) for t in TYPES)]),
    *every(ANY, [*(normal(*s) for s in SHAPES + OBLONG), *(normal(4, 3, dtype=t) for t in TYPES), normal(3, 4, dtype="complex128")]),
    *every({f"{n}-wrong": c for n, c in HERMITIAN.items()}, [normal(2, 3), integers(2, 2), normal(2), definite(2, 2, dtype="float16"), NAN]),
    *every({f"{n}-wrong": c for n, c in SQUARE.items()}, [normal(2, 3), integers(2, 2), normal(2), normal(2, 2, dtype="float16"), NAN]),
    *every({f"{n}-wrong": c for n, c in ANY.items()}, [integers(2, 2), normal(2), normal(2, 2, dtype="float16"), NAN]),
    Case("UPLO", lambda xp, A: xp.linalg.eigh(A, UPLO="X"), (definite(2, 2),)),
    Case("driver", lambda xp, A: xp.linalg.svd(A, driver="gesvd"), (normal(2, 2),)),
    Case("repeated eigenvalues", HERMITIAN["values alone"], (Array(np.eye(3)),)),
    Case("repeated singular values", ANY["svdvals"], (Array(np.eye(3)),)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A spectrum gives PyTorch's values, types, graph, gradients and error."""
    check(refgrad, torch, case)


SLOPES = {
    **{n: (c, definite(3, 3, dtype="complex128"), True) for n, c in HERMITIAN.items()},
    "eig": (SQUARE["eig"], normal(3, 3), False),
    "eig-complex": (SQUARE["eig"], normal(3, 3, dtype="complex128"), False),
    **{
        f"{n}-{s}": (c, normal(*s, dtype="complex128"), False) for n, c in ANY.items() for s in [(3, 3), (4, 2), (2, 4)]
    },
}


@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    call, A, hermitian = SLOPES[name]
    check_slopes_of(lambda x: call(refgrad, (x + x.mH) / 2 if hermitian else x), A)


@pytest.mark.parametrize(("name", "make"), [
    ("eigh", lambda xp, A: xp.linalg.eigh(A @ A.mH)[1].real), ("eig", lambda xp, A: xp.linalg.eig(A)[1].imag),
    ("svd", lambda xp, A: xp.linalg.svd(A)[0].real),
])  # fmt: skip
def test_a_loss_that_depends_on_the_phase(name, make):
    """A gradient that no phase would leave alone is refused, in PyTorch's words."""
    A = regular(3, 3, dtype="complex128").values
    raised = []
    for xp in (refgrad, torch):
        x = xp.from_numpy(A.copy()).requires_grad_()
        raised.append(attempt(lambda xp=xp, x=x: make(xp, x).sum().backward()))
    assert raised[0] == raised[1]
    assert "by e^{i phi}" in raised[0].text


def test_repeated_eigenvalues_give_nan():
    """The eigenvectors of a repeated eigenvalue have no derivative: nan, as in PyTorch."""
    grads = []
    for xp in (refgrad, torch):
        x = xp.eye(2, dtype=xp.float64).requires_grad_()
        (xp.linalg.eigh(x)[1] * xp.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
        grads.append(np.isfinite(x.grad.numpy()))
    assert not grads[0].all()
    assert np.array_equal(grads[0], grads[1])
