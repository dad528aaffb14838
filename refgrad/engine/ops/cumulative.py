"""Running sums, products and extremes along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.layout import contiguous
from refgrad.engine.modes import modes
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import holds
from refgrad.engine.primitive import primitive

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "logcumsumexp"]

_WIDE = {"f": np.float64, "V": np.float64, "c": np.complex128}


def _accumulate(ufunc: Any, input: Any, dim: int, dtype: Any) -> Any:
    """Accumulate in double precision, as PyTorch does; integers in int64."""
    dim = dims.wrap(dim, input.ndim)
    kind = dtype.numpy if dtype is not None else np.dtype(np.int64) if input.dtype.kind in "biu" else input.dtype
    wide = input.astype(kind).astype(_WIDE.get(kind.kind, kind))
    if not input.ndim:
        return wide.astype(kind)
    return ufunc(ufunc.identity, ufunc.accumulate(wide, dim)).astype(kind)  # a sum that starts at 0 is never -0


def _reversed(function: Any, value: Any, dim: int) -> Any:
    return ops.flip(function(ops.flip(value, (dim,)), dim), (dim,))


def _trivial(shape: tuple[int, ...], dim: int) -> bool:
    return not shape or 0 in shape or shape[dim] == 1


@primitive(layout=contiguous)
def cumsum(input: Any, /, dim: int, *, dtype: Any = None) -> Any:
    """The sums of the elements up to each one along ``dim``."""
    return _accumulate(np.add, input, dim, dtype)


cumsum.defvjp(lambda grad, input_shape, dim: grad if _trivial(input_shape, dim) else _reversed(ops.cumsum, grad, dim))
cumsum.defjvp(lambda tangent, dim, dtype: ops.cumsum(tangent, dim, dtype=dtype))


@primitive(layout=contiguous)
def cumprod(input: Any, /, dim: int, *, dtype: Any = None) -> Any:
    """The products of the elements up to each one along ``dim``."""
    return _accumulate(np.multiply, input, dim, dtype)


def _cumprod_vjp(grad: Any, input: Any, input_shape: Any, result: Any, dim: int) -> Any:
    if _trivial(input_shape, dim):
        return grad
    dim = dims.wrap(dim, len(input_shape))
    if not holds(ops.any(input == 0)):
        return _reversed(ops.cumsum, result * grad, dim) / input
    if not modes.grad_enabled:
        return _around_zeros(grad, input, result, dim)
    return ops.cat([_with_factor_left_out(grad, input, dim, k) for k in range(input_shape[dim])], dim)


def _around_zeros(grad: Any, input: Any, result: Any, dim: int) -> Any:
    """The gradient in one sweep: up to the first zero as ever, at it the products without it, beyond it nothing.

    It has no derivative of its own; at nan and inf it answers as PyTorch does, which takes the same way.
    """
    zeros = ops.cumsum(input == 0, dim)
    before = _reversed(ops.cumsum, ops.where(zeros == 0, result * grad, 0.0), dim) / input
    first = (zeros == 1) & (input == 0)
    after = ops.cumprod(ops.where((zeros == 1) & (input != 0), input, 1.0), dim)
    lead = ops.prod(ops.where(zeros == 0, input, 1.0), dim, True)
    at = ops.sum(ops.where(zeros == 1, grad, 0.0) * after, dim, True) * lead
    return ops.where(zeros == 0, before, ops.where(first, at, 0.0))


def _with_factor_left_out(grad: Any, input: Any, dim: int, k: int) -> Any:
    """The gradient of factor ``k``: no division by it, which may be 0."""
    size = input.shape[dim]
    if k:
        before = ops.prod(ops.narrow(input, dim, 0, k), dim, True)
    else:
        before = ops.ones_as(input, tuple(1 if d == dim else n for d, n in enumerate(input.shape)))
    products = before
    if k < size - 1:
        products = ops.cat((before, before * ops.cumprod(ops.narrow(input, dim, k + 1, size - k - 1), dim)), dim)
    return ops.sum(ops.narrow(grad, dim, k, size - k) * products, dim, True)


cumprod.defvjp(_cumprod_vjp)


@primitive()
def logcumsumexp(input: Any, /, dim: int) -> Any:
    """``log(cumsum(exp(input)))`` without overflow."""
    dim = dims.wrap(dim, input.ndim)
    return np.logaddexp.accumulate(input, dim) + input.dtype.type(0) if input.ndim else input.copy()  # never -0


def _logcumsumexp_vjp(grad: Any, input: Any, input_dtype: Any, input_shape: Any, result: Any, dim: int) -> Any:
    if not input_shape or 0 in input_shape:
        return grad
    lowest = float(np.finfo(input_dtype).min)
    log_grad = ops.log(ops.abs(grad))  # in logarithms the sum cannot overflow; one for each sign
    positive, negative = ops.where(grad > 0, log_grad, lowest), ops.where(grad < 0, log_grad, lowest)
    rising = ops.exp(_reversed(ops.logcumsumexp, positive - result, dim) + input)
    return rising - ops.exp(_reversed(ops.logcumsumexp, negative - result, dim) + input)


def _logcumsumexp_jvp(tangent: Any, input: Any, result: Any, dim: int) -> Any:
    """The mean of the tangents so far, weighted by ``exp(input)``: not the vjp's derivative, which is NaN at zero."""
    if not input.ndim:
        return tangent
    weights = ops.exp(input - ops.amax(input, dim, True))
    total = ops.cumsum(weights, dim) + 1e-13  # PyTorch adds as much: 0 where all underflow
    return ops.cumsum(tangent * weights, dim) / total


logcumsumexp.defvjp(_logcumsumexp_vjp)
logcumsumexp.defjvp(_logcumsumexp_jvp)


def _running(ufunc: Any, input: Any, dim: int) -> tuple[Any, Any]:
    dim = dims.wrap(dim, input.ndim)
    if not input.ndim:
        return input.copy(), np.int64(0)
    values = ufunc.accumulate(input, dim)
    shape = tuple(-1 if d == dim else 1 for d in range(input.ndim))
    positions = np.arange(input.shape[dim]).reshape(shape)
    held = np.where((input == values) | np.isnan(input), positions, 0)  # the latest of equals
    return values, np.maximum.accumulate(held, dim)


@primitive(name="CummaxBackward0", outputs=("values", "indices"))
def _cummax(input: Any, /, dim: int) -> Any:
    return _running(np.maximum, input, dim)


@primitive(name="CumminBackward0", outputs=("values", "indices"))
def _cummin(input: Any, /, dim: int) -> Any:
    return _running(np.minimum, input, dim)


def _running_vjp(grad: Any, input: Any, indices: Any, dim: int) -> Any:
    if 0 in input.shape:
        return input
    return ops.scatter_add(ops.zeros_like(input), dim, indices, grad) if input.ndim else grad


_cummax.defvjp(_running_vjp)
_cummin.defvjp(_running_vjp)


def cummax(input: Any, dim: int) -> Any:
    """The largest element up to each one along ``dim``, with its index."""
    return return_types.cummax(*_cummax(input, dim))


def cummin(input: Any, dim: int) -> Any:
    """The smallest element up to each one along ``dim``, with its index."""
    return return_types.cummin(*_cummin(input, dim))
