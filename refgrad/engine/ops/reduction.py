"""Sums and products over some dimensions, or over all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.modes import modes
from refgrad.engine.ops.arithmetic import mul, true_divide
from refgrad.engine.ops.forms import _met, holds
from refgrad.engine.primitive import primitive

__all__ = [
    "all", "any", "count_nonzero", "div_scalar", "logsumexp", "mean", "mul_scalar", "nanmean", "nansum", "prod",
    "sum",
]  # fmt: skip


# NumPy's own types know `keepdims` by keyword only, which costs more to call
add_reduce: Any = np.add.reduce

max_reduce: Any = np.maximum.reduce

min_reduce: Any = np.minimum.reduce


def restored(value: Any, dim: Any, shape: tuple[int, ...], keepdim: bool) -> Any:
    """The value of a reduction with its reduced dimensions back, as size 1."""
    if keepdim or not shape or dim is None or dim == () or dim == []:
        return value
    for d in sorted(dims.axes(dim, len(shape))):
        value = ops.unsqueeze(value, d)
    return value


def extent(dim: Any, shape: tuple[int, ...]) -> int:
    """The number of elements that one result is made of."""
    return math.prod(shape[d] for d in dims.axes(dim, len(shape)))


@primitive(name="DivBackward1")
def div_scalar(input: Any, /, other: Any) -> Any:
    """``input / other`` for a number."""
    return input / other if input.dtype.kind in "fcV" else true_divide.op.forward(*_met(input, float(other)))


div_scalar.defvjp(lambda grad, other: ops.div_scalar(grad, other))

div_scalar.defjvp(lambda tangent, other: ops.div_scalar(tangent, other))


@primitive(name="MulBackward1")
def mul_scalar(input: Any, /, other: Any) -> Any:
    """``input * other`` for a number."""
    return input * other if input.dtype.kind in "fcV" else mul.op.forward(*_met(input, other))


mul_scalar.defvjp(lambda grad, other: ops.mul_scalar(grad, other))

mul_scalar.defjvp(lambda tangent, other: ops.mul_scalar(tangent, other))


def _reduce(ufunc: Any, input: Any, axis: Any, keepdim: bool, dtype: Any) -> Any:
    """Reduce in the type that PyTorch accumulates in: 16-bit floats in float32, integers in int64."""
    kind = input.dtype if dtype is None else dtype.numpy
    if kind.itemsize > 2 and kind.kind in "fc":
        return ufunc.reduce(input, axis, kind, None, keepdim)
    if kind.kind in "fV":
        return ufunc.reduce(input.astype(kind), axis, np.float32, None, keepdim).astype(kind)
    return ufunc.reduce(input, axis, np.int64 if dtype is None else kind, None, keepdim)


@primitive(name="SumBackward0")
def _sum_all(input: Any, /, dtype: Any = None) -> Any:
    return _reduce(np.add, input, None, False, dtype)


_sum_all.defvjp(lambda grad, input_shape: ops.expand(grad, input_shape))

_sum_all.defjvp(lambda tangent, dtype: ops.sum(tangent, dtype=dtype))


@primitive(name="SumBackward1")
def _sum_dim(input: Any, /, dim: Any, keepdim: bool, dtype: Any) -> Any:
    return _reduce(np.add, input, dims.axes(dim, input.ndim), keepdim, dtype)


def _spread(grad: Any, input_shape: Any, dim: Any, keepdim: bool) -> Any:
    return ops.expand(restored(grad, dim, input_shape, keepdim), input_shape)


_sum_dim.defvjp(_spread)

_sum_dim.defjvp(lambda tangent, dim, keepdim, dtype: ops.sum(tangent, dim, keepdim, dtype=dtype))

_NO_DIM: Any = ("no dim",)  # an explicit None reduces everything too, but is recorded as a reduction over dimensions


def sum(
    input: Any,
    dim: Any = _NO_DIM,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = _NO_DIM,
    keepdims: bool = False,
) -> Any:
    """The sum of all elements, or over ``dim``, which NumPy calls ``axis``."""
    if axis is not _NO_DIM:
        dim, keepdim = axis, keepdims or keepdim
    return _sum_all(input, dtype) if dim is _NO_DIM else _sum_dim(input, dim, keepdim, dtype)


def _mean(input: Any, axis: Any, keepdim: bool, dtype: Any, count: int) -> Any:
    kind = input.dtype if dtype is None else dtype.numpy
    if kind.kind in "biu":
        raise RuntimeError(
            f"mean(): could not infer output dtype. {'Input' if dtype is None else 'Optional'} dtype must be either a "
            f"floating point or complex dtype. Got: {dtypes.scalar_title(kind)}"
        )
    if kind.itemsize == 2:
        return (add_reduce(input, axis, np.float32, None, keepdim) / count).astype(kind)
    return add_reduce(input, axis, kind, None, keepdim) / count


@primitive(name="MeanBackward0")
def _mean_all(input: Any, /, dtype: Any = None) -> Any:
    return _mean(input, None, False, dtype, input.size)


_mean_all.defvjp(lambda grad, input_shape: ops.div_scalar(ops.expand(grad, input_shape), math.prod(input_shape)))

_mean_all.defjvp(lambda tangent, dtype: ops.mean(tangent, dtype=dtype))


@primitive(name="MeanBackward1")
def _mean_dim(input: Any, /, dim: Any, keepdim: bool, dtype: Any) -> Any:
    return _mean(input, dims.axes(dim, input.ndim), keepdim, dtype, extent(dim, input.shape))


_mean_dim.defvjp(
    lambda grad, input_shape, dim, keepdim: ops.div_scalar(
        _spread(grad, input_shape, dim, keepdim), extent(dim, input_shape)
    )
)

_mean_dim.defjvp(lambda tangent, dim, keepdim, dtype: ops.mean(tangent, dim, keepdim, dtype=dtype))


def mean(
    input: Any,
    dim: Any = _NO_DIM,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = _NO_DIM,
    keepdims: bool = False,
) -> Any:
    """The mean of all elements, or over ``dim``, which NumPy calls ``axis``; nan of none.

    Errors: RuntimeError for integers.
    """
    if axis is not _NO_DIM:
        dim, keepdim = axis, keepdims or keepdim
    return _mean_all(input, dtype) if dim is _NO_DIM else _mean_dim(input, dim, keepdim, dtype)


@primitive(name="NansumBackward0")
def nansum(input: Any, /, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over ``dim`` of what is not nan."""
    if input.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs")
    known = np.where(np.isnan(input), input.dtype.type(0), input) if input.dtype.kind in "fV" else input
    return _reduce(np.add, known, dims.axes(dim, input.ndim), keepdim, dtype)


nansum.defvjp(
    lambda grad, input, input_shape, dim, keepdim: (
        _spread(grad, input_shape, dim, keepdim) * ops.logical_not(ops.isnan(input))
    )
)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over ``dim`` of what is not nan.

    Errors: RuntimeError for integers.
    """
    kind = input._array.dtype
    if kind.kind in "biu":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {dtypes.scalar_title(kind)}"
        )
    known = ops.logical_not(ops.isnan(input.detach()))
    return nansum(input, dim, keepdim, dtype=dtype) / sum(known, dim, keepdim)


@primitive(name="ProdBackward0")
def _prod_all(input: Any, /, dtype: Any = None) -> Any:
    return _reduce(np.multiply, input, None, False, dtype)


def _prod_all_vjp(grad: Any, input: Any, input_shape: Any, result: Any) -> Any:
    if not input_shape:
        return grad
    zeros = ops.count_nonzero(input == 0)
    if holds(zeros == 0):
        return grad * (result / input)
    if holds(zeros > 1) and not modes.grad_enabled:  # not even where the other factors are nan
        return ops.zeros_like(input)
    return ops.reshape(product_of_others(grad, ops.reshape(input, (-1,)), 0), input_shape)


def product_of_others(grad: Any, input: Any, dim: int) -> Any:
    """The gradient of a product without a division: of zeros, too, it is what the other factors make."""
    size = input.shape[dim]
    if size <= 1:
        return grad
    ones = ops.ones_as(input, tuple(1 if d == dim else n for d, n in enumerate(input.shape)))
    before = ops.cumprod(ops.cat((ones, ops.narrow(input, dim, 0, size - 1)), dim), dim)
    after = ops.cumprod(ops.cat((ones, ops.flip(ops.narrow(input, dim, 1, size - 1), (dim,))), dim), dim)
    return grad * (before * ops.flip(after, (dim,)))


_prod_all.defvjp(_prod_all_vjp)


@primitive(name="ProdBackward1")
def _prod_dim(input: Any, /, dim: int, keepdim: bool, dtype: Any) -> Any:
    return _reduce(np.multiply, input, dims.axes(dim, input.ndim), keepdim, dtype)


def _prod_dim_vjp(grad: Any, input: Any, input_shape: Any, result: Any, dim: int, keepdim: bool) -> Any:
    if not input_shape:
        return grad
    grad, result = restored(grad, dim, input_shape, keepdim), restored(result, dim, input_shape, keepdim)
    if not holds(ops.any(input == 0)):
        return grad * (result / input)
    return product_of_others(grad, input, dims.wrap(dim, len(input_shape)))


_prod_dim.defvjp(_prod_dim_vjp)


def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product of all elements, or over one dimension."""
    return _prod_all(input, dtype) if dim is None else _prod_dim(input, dim, keepdim, dtype)


@primitive(promotes="float")
def logsumexp(input: Any, /, dim: Any, keepdim: bool = False) -> Any:
    """``log(sum(exp(input)))`` over ``dim`` without overflow."""
    axis = dims.axes(dim, input.ndim)
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    if not input.size:
        return np.log(add_reduce(np.exp(wide), axis, None, None, keepdim)).astype(input.dtype)
    top = max_reduce(wide.real, axis, None, None, True)
    top = np.where(np.isinf(top), top.dtype.type(0), top)
    total = np.log(add_reduce(np.exp(wide - top), axis, None, None, True)) + top
    return (total if keepdim else np.squeeze(total, axis)).astype(input.dtype)


def _logsumexp_vjp(grad: Any, input: Any, input_shape: Any, result: Any, dim: Any, keepdim: bool) -> Any:
    grad, result = restored(grad, dim, input_shape, keepdim), restored(result, dim, input_shape, keepdim)
    return grad * ops.exp(input - result)


logsumexp.defvjp(_logsumexp_vjp)

logsumexp.defjvp(
    lambda tangent, input, input_shape, result, dim, keepdim: ops.sum(
        tangent * ops.exp(input - restored(result, dim, input_shape, keepdim)), dim, keepdim
    )
)


def _truth(ufunc: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    axis = (
        () if dim == () or dim == [] else dims.axes(dim, input.ndim)
    )  # here torch takes no dims for none, not for all
    result = ufunc.reduce(input, axis, None, None, keepdim)
    return result.astype(np.uint8) if input.dtype == np.uint8 else result.astype(np.bool_)


@primitive()
def all(input: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements are nonzero."""
    return _truth(np.logical_and, input, dim, keepdim)


@primitive()
def any(input: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element is nonzero."""
    return _truth(np.logical_or, input, dim, keepdim)


@primitive()
def count_nonzero(input: Any, /, dim: Any = None) -> Any:
    """The number of nonzero elements."""
    return add_reduce(input != 0, dims.axes(dim, input.ndim), np.int64)
