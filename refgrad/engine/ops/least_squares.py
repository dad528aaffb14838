"""Least squares, and the inverse of matrices that have none."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops import return_types
from refgrad.engine.ops.matrices import check_floating, column, mH, row
from refgrad.engine.ops.solving import is_vector
from refgrad.engine.primitive import primitive

__all__ = ["linalg_lstsq", "linalg_matrix_rank", "linalg_pinv", "pinverse"]


# pseudo-inverse -------------------------------------------------------------------------------------------------------


def _tolerances(name: str, A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """The defaults: no absolute tolerance; a relative one of as many ulp as the larger side is long."""
    for value, word in ((atol, "atol"), (rtol, "rtol")):
        if value is not None and np.iscomplexobj(value):
            title = dtypes.scalar_title(np.asarray(value).dtype)
            raise RuntimeError(f"{name}: {word} tensor of complex type is not supported. Got {title}")
    if rtol is None:
        if A.dtype.kind in "biu":
            raise RuntimeError("This function doesn't handle types other than float and double")
        dims.wrap(-2, A.ndim)
        large = atol is not None and np.all(np.asarray(atol) > 0)
        rtol = 0.0 if large else np.finfo(A.dtype).eps * max(A.shape[-2:])
    return 0.0 if atol is None else atol, rtol


def _kept(sizes: Any, atol: Any, rtol: Any) -> Any:
    """Which singular values count."""
    largest = np.max(sizes, -1, keepdims=True, initial=0)
    bound = np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * largest)
    return sizes > bound


@primitive(holomorphic=False)
def _linalg_pinv(input: Any, atol: Any, rtol: Any, /, hermitian: bool) -> Any:
    if atol is not None:
        atol, rtol = _tolerances("torch.linalg.pinv", input, atol, rtol)
    if input.ndim < 2 or input.dtype.kind in "biu" or input.dtype.itemsize == 2:
        raise RuntimeError(
            f"linalg.pinv({dtypes.scalar_title(input.dtype)}{{{list(input.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    atol, rtol = _tolerances("torch.linalg.pinv", input, atol, rtol)
    if not input.size:
        return np.zeros((*input.shape[:-2], input.shape[-1], input.shape[-2]), input.dtype)
    if hermitian:
        return _inverted_spectrum(input, atol, rtol)
    U, S, Vh = np.linalg.svd(input, full_matrices=False)
    inverse = np.where(_kept(S, atol, rtol), 1 / S, 0).astype(S.dtype)
    return np.conj(np.swapaxes(Vh, -1, -2)) @ (inverse[..., None] * np.conj(np.swapaxes(U, -1, -2)))


def _inverted_spectrum(A: Any, atol: Any, rtol: Any) -> Any:
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.eigh: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    values, V = np.linalg.eigh(A)
    inverse = np.where(_kept(np.abs(values), atol, rtol), 1 / values, 0).astype(values.dtype)
    return (V * inverse[..., None, :]) @ np.conj(np.swapaxes(V, -1, -2))


def _pinv_vjp(grad: Any, input: Any, result: Any) -> Any:
    """Source: G. Golub and V. Pereyra, "The differentiation of pseudo-inverses" (1973), eq. 4.12, transposed."""
    A, P, grad, adjoint = input, result, mH(grad), mH(result)
    before, after = ops.matmul(grad, P), ops.matmul(P, grad)
    return (
        ops.matmul(before - ops.matmul(A, ops.matmul(P, before)), adjoint)
        + ops.matmul(adjoint, after - ops.matmul(ops.matmul(after, P), A))
        - ops.matmul(adjoint, ops.matmul(mH(grad), adjoint))
    )


_linalg_pinv.defvjp(_pinv_vjp)


def linalg_pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Any:
    """The Moore-Penrose inverse; singular values up to ``atol``, or ``rtol`` times the largest, count as zero."""
    return _linalg_pinv(A, atol, rtol if rcond is None else rcond, hermitian, out=out)


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """As ``linalg.pinv``."""
    return linalg_pinv(input, rcond)


@primitive()
def _linalg_matrix_rank(input: Any, atol: Any, rtol: Any, /, hermitian: bool) -> Any:
    if input.ndim < 2:
        raise RuntimeError("torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions.")
    atol, rtol = _tolerances("torch.linalg.matrix_rank", input, atol, rtol)
    check_floating("linalg.svd", input)
    sizes = np.abs(np.linalg.eigvalsh(input)) if hermitian else np.linalg.svd(input, compute_uv=False)
    return np.sum(_kept(sizes, atol, rtol), -1, np.int64)


def linalg_matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Any:
    """The number of singular values above ``atol`` (or ``tol``) and ``rtol`` times the largest."""
    if tol is not None:
        atol, rtol = tol, 0.0
    return _linalg_matrix_rank(A, atol, rtol, hermitian, out=out)


# least squares --------------------------------------------------------------------------------------------------------


def _check_least_squares(A: Any, B: Any, driver: str) -> None:
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype != B.dtype:
        titles = dtypes.scalar_title(A.dtype), dtypes.scalar_title(B.dtype)
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype {titles[0]} and other's dtype "
            f"{titles[1]}"
        )
    dim = -1 if is_vector(A.shape, B.shape) else -2
    if A.ndim - B.ndim > 1 or A.shape[-2] != B.shape[dim]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({dim})")
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    if A.dtype.kind in "biu" or A.dtype.itemsize == 2:
        raise RuntimeError("This function doesn't handle types other than float and double")


@primitive(
    outputs=("solution", "residuals", "rank", "singular_values"), constant=("singular_values",), holomorphic=False,
    together=("input", "b"),
)  # fmt: skip
def _linalg_lstsq(input: Any, b: Any, /, rcond: float | None, driver: str) -> Any:
    _check_least_squares(input, b, driver)
    vector = is_vector(input.shape, b.shape)
    B = b[..., None] if vector else b
    dims.broadcast(input.shape[:-2], B.shape[:-2])  # says if they do not
    rows, columns = input.shape[-2:]
    bound = np.finfo(input.dtype).eps * max(rows, columns) if rcond is None else rcond
    sizes = np.linalg.svd(input, compute_uv=False)
    P = _linalg_pinv.op.forward(input, 0.0, 0.0 if driver == "gels" else bound, False)
    X = _stored(P @ B, max(rows, columns))
    rank = np.sum(_kept(sizes, 0.0, bound), -1, np.int64) if driver != "gels" else np.empty(0, np.int64)
    return (
        X[..., 0] if vector else X,
        _residuals(input, B, X, rank, driver),
        rank,
        sizes if driver in ("gelsd", "gelss") else np.empty(0, sizes.dtype),
    )


def _stored(X: Any, rows: int) -> Any:
    """``X`` where LAPACK leaves it: by columns, in the place of a right side of as many ``rows``."""
    *batch, columns, count = X.shape
    place = np.swapaxes(np.zeros((*batch, count, rows), X.dtype), -1, -2)[..., :columns, :]
    place[...] = X
    return place


def _residuals(A: Any, B: Any, X: Any, rank: Any, driver: str) -> Any:
    """The squared distances; none for what can be solved exactly, where the rank is not full, and by gelsy."""
    rows, columns = A.shape[-2:]
    if rows <= columns or driver == "gelsy" or not np.all(rank == columns):
        return np.empty(0, np.abs(X).dtype)
    return np.sum(np.abs(A @ X - B) ** 2, -2)


def _matrix(value: Any, vector: bool) -> Any:
    return column(value) if vector else value


def _lstsq_vjp(grad: Any, input: Any, b: Any, b_shape: Any, solution: Any) -> Any:
    grad_X, grad_L = grad[:2]
    vector = is_vector(input.shape, b_shape)
    X, B = _matrix(solution, vector), _matrix(b, vector)
    total = None
    if grad_X is not None:
        inverse = ops.linalg_pinv(input)
        total = _pinv_vjp(ops.matmul(_matrix(grad_X, vector), mH(B)), input, inverse)
    if grad_L is not None and 0 not in grad_L.shape:
        rest = 2 * ops.matmul(row(grad_L) * (ops.matmul(input, X) - B), mH(X))
        total = rest if total is None else total + rest
    return total


def _lstsq_right_vjp(grad: Any, input: Any, b: Any, b_shape: Any, solution: Any) -> Any:
    grad_X, grad_L = grad[:2]
    vector = is_vector(input.shape, b_shape)
    X, B = _matrix(solution, vector), _matrix(b, vector)
    total = None
    if grad_X is not None:
        total = ops.matmul(mH(ops.linalg_pinv(input)), _matrix(grad_X, vector))
    if grad_L is not None and 0 not in grad_L.shape:
        rest = -2 * row(grad_L) * (ops.matmul(input, X) - B)
        total = rest if total is None else total + rest
    return total if total is None or not vector else ops.squeeze(total, -1)


_linalg_lstsq.defvjp(_lstsq_vjp, _lstsq_right_vjp)


def linalg_lstsq(input: Any, b: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """``X`` with the least ``norm(input @ X - b)``; the squared norms, the rank and the singular values.

    Which of them are given depends on the ``driver``, as in LAPACK.
    """
    return return_types.linalg_lstsq(*_linalg_lstsq(input, b, rcond, driver or "gelsy"))
