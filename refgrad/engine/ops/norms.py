"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.matrices import check_floating, check_matrix, check_square
from refgrad.engine.ops.reduction import add_reduce, max_reduce, min_reduce, restored
from refgrad.engine.primitive import primitive

__all__ = ["linalg_cond", "linalg_matrix_norm", "linalg_norm", "linalg_vector_norm", "norm", "renorm"]


# vectors --------------------------------------------------------------------------------------------------------------


def _check_dtype(name: str, input: Any, dtype: Any) -> None:
    if dtype is None:
        return
    held, title = dtypes.of(input.dtype), dtypes.scalar_title(dtype.numpy)
    if dtype.category < dtypes.FLOATING:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {title}")
    if dtype.is_complex != held.is_complex:
        kind = "complex" if held.is_complex else "real"
        raise RuntimeError(f"{name}: dtype should be {kind} for {kind} inputs, but got {title}")
    if dtypes.promote_types(held, dtype) is not dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input ({dtypes.scalar_title(input.dtype)}) should be convertible without narrowing to "
            f"the specified dtype ({title})"
        )


def _check_identity(input: Any, ord: float, dim: Any) -> None:
    """Refuse the norm of nothing where it is no sum of nothing."""
    if input.size or not (ord < 0 or ord == math.inf):
        return
    name = f"linalg.vector_norm cannot compute the {_written(ord)} norm on"
    if dim is None or dim == () or dim == []:
        raise RuntimeError(f"{name} an empty tensor because the operation does not have an identity")
    for d in dims.axes(dim, input.ndim):
        if not input.shape[d]:
            raise RuntimeError(
                f"{name} the dimension {d}because this dimension is empty and the operation does not have an identity"
            )


def _written(ord: float) -> str:
    return f"{ord:g}"


@primitive(name="LinalgVectorNormBackward0")
def _vector_norm(input: Any, /, ord: float, dim: Any, keepdim: bool, dtype: Any) -> Any:
    check_floating("linalg.vector_norm", input)
    _check_dtype("linalg.vector_norm", input, dtype)
    _check_identity(input, ord, dim)
    axis = dims.axes(dim, input.ndim)
    size = np.abs(input if dtype is None else input.astype(dtype.numpy))
    wide = size.astype(np.float32) if size.dtype.itemsize == 2 else size
    return norm_of(wide, float(ord), axis, keepdim).astype(size.dtype)


def norm_of(size: Any, ord: float, axis: Any, keepdim: bool) -> Any:
    if math.isinf(ord):
        return (max_reduce if ord > 0 else min_reduce)(size, axis, None, None, keepdim)
    if ord == 0:
        return add_reduce(size != 0, axis, size.dtype, None, keepdim)
    if ord == 1:
        return add_reduce(size, axis, None, None, keepdim)
    if ord == 2:
        return np.sqrt(add_reduce(size * size, axis, None, None, keepdim))
    return add_reduce(size**ord, axis, None, None, keepdim) ** (1 / ord)


def norm_vjp(
    grad: Any, input: Any, input_dtype: Any, input_shape: Any, result: Any, ord: float, dim: Any, keepdim: bool
) -> Any:
    grad, norm = restored(grad, dim, input_shape, keepdim), restored(result, dim, input_shape, keepdim)
    if ord == 0:
        return None  # a count has no gradient at all in torch, not a zero
    if ord == 1:
        return ops.sgn(input) * grad
    if ord == 2:
        return grad * ops.masked_fill(input / norm, norm == 0, 0)  # at the origin torch gives 0
    size = ops.abs(input)
    if math.isinf(ord):  # torch splits a tie evenly
        mask = ops.to_copy(ops.logical_or(size == norm, ops.isnan(size)), input_dtype)
        return ops.sgn(input) * ((grad / ops.sum(mask, dim, True)) * mask)
    if ord < 1:
        scaled = ops.sgn(input) * ops.masked_fill(ops.pow(size, ord - 1), input == 0, 0)
        return scaled * grad * ops.pow(norm, 1 - ord)
    scaled = ops.sgn(input) * ops.pow(size, ord - 1) if ord < 2 else input * ops.pow(size, ord - 2)
    return scaled * ops.masked_fill(grad / ops.pow(norm, ord - 1), norm == 0, 0)


_vector_norm.defvjp(norm_vjp)


def norm_jvp(
    tangent: Any, input: Any, input_dtype: Any, input_shape: Any, result: Any, ord: float, dim: Any, keepdim: bool
) -> Any:
    """The share of the tangent that goes where the norm grows; 0 at the origin, as for the gradient."""
    slope = norm_vjp(
        ops.ones_as(result, tuple(result.shape)), input, input_dtype, input_shape, result, ord, dim, keepdim
    )
    if slope is None:
        return ops.zeros_like(result)
    return ops.sum(ops.real(ops.conj(slope) * tangent), dims.axes(dim, len(input_shape)), keepdim)


_vector_norm.defjvp(norm_jvp)


def linalg_vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """The ``ord``-norm over ``dim``, of all elements without it.

    Errors: RuntimeError for integers, and for nothing where the norm of nothing is not 0.
    """
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    return _vector_norm(x, _number(ord), dim, keepdim, dtype, out=out)


def _number(ord: Any) -> Any:
    return ord.item() if hasattr(ord, "item") else ord


# matrices -------------------------------------------------------------------------------------------------------------


def linalg_matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The ``ord``-norm of matrices: Frobenius, nuclear, 1, 2, inf and their negatives.

    Errors: RuntimeError for another ``ord``, and for integers.
    """
    check_matrix("linalg.matrix_norm", A)
    ord = ord if isinstance(ord, str) else _number(ord)
    if ord not in ("fro", "nuc") if isinstance(ord, str) else abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord if isinstance(ord, str) else _written(ord)} not supported.")
    dim = _plane(A, dim)
    held = getattr(A, "_array", A)
    check_floating("linalg.matrix_norm", held, low_precision=ord not in ("nuc", 2, -2))
    _check_dtype("linalg.matrix_norm", held, dtype)
    if ord == "fro":
        return _vector_norm(A, 2, dim, keepdim, dtype)
    if ord in ("nuc", 2, -2):
        return _spectral(A if dtype is None else ops.to_copy(A, dtype.numpy), ord, dim, keepdim)
    summed, other = dim if abs(ord) == 1 else dim[::-1]
    sums = _vector_norm(A, 1.0, summed, keepdim, dtype)
    return _extreme(sums, ord, other - (not keepdim and summed < other), keepdim)


def _plane(A: Any, dim: Any) -> tuple[int, int]:
    if isinstance(dim, int) or len(dim) != 2:
        told = dim if isinstance(dim, int) else " ".join(map(str, dim))
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {told}")
    first, second = (dims.wrap(d, A.ndim) for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    return first, second


def _spectral(A: Any, ord: Any, dim: tuple[int, int], keepdim: bool) -> Any:
    """A norm of the singular values."""
    order = [d for d in range(A.ndim) if d not in dim] + list(dim)
    values = ops.linalg_svdvals(ops.permute(A, order))
    result = ops.sum(values, -1, keepdim) if ord == "nuc" else _extreme(values, ord, -1, keepdim)
    return ops.permute(ops.unsqueeze(result, -1), dims.permutation_inverse(order)) if keepdim else result


def _extreme(values: Any, ord: float, dim: int, keepdim: bool) -> Any:
    """The largest, for a negative ``ord`` the smallest; 0 is the largest of none."""
    if ord > 0 and not values.shape[dim]:
        kept = list(values.shape)
        kept[dim : kept.index(0, dim % len(kept)) + 1] = [1] if keepdim else []
        return ops.zeros_as(values, tuple(kept))
    return (ops.amax if ord > 0 else ops.amin)(values, dim, keepdim)


def linalg_norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of vectors along one dimension, of matrices along two; of all elements as a vector by default."""
    if dim is not None:
        dim = [dim] if isinstance(dim, int) else list(dim)
        if len(dim) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {dim}")
    elif ord is not None and A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    if ord is not None and (isinstance(ord, str) or (A.ndim if dim is None else len(dim)) == 2):
        return linalg_matrix_norm(
            A, ord, (0, 1) if dim is None and A.ndim == 2 else dim or (-2, -1), keepdim, dtype=dtype
        )
    return linalg_vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None) -> Any:
    """The ``p``-norm over ``dim``, of all elements without it; of matrices only the nuclear one."""
    if isinstance(p, str) and p != "fro":
        plane = tuple(range(input.ndim)) if dim is None else dim
        return linalg_matrix_norm(input, p, plane, keepdim, dtype=dtype)
    return _vector_norm(input, 2 if p in (None, "fro") else _number(p), dim, keepdim, dtype, out=out)


def linalg_cond(A: Any, p: Any = None) -> Any:
    """The condition number of matrices: the norm times that of the inverse; inf of a singular one.

    Errors: RuntimeError for a norm that there is not.
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    p = p if isinstance(p, str) or p is None else _number(p)
    if p not in ("fro", "nuc") if isinstance(p, str) else p is not None and abs(p) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p if isinstance(p, str) else _written(p)}")
    if not math.prod(A.shape):
        return ops.abs(ops.zeros_as(A, tuple(A.shape[:-2])))
    if p in (None, 2, -2, "nuc"):
        return _spread(ops.linalg_svdvals(A), p)
    check_square(f"linalg.cond(ord={p if isinstance(p, str) else _written(p)})", A)
    inverse, info = ops.linalg_inv_ex(A)
    inverse = ops.masked_fill(inverse, ops.unsqueeze(ops.unsqueeze(info != 0, -1), -1), math.inf)
    return ops.nan_to_num(_matrix_norm(A, p) * _matrix_norm(inverse, p), math.inf, math.inf, -math.inf)


def _matrix_norm(A: Any, p: Any) -> Any:
    return linalg_matrix_norm(A, p, (-2, -1))


def _spread(values: Any, p: Any) -> Any:
    if p == "nuc":
        inverses = ops.sum(ops.reciprocal(values), -1)
        return ops.sum(values, -1) * inverses
    largest, smallest = ops.narrow(values, -1, 0, 1), ops.narrow(values, -1, values.shape[-1] - 1, 1)
    ratio = smallest / largest if p == -2 else largest / smallest
    return ops.squeeze(ratio, -1)


# vectors made shorter -------------------------------------------------------------------------------------------------


_SMALL = 1e-7  # keeps the divisor from 0, as torch does


@primitive(holomorphic=False)
def renorm(input: Any, /, p: float, dim: int, maxnorm: float) -> Any:
    """``input`` with its slices along ``dim`` scaled down to a ``p``-norm of at most ``maxnorm``.

    Errors: RuntimeError for a norm that is not positive, a negative ``maxnorm``, and for integers.
    """
    if isinstance(p, complex) or p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {_written(maxnorm)}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    dim = dims.wrap(dim, input.ndim)
    check_floating("linalg.vector_norm", input)
    size = norm_of(np.abs(input), float(p), _others(dim, input.ndim), True)
    return (input * np.where(size > maxnorm, maxnorm / (size + _SMALL), 1)).astype(input.dtype)


def _others(dim: int, ndim: int) -> tuple[int, ...]:
    return tuple(d for d in range(ndim) if d != dims.wrap(dim, ndim))


def _renorm_vjp(grad: Any, input: Any, input_dtype: Any, input_shape: Any, p: float, dim: int, maxnorm: float) -> Any:
    others = _others(dim, len(input_shape))
    size = _vector_norm(input, p, others, True, None)
    along = ops.real(ops.sum(ops.conj(input) * grad, others, True))
    share = norm_vjp(along, input, input_dtype, input_shape, size, p, others, True)
    inverse = 1 / (size + _SMALL)
    return ops.where(size > maxnorm, maxnorm * inverse * (grad - inverse * share), grad)


renorm.defvjp(_renorm_vjp)
