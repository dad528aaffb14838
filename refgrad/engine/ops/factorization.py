"""Matrices as products of triangular and unitary ones: Cholesky, LU and QR."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops import return_types
from refgrad.engine.ops.matrices import (
    check_floating,
    check_infos,
    check_kernel,
    check_matrix,
    check_square,
    column_major,
    each,
    linalg_diagonal,
    mH,
)
from refgrad.engine.primitive import primitive

__all__ = [
    "cholesky", "linalg_cholesky", "linalg_cholesky_ex", "linalg_lu", "linalg_lu_factor", "linalg_lu_factor_ex",
    "linalg_qr", "lu", "lu_unpack", "qr",
]  # fmt: skip


# Cholesky -------------------------------------------------------------------------------------------------------------


def _cholesky_of(A: Any, upper: bool) -> tuple[Any, Any]:
    """The factor of each matrix, read from one of its triangles, and the order of its first bad minor or 0."""
    check_kernel("cholesky_cpu", A)
    lower = np.conj(np.swapaxes(A, -1, -2)) if upper else A
    try:
        L, info = np.linalg.cholesky(lower), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        L = np.tril(lower)
        info = each(_factor_into, lower, L)
    return column_major(np.conj(np.swapaxes(L, -1, -2)) if upper else L), info[()]


def _factor_into(A: Any, L: Any) -> int:
    """Write the columns of the factor up to the first bad one, and its order; 0 if there is none."""
    for j in range(len(A)):
        pivot = (A[j, j] - L[j, :j] @ np.conj(L[j, :j])).real
        L[j, j] = pivot
        if not pivot > 0:
            return j + 1
        L[j, j] = np.sqrt(pivot)
        L[j + 1 :, j] = (A[j + 1 :, j] - L[j + 1 :, :j] @ np.conj(L[j, :j])) / L[j, j]
    return 0


_NOT_DEFINITE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order {} is "
    "not positive-definite)."
)


@primitive(holomorphic=False)
def cholesky(input: Any, /, upper: bool = False) -> Any:
    """The lower triangular ``L`` with ``L @ L.mH = input``; ``L.mH`` if ``upper``.

    Errors: LinAlgError for matrices that are not positive-definite.
    """
    check_square("cholesky", input)
    L, info = _cholesky_of(input, upper)
    check_infos("cholesky", info, _NOT_DEFINITE)
    return L


@primitive(outputs=("L", "info"), holomorphic=False)
def _linalg_cholesky_ex(A: Any, /, upper: bool, checks: str) -> Any:
    check_square("linalg.cholesky", A)
    check_floating("linalg.cholesky", A)
    L, info = _cholesky_of(A, upper)
    if checks:
        check_infos(checks, info, _NOT_DEFINITE)
    return L, info


def _cholesky_vjp(grad: Any, L: Any, upper: bool) -> Any:
    """Source: I. Murray, "Differentiation of the Cholesky decomposition" (2016), eq. 10, made Hermitian."""
    L, grad = (mH(L), mH(grad)) if upper else (L, grad)
    product = ops.tril(ops.matmul(mH(L), grad))
    inner = product + mH(ops.tril(product, -1))
    half = ops.linalg_solve_triangular(mH(L), inner / 2, upper=True)
    return ops.linalg_solve_triangular(L, half, upper=False, left=False)


cholesky.defvjp(lambda grad, result, upper: _cholesky_vjp(grad, result, upper))
_linalg_cholesky_ex.defvjp(_cholesky_vjp)


def _cholesky_jvp(tangent: Any, L: Any, upper: bool) -> Any:
    """Of a tangent that is not Hermitian the lower half decides, as in torch."""
    L = mH(L) if upper else L
    half = ops.linalg_solve_triangular(L, tangent, upper=False)
    inner = ops.tril(ops.linalg_solve_triangular(mH(L), half, upper=True, left=False))
    moved = ops.matmul(L, inner - ops.diag_embed(linalg_diagonal(inner)) / 2)
    return mH(moved) if upper else moved


cholesky.defjvp(lambda tangent, result, upper: _cholesky_jvp(tangent, result, upper))
_linalg_cholesky_ex.defjvp(_cholesky_jvp)


def linalg_cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """As ``cholesky``, with the order of the first bad minor, 0 for none, instead of an error."""
    found = _linalg_cholesky_ex(A, upper, "linalg.cholesky_ex" if check_errors else "")
    return return_types.linalg_cholesky_ex(*found)


def linalg_cholesky(A: Any, *, upper: bool = False) -> Any:
    """The lower triangular ``L`` with ``L @ L.mH = A``; ``L.mH`` if ``upper``.

    Errors: LinAlgError for matrices that are not positive-definite.
    """
    return _linalg_cholesky_ex(A, upper, "linalg.cholesky")[0]


# LU -------------------------------------------------------------------------------------------------------------------


def eliminated(A: Any) -> tuple[Any, Any, Any]:
    """``L`` and ``U`` of each matrix in one, the rows swapped in each step, and the first step with a zero pivot or 0.

    Units: rows and steps count from 1, as in LAPACK.
    """
    check_kernel("lu_cpu", A)
    rows, columns = A.shape[-2:]
    steps = min(rows, columns)
    LU = np.array(A, order="C").reshape(math.prod(A.shape[:-2]), rows, columns)
    count = np.arange(len(LU))
    pivots, info = np.zeros((len(LU), steps), np.int32), np.zeros(len(LU), np.int32)
    for j in range(steps):
        size = np.abs(LU[:, j:, j].real) + np.abs(LU[:, j:, j].imag)
        best = j + np.argmax(size, 1)
        pivots[:, j] = best + 1
        LU[count, j], LU[count, best] = LU[count, best], LU[count, j]
        pivot = LU[:, j, j]
        info[(pivot == 0) & (info == 0)] = j + 1
        LU[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)[:, None]
        LU[:, j + 1 :, j + 1 :] -= LU[:, j + 1 :, j, None] * LU[:, j, None, j + 1 :]
    return LU.reshape(A.shape), pivots.reshape(*A.shape[:-2], steps), info.reshape(A.shape[:-2])[()]


def permutation(pivots: Any, rows: int) -> Any:
    """The order of the rows after the swaps of ``pivots``."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    for j in range(pivots.shape[-1]):
        other = pivots[..., j, None].astype(np.intp) - 1
        there = np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, order[..., j, None], -1)
        order[..., j, None] = there
    return order


def permutation_matrix(pivots: Any, rows: int, kind: Any) -> Any:
    """``P`` of ``A = P @ L @ U``."""
    order = permutation(pivots, rows)
    P = np.zeros((*order.shape, rows), kind)
    np.put_along_axis(P, order[..., None, :], 1, -2)
    return P


def _unpacked(LU: Any) -> tuple[Any, Any]:
    rows, columns = LU.shape[-2:]
    size = min(rows, columns)
    return np.tril(LU[..., :size], -1) + np.eye(rows, size, dtype=LU.dtype), np.triu(LU[..., :size, :])


def _check_pivoted(pivot: bool) -> None:
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


def _check_dimensions(name: str, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")


@primitive(outputs=("P", "L", "U"), constant=("P",), holomorphic=False)
def _linalg_lu(A: Any, /, pivot: bool) -> Any:
    _check_dimensions("linalg.lu", A)
    check_kernel("lu_cpu", A)
    _check_pivoted(pivot)
    LU, pivots, _ = eliminated(A)
    return permutation_matrix(pivots, A.shape[-2], A.dtype), *_unpacked(LU)


def _lu_vjp(grad_L: Any, grad_U: Any, P: Any, L: Any, U: Any) -> Any:
    """For wide and tall matrices too: beside the leading square block there is a rest of ``U``, or one of ``L``.

    Source: F. de Hoog, R. Anderssen and M. Lukas, "Differentiation of matrix functionals using triangular factorization"
    (2011), for the square block.
    """
    size = L.shape[-1]
    grad_L = ops.zeros_like(L) if grad_L is None else grad_L
    grad_U = ops.zeros_like(U) if grad_U is None else grad_U
    (L1, L2), (grad_L1, grad_L2) = (_parted(x, size, -2) for x in (L, grad_L))
    (U1, U2), (grad_U1, grad_U2) = (_parted(x, size, -1) for x in (U, grad_U))
    lower = ops.tril(ops.matmul(mH(L1), grad_L1) - ops.matmul(grad_U2, mH(U2)), -1)
    upper = ops.triu(ops.matmul(grad_U1, mH(U1)) - ops.matmul(mH(L2), grad_L2))
    block = ops.linalg_solve_triangular(mH(U1), lower + upper, upper=False, left=False)
    top = ops.linalg_solve_triangular(mH(L1), ops.cat((block, grad_U2), -1), upper=True, unitriangular=True)
    if L.shape[-2] == size:
        return ops.matmul(P, top)
    bottom = ops.linalg_solve_triangular(mH(U1), grad_L2, upper=False, left=False)
    return ops.matmul(P, ops.cat((top, bottom), -2))


def _parted(A: Any, size: int, dim: int) -> tuple[Any, Any]:
    return ops.narrow(A, dim, 0, size), ops.narrow(A, dim, size, A.shape[dim] - size)


_linalg_lu.defvjp(lambda grad, P, L, U: _lu_vjp(grad[1], grad[2], P, L, U))


def linalg_lu(A: Any, *, pivot: bool = True) -> Any:
    """``P``, ``L`` and ``U`` with ``A = P @ L @ U``: a permutation, a lower and an upper triangular matrix."""
    return return_types.linalg_lu(*_linalg_lu(A, pivot))


@primitive(outputs=("LU", "pivots", "info"), holomorphic=False)
def _linalg_lu_factor_ex(A: Any, /, pivot: bool, checks: str) -> Any:
    _check_dimensions("torch.lu_factor", A)
    check_kernel("lu_cpu", A)
    _check_pivoted(pivot)
    LU, pivots, info = eliminated(A)
    if checks and np.any(info):
        raise RuntimeError(_ZERO_PIVOT.format(checks, _where(info)))
    return column_major(LU), pivots, info


_ZERO_PIVOT = (
    "{0}: {1} is zero and using it on lu_solve would result in a division by zero. If you still want to perform the "
    "factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
)


def _where(info: Any) -> str:
    batch, step = int(np.flatnonzero(info)[0]), int(info[info != 0].ravel()[0]) if np.ndim(info) else int(info)
    return f"(Batch element {batch}): U[{step},{step}]" if np.ndim(info) else f"U[{step},{step}]"


def _lu_factor_vjp(grad: Any, LU: Any, pivots: Any) -> Any:
    P, L, U = ops.lu_unpack(LU, pivots)
    size = L.shape[-1]
    grad_L, grad_U = ops.tril(ops.narrow(grad, -1, 0, size), -1), ops.triu(ops.narrow(grad, -2, 0, size))
    return _lu_vjp(grad_L, grad_U, P, L, U)


_linalg_lu_factor_ex.defvjp(_lu_factor_vjp)


def linalg_lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """As ``lu_factor``, with the first step that met a zero pivot, 0 for none, instead of an error."""
    found = _linalg_lu_factor_ex(A, pivot, "torch.linalg.lu_factor_ex" if check_errors else "")
    return return_types.linalg_lu_factor_ex(*found)


def linalg_lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """``L`` and ``U`` of ``A = P @ L @ U`` in one matrix, and the rows that were swapped.

    Errors: RuntimeError for a zero pivot.
    """
    return return_types.linalg_lu_factor(*_linalg_lu_factor_ex(A, pivot, "torch.linalg.lu_factor")[:2])


def lu(A: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """As ``lu_factor``, without a check."""
    found = _linalg_lu_factor_ex(A, pivot, "")
    return return_types._lu_with_info(*found) if get_infos else tuple(found[:2])


@primitive(outputs=("P", "L", "U"), constant=("P",), holomorphic=False)
def _lu_unpack(LU_data: Any, LU_pivots: Any, /, unpack_data: bool, unpack_pivots: bool) -> Any:
    _check_dimensions("torch.lu_unpack", LU_data)
    nothing = np.empty(0, LU_data.dtype)
    L, U = _unpacked(LU_data) if unpack_data else (nothing, nothing)
    if not unpack_pivots:
        return nothing, L, U
    rows = LU_data.shape[-2]
    _check_pivots(LU_pivots, rows)
    return permutation_matrix(LU_pivots, rows, LU_data.dtype), L, U


def _check_pivots(pivots: Any, rows: int) -> None:
    if pivots.dtype != np.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function is "
            "intended to be used with the output produced by torch.linalg.lu_factor"
        )
    if pivots.size and (pivots.min() < 1 or pivots.max() > rows):
        raise RuntimeError(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.Did you properly pass the result of "
            "lu_factor?"
        )


def _lu_unpack_vjp(grad: Any, LU_data_shape: Any) -> Any:
    *_, rows, columns = LU_data_shape
    parts = []
    if grad[1] is not None:
        parts.append(_widened(ops.tril(grad[1], -1), columns, -1))
    if grad[2] is not None:
        parts.append(_widened(ops.triu(grad[2]), rows, -2))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _widened(A: Any, size: int, dim: int) -> Any:
    """``A`` with zeros behind it along ``dim``."""
    shape = list(A.shape)
    shape[dim] = size - shape[dim]
    return ops.cat((A, ops.zeros_as(A, tuple(shape))), dim) if shape[dim] else A


_lu_unpack.defvjp(_lu_unpack_vjp)


def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """``P``, ``L`` and ``U`` of what ``lu_factor`` gave; empty where they are not wanted."""
    return return_types.lu_unpack(*_lu_unpack(LU_data, LU_pivots, unpack_data, unpack_pivots))


# QR -------------------------------------------------------------------------------------------------------------------


@primitive(outputs=("Q", "R"), holomorphic=False)
def _linalg_qr(A: Any, /, mode: str) -> Any:
    check_matrix("linalg.qr", A)
    check_floating("linalg.qr", A)
    if mode not in ("reduced", "r", "complete"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    check_kernel("geqrf_cpu", A)
    if mode == "r":
        return np.empty(0, A.dtype), column_major(np.linalg.qr(A, "r"))
    Q, R = np.linalg.qr(A + A.dtype.type(0), mode)  # type: ignore[call-overload]  # of a -0 the sign is LAPACK's affair
    return column_major(Q), column_major(R)


def _qr_vjp(grad: Any, Q: Any, R: Any, mode: str) -> Any:
    """Source: M. Seeger and others, "Auto-differentiating linear algebra" (2017), sec. 2.2; for wide matrices only the
    leading square block of ``R`` is inverted."""
    rows, columns = Q.shape[-2] if len(Q.shape) > 1 else 0, R.shape[-1]
    _check_qr(mode, rows, columns)
    grad_Q, grad_R = grad
    inner = None if grad_R is None else ops.matmul(grad_R, mH(R))
    if grad_Q is not None:
        product = ops.matmul(mH(Q), grad_Q)
        inner = -product if inner is None else inner - product
    if rows >= columns:
        upper = ops.triu(inner)
        total = ops.matmul(Q, upper + mH(upper) - ops.diag_embed(ops.real(linalg_diagonal(upper))))
        total = total if grad_Q is None else total + grad_Q
        return ops.linalg_solve_triangular(mH(R), total, upper=False, left=False)
    skew = ops.tril(mH(inner) - inner)
    skew = skew - ops.diag_embed(linalg_diagonal(skew)) / 2
    square = ops.narrow(R, -1, 0, rows)
    block = ops.linalg_solve_triangular(mH(square), ops.matmul(Q, skew), upper=False, left=False)
    total = _widened(block, columns, -1)
    return total if grad_R is None else total + ops.matmul(Q, grad_R)


def _check_qr(mode: str, rows: int, columns: int) -> None:
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
            "mode='reduced') if you are going to differentiate through linalg.qr."
        )
    if mode == "complete" and rows > columns:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")


_linalg_qr.defvjp(_qr_vjp)


def linalg_qr(A: Any, mode: str = "reduced") -> Any:
    """``Q`` and ``R`` with ``A = Q @ R``: orthonormal columns, and an upper triangle."""
    return return_types.linalg_qr(*_linalg_qr(A, mode))


def qr(input: Any, some: bool = True) -> Any:
    """As ``linalg.qr``; all columns of ``Q`` if not ``some``."""
    return return_types.qr(*_linalg_qr(input, "reduced" if some else "complete"))
