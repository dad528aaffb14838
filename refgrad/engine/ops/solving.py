"""Systems of linear equations, and inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.modes import warn_once
from refgrad.engine.ops import return_types
from refgrad.engine.ops.factorization import eliminated, permutation
from refgrad.engine.ops.matrices import (
    broadcast_batches,
    check_floating,
    check_infos,
    check_kernel,
    check_matrix,
    check_solver,
    check_square,
    column_major,
    mH,
    mT,
)
from refgrad.engine.primitive import primitive

__all__ = [
    "cholesky_inverse", "cholesky_solve", "inverse", "linalg_inv", "linalg_inv_ex", "linalg_lu_solve", "linalg_solve",
    "linalg_solve_ex", "linalg_solve_triangular", "linalg_tensorinv", "linalg_tensorsolve", "lu_solve", "triangular_solve",
]  # fmt: skip


# triangular -----------------------------------------------------------------------------------------------------------


def substituted(A: Any, B: Any, upper: bool, unitriangular: bool = False) -> Any:
    """``X`` of ``A @ X = B``, by substitution; a zero on the diagonal gives inf and nan. The other triangle is not read."""
    X = np.array(B)
    size = A.shape[-1]
    for i in reversed(range(size)) if upper else range(size):
        known = slice(i + 1, None) if upper else slice(i)
        X[..., i, :] -= (A[..., i, None, known] @ X[..., known, :])[..., 0, :]
        if not unitriangular:
            X[..., i, :] /= A[..., i, i, None]
    return X


def _solved_triangular(A: Any, B: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    check_kernel("triangular_solve_cpu", B)
    A, B = broadcast_batches(A, B)
    if left:
        return column_major(substituted(A, B, upper, unitriangular))
    flipped = substituted(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2), not upper, unitriangular)
    return column_major(np.swapaxes(flipped, -1, -2))


def _triangle(A: Any, upper: bool, unitriangular: bool) -> Any:
    return ops.triu(A, int(unitriangular)) if upper else ops.tril(A, -int(unitriangular))


@primitive(holomorphic=False, together=("B", "A"), saves=("result",))
def _linalg_solve_triangular(A: Any, B: Any, /, upper: bool, left: bool, unitriangular: bool) -> Any:
    check_solver("linalg.solve_triangular", A, B, left)
    return _solved_triangular(A, B, upper, left, unitriangular)


def _triangular_vjp(grad: Any, A: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    return _linalg_solve_triangular(mH(A), grad, not upper, left, unitriangular)


def _triangular_matrix_vjp(grad: Any, A: Any, result: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    grad = _triangular_vjp(grad, A, upper, left, unitriangular)
    product = ops.matmul(grad, mH(result)) if left else ops.matmul(mH(result), grad)
    return -_triangle(product, upper, unitriangular)


_linalg_solve_triangular.defvjp(_triangular_matrix_vjp, _triangular_vjp)
_linalg_solve_triangular.defjvp(
    lambda tangent, A, result, upper, left, unitriangular: _linalg_solve_triangular(
        A,
        -ops.matmul(_triangle(tangent, upper, unitriangular), result)
        if left
        else -ops.matmul(result, _triangle(tangent, upper, unitriangular)),
        upper,
        left,
        unitriangular,
    ),
    lambda tangent, A, upper, left, unitriangular: _linalg_solve_triangular(A, tangent, upper, left, unitriangular),
)


def linalg_solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Any:
    """``X`` of ``A @ X = B``, of ``X @ A = B`` if not ``left``, for a triangular ``A``; its other triangle is not read."""
    return _linalg_solve_triangular(A, B, upper, left, unitriangular, out=out)


def _check_systems(name: str, input: Any, A: Any) -> None:
    if input.dtype != A.dtype:
        first, second = dtypes.scalar_title(input.dtype), dtypes.scalar_title(A.dtype)
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {first} and A of type {second} instead."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if A.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {A.shape[-1]} by {A.shape[-1]} but each b matrix is "
            f"{input.shape[-2]} by {input.shape[-1]}"
        )


@primitive(
    outputs=("solution", "cloned_coefficient"), holomorphic=False, together=("input", "A"),
    saves=("input", "A", "solution"),
)  # fmt: skip
def _triangular_solve(input: Any, A: Any, /, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    for x, name in ((input, "b"), (A, "A")):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {x.ndim} dimensions "
                "instead"
            )
    _check_systems("triangular_solve", input, A)
    A, input = broadcast_batches(A, input)
    factor, upper = (np.swapaxes(A, -1, -2), not upper) if transpose else (A, upper)
    return _solved_triangular(factor, input, upper, True, unitriangular), column_major(A).copy(order="K")


def _triangular_solve_vjp(grad: Any, A: Any, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    if grad[0] is None:
        return None
    return _triangular_solve(grad[0], ops.conj(A), upper, not transpose, unitriangular)[0]


def _triangular_solve_matrix_vjp(
    grad: Any, A: Any, solution: Any, upper: bool, transpose: bool, unitriangular: bool
) -> Any:
    if grad[0] is None:
        return grad[1]
    inner = _triangular_solve_vjp(grad, A, upper, transpose, unitriangular)
    product = ops.matmul(ops.conj(solution), mT(inner)) if transpose else ops.matmul(inner, mH(solution))
    total = -_triangle(product, upper, unitriangular)
    return total if grad[1] is None else total + grad[1]


_triangular_solve.defvjp(_triangular_solve_vjp, _triangular_solve_matrix_vjp)

_DEPRECATED = (
    "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in a future PyTorch "
    "release.\ntorch.linalg.solve_triangular has its arguments reversed and does not return a copy of one of the inputs.\n"
    "X = torch.triangular_solve(B, A).solution\nshould be replaced with\nX = torch.linalg.solve_triangular(A, B)."
)


def triangular_solve(b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    """As ``linalg.solve_triangular``, of ``A.mT`` if ``transpose``; with a copy of ``A``."""
    warn_once(_DEPRECATED, stacklevel=3)
    return return_types.triangular_solve(*_triangular_solve(b, A, upper, transpose, unitriangular))


# of a factor that is known --------------------------------------------------------------------------------------------


@primitive(holomorphic=False, saves=("B", "L", "result"))
def cholesky_solve(B: Any, L: Any, /, upper: bool = False) -> Any:
    """``X`` of ``L @ L.mH @ X = B``, of ``L.mH @ L @ X = B`` if ``upper``."""
    for x, name in ((B, "b"), (L, "u")):
        if x.ndim < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    _check_systems("cholesky_solve", B, L)
    check_kernel("cholesky_solve_cpu", B)
    L, B = broadcast_batches(L, B)
    adjoint = np.conj(np.swapaxes(L, -1, -2))
    lower, L = (adjoint, L) if upper else (L, adjoint)
    return column_major(substituted(L, substituted(lower, B, False), True))


def _cholesky_solve_vjp(grad: Any, L: Any, result: Any, upper: bool) -> Any:
    product = ops.matmul(ops.cholesky_solve(grad, L, upper), mH(result))
    symmetric = product + mH(product)
    return -(ops.matmul(L, symmetric) if upper else ops.matmul(symmetric, L))


cholesky_solve.defvjp(lambda grad, L, upper: ops.cholesky_solve(grad, L, upper), _cholesky_solve_vjp)


@primitive(holomorphic=False)
def cholesky_inverse(L: Any, /, upper: bool = False) -> Any:
    """The inverse of ``L @ L.mH``, of ``L.mH @ L`` if ``upper``.

    Errors: LinAlgError for a zero on the diagonal.
    """
    check_square("cholesky_inverse", L)
    check_kernel("cholesky_inverse_out_cpu", L)
    zero = np.diagonal(L, 0, -2, -1) == 0
    check_infos("cholesky_inverse", (zero.any(-1) * (1 + zero.argmax(-1)))[()] if L.size else 0, _SINGULAR)
    return cholesky_solve.op.forward(np.eye(L.shape[-1], dtype=L.dtype), L, upper)


def _cholesky_inverse_vjp(grad: Any, L: Any, result: Any, upper: bool) -> Any:
    symmetric = ops.matmul(ops.matmul(result, grad + mH(grad)), result)
    return -(ops.matmul(L, symmetric) if upper else ops.matmul(symmetric, L))


cholesky_inverse.defvjp(_cholesky_inverse_vjp)

_SINGULAR = (
    "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
)


@primitive(holomorphic=False)
def _linalg_lu_solve(LU: Any, B: Any, pivots: Any, /, left: bool, adjoint: bool) -> Any:
    _check_lu(LU, pivots, B, left)
    if not left:
        flipped = np.conj(np.swapaxes(B, -1, -2))
        return np.ascontiguousarray(np.conj(np.swapaxes(_solved_lu(LU, pivots, flipped, not adjoint), -1, -2)))
    return column_major(_solved_lu(LU, pivots, B, adjoint))


def _solved_lu(LU: Any, pivots: Any, B: Any, adjoint: bool) -> Any:
    order = permutation(pivots, LU.shape[-1])
    LU, B = broadcast_batches(LU, B)
    order = np.broadcast_to(order, B.shape[:-1])[..., None]
    if not adjoint:
        return substituted(LU, substituted(LU, np.take_along_axis(B, order, -2), False, True), True)
    LU = np.conj(np.swapaxes(LU, -1, -2))
    result = np.empty_like(B)
    np.put_along_axis(result, order, substituted(LU, substituted(LU, B, False), True, True), -2)
    return result


def _check_lu(LU: Any, pivots: Any, B: Any, left: bool) -> None:
    check_floating("torch.linalg.lu_solve", LU)
    if LU.dtype != B.dtype:
        first, second = dtypes.scalar_title(LU.dtype), dtypes.scalar_title(B.dtype)
        raise RuntimeError(
            "linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type "
            f"{first} and B of type {second} instead"
        )
    if pivots.dtype != np.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    check_square("torch.linalg.lu_solve", LU)
    check_solver("linalg.lu_solve", LU, B, left)
    if LU.shape[-1] != pivots.shape[-1]:
        raise RuntimeError("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    if LU.shape[:-1] != pivots.shape:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )


def _lu_solve_factor_vjp(grad: Any, LU: Any, pivots: Any, result: Any, left: bool, adjoint: bool) -> Any:
    """Of ``A = P L U`` the gradient is that of an inverse; the factors' share of it is as ``lu`` has it."""
    inner = _linalg_lu_solve(LU, grad, pivots, left, not adjoint)
    grad_A = -(ops.matmul(inner, mH(result)) if left else ops.matmul(mH(result), inner))
    P, L, U = ops.lu_unpack(LU, pivots)
    grad_PA = ops.matmul(mT(P), mH(grad_A) if adjoint else grad_A)
    lower, upper = ops.matmul(grad_PA, mH(U)), ops.matmul(mH(L), grad_PA)
    return ops.tril(lower, -1) + ops.triu(upper)


_linalg_lu_solve.defvjp(
    _lu_solve_factor_vjp,
    lambda grad, LU, pivots, left, adjoint: _linalg_lu_solve(LU, grad, pivots, left, not adjoint),
)


def linalg_lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None) -> Any:
    """``X`` of ``A @ X = B`` for the ``A`` that ``lu_factor`` took apart; of ``X @ A = B`` if not ``left``."""
    return _linalg_lu_solve(LU, B, pivots, left, adjoint, out=out)


def lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """As ``linalg.lu_solve``."""
    return linalg_lu_solve(LU_data, LU_pivots, b)


# of any square matrix -------------------------------------------------------------------------------------------------


def is_vector(A_shape: Any, B_shape: Any) -> bool:
    """Whether the right side is a vector, or a batch of them."""
    return len(B_shape) == 1 or (len(A_shape) - 1 == len(B_shape) and tuple(B_shape) == tuple(A_shape[:-1]))


@primitive(outputs=("result", "info"), holomorphic=False, together=("B", "A"), saves=("result",))
def _linalg_solve_ex(A: Any, B: Any, /, left: bool, checks: str) -> Any:
    check_floating("linalg.solve", A)
    if A.dtype != B.dtype:
        first, second = dtypes.scalar_title(A.dtype), dtypes.scalar_title(B.dtype)
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{first} and B of type {second} instead"
        )
    check_matrix("linalg.solve", A)
    vector = is_vector(A.shape, B.shape)
    columns = B[..., None] if vector else B
    check_solver("linalg.solve", A, columns, left)
    check_kernel("lu_cpu", A)
    A_T, columns_T = (A, columns) if left else (np.swapaxes(A, -1, -2), np.swapaxes(columns, -1, -2))
    X, info = _solved(A_T, columns_T)
    X = column_major(X) if left else np.ascontiguousarray(np.swapaxes(X, -1, -2))
    if checks:
        check_infos(checks, info, "The solver failed because the input matrix is singular.")
    return (_by_columns(X[..., 0]) if vector else X), info


def _by_columns(vectors: Any) -> Any:
    """A batch of vectors, in memory as torch has it: the last two dimensions are taken for a matrix."""
    return column_major(vectors) if vectors.ndim > 1 else vectors


def _solved(A: Any, B: Any) -> tuple[Any, Any]:
    try:
        return np.linalg.solve(*broadcast_batches(A, B)), np.zeros(A.shape[:-2], np.int32)[()]
    except np.linalg.LinAlgError:  # what torch gives then is what the substitution makes of zero pivots
        LU, pivots, info = eliminated(A)
        return _solved_lu(LU, pivots, B, False), info


def _solve_vjp(grad: Any, A: Any, B_shape: Any, left: bool) -> Any:
    return _linalg_solve_ex(mH(A), grad, left, "torch.linalg.solve")[0]


def _solve_matrix_vjp(grad: Any, A: Any, B_shape: Any, result: Any, left: bool) -> Any:
    grad = _solve_vjp(grad, A, B_shape, left)
    if is_vector(A.shape, B_shape):
        return -ops.unsqueeze(grad, -1) * ops.unsqueeze(ops.conj(result), -2)
    return -(ops.matmul(grad, mH(result)) if left else ops.matmul(mH(result), grad))


_linalg_solve_ex.defvjp(_solve_matrix_vjp, _solve_vjp)


def linalg_solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """``X`` of ``A @ X = B``, of ``X @ A = B`` if not ``left``.

    Errors: LinAlgError for a singular ``A``.
    """
    return _linalg_solve_ex(A, B, left, "torch.linalg.solve")[0]


def linalg_solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """As ``solve``, with the number of the zero pivot, 0 for none, instead of an error."""
    return return_types.linalg_solve_ex(*_linalg_solve_ex(A, B, left, "torch.linalg.solve_ex" if check_errors else ""))


@primitive(outputs=("inverse", "info"), holomorphic=False)
def _linalg_inv_ex(A: Any, /, checks: str) -> Any:
    check_square("linalg.inv", A)
    check_floating("linalg.inv", A, low_precision=False)
    try:
        inverse, info = np.linalg.inv(A), np.zeros(A.shape[:-2], np.int32)[()]
    except np.linalg.LinAlgError:
        LU, pivots, info = eliminated(A)
        inverse = _solved_lu(LU, pivots, np.eye(A.shape[-1], dtype=A.dtype), False)
    if checks:
        check_infos(checks, info, _SINGULAR)
    return column_major(inverse), info


_linalg_inv_ex.defvjp(lambda grad, inverse: -ops.matmul(mH(inverse), ops.matmul(grad, mH(inverse))))


def linalg_inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """As ``inv``, with the number of the zero pivot, 0 for none, instead of an error."""
    return return_types.linalg_inv_ex(*_linalg_inv_ex(A, "linalg.inv_ex" if check_errors else ""))


def linalg_inv(A: Any) -> Any:
    """The inverse of square matrices.

    Errors: LinAlgError for a singular one.
    """
    return _linalg_inv_ex(A, "linalg.inv")[0]


def inverse(input: Any) -> Any:
    """As ``linalg.inv``."""
    return linalg_inv(input)


# of tensors -----------------------------------------------------------------------------------------------------------


def linalg_tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of ``tensordot(A, _, ind)``.

    Errors: RuntimeError unless the first ``ind`` dimensions make as many as the others.
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    if ind > A.ndim:
        raise RuntimeError(f"ArrayRef: invalid slice, N = {ind}; size = {A.ndim}")
    rows, columns = math.prod(A.shape[:ind]), math.prod(A.shape[ind:])
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{columns} != {rows}"
        )
    return ops.reshape(linalg_inv(ops.reshape(A, (rows, columns))), (*A.shape[ind:], *A.shape[:ind]))


def linalg_tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """``X`` of ``tensordot(A, X, X.ndim) = B``; ``dims`` of ``A`` are moved to its end first."""
    if dims is not None:
        A = ops.movedim(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    columns, size = math.prod(A.shape[B.ndim :]), math.prod(B.shape)
    if columns != size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
            f"got {columns} != {size}"
        )
    X = linalg_solve(ops.reshape(A, (size, size)), ops.reshape(B, (size,)))
    return ops.reshape(X, tuple(A.shape[B.ndim :]))
