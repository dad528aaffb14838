"""Softmax: scores made into probabilities, and their logarithms."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.activation import require_floating
from refgrad.engine.ops.reduction import add_reduce, max_reduce
from refgrad.engine.primitive import primitive

__all__ = ["log_softmax", "log_softmax_backward_data", "softmax", "softmax_backward_data", "softmin"]


def _softmax_axis(name: str, input: Any, dim: int) -> int:
    dim = dims.wrap(dim, input.ndim)
    require_floating(f"{name}{'_lastdim' if dim >= input.ndim - 1 else ''}_kernel_impl", input)
    return dim


def _shifted(input: Any, dim: int) -> Any:
    """``input`` minus its largest element along ``dim``, so that ``exp`` cannot overflow; 16-bit floats in float32."""
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    if not input.size:
        return wide
    return wide - max_reduce(wide.real, dim, None, None, True) if input.ndim else wide - wide


def _sum_along(value: Any, dim: int) -> Any:
    return add_reduce(value, dim, None, None, True) if value.ndim else value


@primitive(name="SoftmaxBackward0")
def _softmax(input: Any, /, dim: int) -> Any:
    exponents = np.exp(_shifted(input, _softmax_axis("softmax", input, dim)))
    return np.asarray(exponents / _sum_along(exponents, dim), input.dtype, order="C")


_softmax.defvjp(lambda grad, result, dim: ops.softmax_backward_data(grad, result, dim))
_softmax.defjvp(lambda tangent, result, dim: ops.softmax_backward_data(tangent, result, dim))


@primitive()
def softmax_backward_data(grad_output: Any, output: Any, /, dim: int) -> Any:
    """The gradient of ``softmax``."""
    return (grad_output - _sum_along(grad_output * output, dim)) * output


softmax_backward_data.defvjp(
    lambda grad, output, dim: ops.softmax_backward_data(grad, output, dim),
    lambda grad, grad_output, output, dim: (
        grad_output * grad
        - ops.sum(output * grad_output, dim, True) * grad
        - grad_output * ops.sum(output * grad, dim, True)
    ),
)


@primitive(name="LogSoftmaxBackward0")
def _log_softmax(input: Any, /, dim: int) -> Any:
    shifted = _shifted(input, _softmax_axis("log_softmax", input, dim))
    return np.asarray(shifted - np.log(_sum_along(np.exp(shifted), dim)), input.dtype, order="C")


_log_softmax.defvjp(lambda grad, result, dim: ops.log_softmax_backward_data(grad, result, dim))
_log_softmax.defjvp(lambda tangent, result, dim: tangent - ops.sum(tangent * ops.exp(result), dim, True))


@primitive()
def log_softmax_backward_data(grad_output: Any, output: Any, /, dim: int) -> Any:
    """The gradient of ``log_softmax``."""
    return grad_output - np.exp(output) * _sum_along(grad_output, dim)


log_softmax_backward_data.defvjp(
    lambda grad, output, dim: grad - ops.sum(grad * ops.exp(output), dim, True),
    lambda grad, grad_output, output, dim: -ops.sum(grad_output, dim, True) * ops.exp(output) * grad,
)


def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The exponentials along ``dim``, scaled to a sum of 1."""
    return _softmax(_cast(input, dtype), _dim_of("softmax", input, dim))


def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """``softmax(-input)``."""
    return _softmax(_cast(-input, dtype), _dim_of("softmin", input, dim))


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The logarithm of ``softmax``, without its rounding."""
    return _log_softmax(_cast(input, dtype), _dim_of("log_softmax", input, dim))


def _cast(input: Any, dtype: Any) -> Any:
    array = input._array if isinstance(input, TensorBase) else input
    return input if dtype is None or array.dtype == dtype.numpy else ops.to_copy(input, dtype.numpy)


def _dim_of(name: str, input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if input.ndim in (0, 1, 3) else 1
