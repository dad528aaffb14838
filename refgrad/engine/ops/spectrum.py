"""Eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.modes import modes
from refgrad.engine.ops import return_types
from refgrad.engine.ops.matrices import (
    check_floating,
    check_infos,
    check_kernel,
    check_matrix,
    check_square,
    column,
    column_major,
    is_complex,
    linalg_diagonal,
    mH,
    off_diagonal,
    row,
)
from refgrad.engine.primitive import primitive

__all__ = [
    "linalg_eig", "linalg_eigh", "linalg_eigvals", "linalg_eigvalsh", "linalg_svd", "linalg_svdvals", "svd",
]  # fmt: skip

_ILL_CONDITIONED = (
    "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues "
    "(error code: {})."
)
_NOT_FINITE = "The algorithm failed to converge because the input matrix contained non-finite values."
_PHASE = "by e^{i phi}. The specified loss function depends on this "


def _differences(values: Any) -> Any:
    """``values[j] - values[i]`` at ``[i, j]``, and 1 on the diagonal.

    A repeated value divides by zero: torch lets the nan and inf stand.
    """
    return row(values) - column(values) + ops.diag_embed(ops.ones_as(values, tuple(values.shape)))


def _near_zero(value: Any) -> bool:
    """Whether all elements are; with torch's lax bound, which lets no honest loss be refused."""
    array = np.asarray(getattr(value, "_array", value))
    return bool(np.all(np.abs(array) <= 1e-2))


# symmetric and Hermitian ----------------------------------------------------------------------------------------------


@primitive(outputs=("eigenvalues", "eigenvectors"), holomorphic=False)
def _linalg_eigh(A: Any, /, UPLO: str) -> Any:
    check_square("linalg.eigh", A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    check_kernel("linalg_eigh_cpu", A)
    finite = np.isfinite(A).all((-1, -2))
    check_infos("linalg.eigh", np.where(finite, 0, A.shape[-1] - 1), _ILL_CONDITIONED)
    values, V = np.linalg.eigh(A, "L" if UPLO in "Ll" else "U")
    return values, column_major(V)


def _eigh_vjp(grad: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """Source: M. Giles, "Collected matrix derivative results" (2008), sec. 3.1; C. Boeddeker and others (2017), eq. 4.71."""
    grad_values, grad_vectors = grad
    V = eigenvectors
    if grad_vectors is None:
        return ops.matmul(V * row(grad_values), mH(V))
    product = ops.matmul(mH(V), grad_vectors)
    _check_phase("linalg_eigh_backward", product)
    inner = (product - mH(product)) / 2 / _differences(eigenvalues)
    if grad_values is not None:
        inner = off_diagonal(inner) + ops.diag_embed(grad_values)
    return ops.matmul(V, ops.matmul(inner, mH(V)))


def _check_phase(name: str, product: Any) -> None:
    if is_complex(product) and not _near_zero(ops.imag(linalg_diagonal(product))):
        raise RuntimeError(
            f"{name}: The eigenvectors in the complex case are specified up to multiplication {_PHASE}quantity, so it is "
            "ill-defined."
        )


_linalg_eigh.defvjp(_eigh_vjp)


def _eigh_jvp(tangent: Any, eigenvalues: Any, eigenvectors: Any) -> tuple[Any, Any]:
    inner = ops.matmul(ops.matmul(mH(eigenvectors), tangent), eigenvectors)
    turned = ops.matmul(eigenvectors, off_diagonal(inner / _differences(eigenvalues)))
    return ops.real(linalg_diagonal(inner)), turned


_linalg_eigh.defjvp(_eigh_jvp)


def linalg_eigh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of Hermitian matrices, in order, and their eigenvectors; only one triangle is read."""
    return return_types.linalg_eigh(*_linalg_eigh(A, UPLO))


def linalg_eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of Hermitian matrices, in order."""
    return _linalg_eigh(A, UPLO)[0]


# of any square matrix -------------------------------------------------------------------------------------------------


@primitive(outputs=("eigenvalues", "eigenvectors"), holomorphic=False)
def _linalg_eig(A: Any, /, name: str) -> Any:
    check_square(name, A)
    kind = dtypes.of(A.dtype).to_complex().numpy
    check_kernel("linalg_eig_out_cpu", A)
    if not np.isfinite(A).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    values, vectors = np.linalg.eig(A)
    return values.astype(kind), column_major(vectors.astype(kind))


def _eig_vjp(grad: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """Source: C. Boeddeker and others, "On the computation of complex-valued gradients" (2017), eq. 4.77; the eigenvectors
    have norm 1."""
    grad_values, grad_vectors = grad
    V = eigenvectors
    if grad_vectors is None:
        return ops.linalg_solve(mH(V), column(grad_values) * mH(V))
    product = ops.matmul(mH(V), grad_vectors)
    _check_phase("linalg_eig_backward", product)
    tangential = product - ops.matmul(mH(V), V * row(ops.real(linalg_diagonal(product))))
    inner = tangential / _differences(ops.conj(eigenvalues))
    if grad_values is not None:
        inner = off_diagonal(inner) + ops.diag_embed(grad_values)
    return ops.linalg_solve(mH(V), ops.matmul(inner, mH(V)))


_linalg_eig.defvjp(_eig_vjp)


def linalg_eig(A: Any) -> Any:
    """The eigenvalues and eigenvectors of square matrices, complex always."""
    return return_types.linalg_eig(*_linalg_eig(A, "linalg.eig"))


def linalg_eigvals(A: Any) -> Any:
    """The eigenvalues of square matrices, complex always."""
    recorded = modes.grad_enabled and getattr(A, "requires_grad", False)  # then torch computes the vectors too
    return _linalg_eig(A, "linalg.eig" if recorded else "linalg.eigvals")[0]


# singular values ------------------------------------------------------------------------------------------------------


@primitive(outputs=("U", "S", "Vh"), holomorphic=False)
def _linalg_svd(A: Any, /, full_matrices: bool) -> Any:
    check_matrix("linalg.svd", A)
    check_floating("linalg.svd", A)
    check_kernel("linalg_svd_cpu", A)
    check_infos("linalg.svd", ~np.isfinite(A).all((-1, -2)), _NOT_FINITE)
    U, S, Vh = np.linalg.svd(A, full_matrices)
    return column_major(U), S, column_major(Vh)


def _svd_vjp(grad: Any, U: Any, S: Any, Vh: Any, full_matrices: bool) -> Any:
    """Source: J. Townsend, "Differentiating the singular value decomposition" (2016); complex ones up to their phases."""
    grad_U, grad_S, grad_Vh = grad
    size = S.shape[-1]
    if full_matrices:  # what spans the rest has no derivative
        U, grad_U = (x if x is None else ops.narrow(x, -1, 0, size) for x in (U, grad_U))
        Vh, grad_Vh = (x if x is None else ops.narrow(x, -2, 0, size) for x in (Vh, grad_Vh))
    if grad_U is None and grad_Vh is None:
        return ops.matmul(U * row(grad_S), Vh)
    left = None if grad_U is None else _skew(ops.matmul(mH(U), grad_U))
    right = None if grad_Vh is None else _skew(ops.matmul(Vh, mH(grad_Vh)))
    inner = _svd_inner(left, right, S)
    inner = inner if grad_S is None else inner + ops.diag_embed(grad_S)
    total = ops.matmul(U, ops.matmul(inner, Vh))
    if grad_U is not None and U.shape[-2] > size:
        outer = grad_U / row(S)
        total = total + ops.matmul(outer - ops.matmul(U, ops.matmul(mH(U), outer)), Vh)
    if grad_Vh is not None and Vh.shape[-1] > size:
        outer = grad_Vh / column(S)
        total = total + ops.matmul(U, outer - ops.matmul(ops.matmul(outer, mH(Vh)), Vh))
    return total


def _skew(A: Any) -> Any:
    return A - mH(A)


def _svd_inner(left: Any, right: Any, S: Any) -> Any:
    """The gradient between ``U`` and ``Vh``, but for the part of ``S``."""
    _check_phases(left, right)
    E = _differences(S * S)
    if right is None:
        return left / E * row(S)
    if left is None:
        return column(S) * (right / E)
    inner = (left * row(S) + column(S) * right) / E
    if not is_complex(left):
        return inner
    turns = (linalg_diagonal(left) - linalg_diagonal(right)) / (4 * S)  # of the phases, which both sides share
    return off_diagonal(inner) + ops.diag_embed(turns)


def _check_phases(left: Any, right: Any) -> None:
    some = left if right is None else right if left is None else left + right
    if is_complex(some) and not _near_zero(ops.imag(linalg_diagonal(some))):
        raise RuntimeError(
            f"svd_backward: The singular vectors in the complex case are specified up to multiplication {_PHASE}phase term, "
            "making it ill-defined."
        )


_linalg_svd.defvjp(_svd_vjp)


def linalg_svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """``U``, ``S`` and ``Vh`` with ``A = U @ diag(S) @ Vh``: orthonormal columns, singular values in order, orthonormal rows.

    Errors: LinAlgError for what is not finite.
    """
    _check_driver(driver)
    return return_types.linalg_svd(*_linalg_svd(A, full_matrices))


def linalg_svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values, in order."""
    _check_driver(driver)
    return _linalg_svd(A, False)[1]


def _check_driver(driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """As ``linalg.svd``, with ``V`` instead of ``Vh``; zeros for both if not ``compute_uv``."""
    if input.ndim < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {input.ndim} dimensions instead"
        )
    if compute_uv:
        U, S, Vh = _linalg_svd(input, not some)
        return return_types.svd(U, S, mH(Vh))
    *batch, rows, columns = input.shape
    zeros = (ops.zeros_as(input, (*batch, size, size)) for size in (rows, columns))
    return return_types.svd(next(zeros), linalg_svdvals(input), next(zeros))
