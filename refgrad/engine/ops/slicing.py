"""Parts of a tensor along a dimension, as views, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = ["narrow", "place", "select", "slice"]


@view_primitive()
def select(input: Any, /, dim: int, index: int) -> Any:
    """The slice at ``index``, without the dimension ``dim``.

    Errors: IndexError out of range or for a 0-d tensor.
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    return input[_at(_wrap_index(input.shape, dim, index), dims.wrap(dim, input.ndim))][...]


def _wrap_index(shape: tuple[int, ...], dim: int, index: int) -> int:
    size = shape[dims.wrap(dim, len(shape))]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return index


def _at(key: Any, dim: int) -> tuple[Any, ...]:
    return (_ALL,) * dim + (key, Ellipsis)


_ALL: Any = np.s_[:]

select.defvjp(
    lambda grad, input_shape, dim, index: ops.place(grad, input_shape, _at(index, dims.wrap(dim, len(input_shape))))
)

select.defjvp(lambda tangent, dim, index: ops.select(tangent, dim, index))


@view_primitive()
def slice(input: Any, /, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """The elements ``start:end:step`` along ``dim``.

    Errors: IndexError for a 0-d tensor.
    """
    if not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    return input[_at(np.s_[start:end:step], dims.wrap(dim, input.ndim))]


slice.defvjp(
    lambda grad, input_shape, dim, start, end, step: ops.place(
        grad, input_shape, _at(np.s_[start:end:step], dims.wrap(dim, len(input_shape)))
    )
)

slice.defjvp(lambda tangent, dim, start, end, step: ops.slice(tangent, dim, start, end, step))


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` elements along ``dim`` from ``start`` on."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    size = input.shape[dims.wrap(dim, input.ndim)]
    start = int(start)
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start += size if start < 0 else 0
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return slice(input, dim, start, start + length, 1)


@primitive()
def place(input: Any, /, shape: Any, key: Any) -> Any:
    """Zeros of ``shape`` with ``input`` at ``key``: the gradient of a window."""
    result = np.zeros(shape, input.dtype)
    result[key] = input
    return result


place.defvjp(lambda grad, key: grad[key])
