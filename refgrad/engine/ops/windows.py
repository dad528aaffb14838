"""Windows that slide along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dims, ops
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = ["unfold_backward", "unfold_dim"]


def _check_windows(length: int, dimension: int, size: int, step: int) -> None:
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > length:
        raise RuntimeError(f"maximum size for tensor at dimension {dimension} is {length} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")


def _windows(input: Any, dimension: int, size: int, step: int) -> Any:
    """The windows of ``size``, ``step`` apart, along a dimension; each lies in a new last dimension."""
    dim = dims.wrap(dimension, input.ndim)
    whole = np.asarray(input)
    length, stride = (whole.shape[dim], whole.strides[dim]) if input.ndim else (1, whole.itemsize)
    _check_windows(length, dim, size, step)
    shape, strides = [*whole.shape, size], [*whole.strides, stride]
    if input.ndim:
        shape[dim], strides[dim] = (length - size) // step + 1, step * stride
    return np_as_strided(whole, shape, strides)


@view_primitive(name="UnfoldBackward0")
def unfold_dim(input: Any, /, dimension: int, size: int, step: int) -> Any:
    """The windows of ``size``, ``step`` apart, along ``dimension``; each lies in a new last dimension.

    Errors: RuntimeError for a window larger than the dimension, or a step that is not positive.
    """
    return _windows(input, dimension, size, step)


@primitive(name="UnfoldBackwardBackward0")
def unfold_backward(grad_in: Any, /, input_sizes: Any, dim: int, size: int, step: int) -> Any:
    """The gradient of windows: each element gets the sum over the windows that it is in."""
    result = np.zeros(input_sizes, grad_in.dtype)
    places = np.arange(result.size).reshape(input_sizes)
    np.add.at(result.reshape(-1), _windows(places, dim, size, step), grad_in)
    return result


unfold_dim.defvjp(
    lambda grad, input_shape, dimension, size, step: ops.unfold_backward(grad, input_shape, dimension, size, step)
)
unfold_backward.defvjp(lambda grad, dim, size, step: ops.unfold_dim(grad, dim, size, step))
