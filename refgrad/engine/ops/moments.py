"""Variances and standard deviations over some dimensions, or over all."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.ops.reduction import add_reduce, extent, restored
from refgrad.engine.primitive import primitive

__all__ = ["std", "std_mean", "var", "var_mean"]


def _variance(name: str, input: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    """The variance, computed in double precision as PyTorch does."""
    if input.dtype.kind in "biu":
        raise RuntimeError("std and var only support floating point and complex dtypes")
    axis, count = dims.axes(dim, input.ndim), extent(dim, input.shape)
    wide = input.astype(np.complex128 if input.dtype.kind == "c" else np.float64)
    deviation = wide - add_reduce(wide, axis, None, None, True) / count
    total = add_reduce((deviation * deviation.conj()).real, axis, None, None, keepdim)
    if total.size and count - correction <= 0:
        warnings.warn(f"{name}(): {_NO_FREEDOM}", UserWarning, stacklevel=5)
    freedom = count - correction
    return total / (freedom if freedom > 0 else 0)


_NO_FREEDOM = (
    "degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel divided by "
    "output numel)."
)


@primitive(name="VarBackward0")
def _var(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    return _variance("var", input, dim, correction, keepdim).astype(input.real.dtype)


def _var_vjp(grad: Any, input: Any, input_shape: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    everything = dim is None or not input_shape
    freedom = extent(dim, input_shape) - correction
    if everything and freedom <= 0:
        return grad * ops.where(input == ops.mean(input), math.nan, math.inf)
    scale = 2.0 / freedom if freedom else math.inf
    center = ops.mean(input) if everything else ops.mean(input, dim, True)
    return scale * restored(grad, dim, input_shape, keepdim) * (input - center)


_var.defvjp(_var_vjp)


@primitive(name="StdBackward0")
def _std(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    return np.sqrt(_variance("std", input, dim, correction, keepdim)).astype(input.real.dtype)


def _std_vjp(grad: Any, input: Any, input_shape: Any, result: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    # the deviation has a kink where it is 0: torch gives 0 there
    grad = ops.masked_fill(grad / (result * 2), result == 0, 0)
    return _var_vjp(grad, input, input_shape, dim, correction, keepdim)


_std.defvjp(_std_vjp)


def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The variance over ``dim``, divided by ``n - correction``."""
    return _var(input, *_moment(dim, unbiased, correction), keepdim)


def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The standard deviation over ``dim``, divided by ``n - correction``."""
    return _std(input, *_moment(dim, unbiased, correction), keepdim)


def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The variance and the mean over ``dim``."""
    return _var_mean(input, *_moment(dim, unbiased, correction), keepdim)


def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The standard deviation and the mean over ``dim``."""
    return _std_mean(input, *_moment(dim, unbiased, correction), keepdim)


def _with_mean(name: str, root: Any, input: Any, dim: Any, correction: float, keepdim: bool) -> tuple[Any, Any]:
    if input.dtype.kind in "biu":
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    spread = root(_variance(name, input, dim, correction, keepdim)).astype(input.real.dtype)
    kind = np.float32 if input.dtype.itemsize == 2 else input.dtype
    total = add_reduce(input, dims.axes(dim, input.ndim), kind, None, keepdim)
    return spread, (total / extent(dim, input.shape)).astype(input.dtype)


@primitive(name="VarMeanBackward0", outputs=("var", "mean"))
def _var_mean(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    return _with_mean("var_mean", np.asarray, input, dim, correction, keepdim)


@primitive(name="StdMeanBackward0", outputs=("std", "mean"))
def _std_mean(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    return _with_mean("std_mean", np.sqrt, input, dim, correction, keepdim)


def _of_both(to_spread: Any, grad: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient through a spread, plus that through the mean."""
    shape = tuple(input.shape)
    parts = [] if grad[0] is None else [to_spread(grad[0])]
    if grad[1] is not None:
        spread = ops.expand(restored(grad[1], dim, shape, keepdim), shape)
        parts.append(ops.div_scalar(spread, extent(dim, shape)))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


_var_mean.defvjp(
    lambda grad, input, input_shape, dim, correction, keepdim: _of_both(
        lambda g: _var_vjp(g, input, input_shape, dim, correction, keepdim), grad, input, dim, keepdim
    )
)
_std_mean.defvjp(
    lambda grad, input, input_shape, std, dim, correction, keepdim: _of_both(
        lambda g: _std_vjp(g, input, input_shape, std, dim, correction, keepdim), grad, input, dim, keepdim
    )
)


def _moment(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    """The dimensions and the correction; ``var(False)`` is the old way to say ``unbiased``."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return None if dim == () or dim == [] else dim, correction
