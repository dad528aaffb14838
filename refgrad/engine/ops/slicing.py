"""Parts of a tensor along a dimension, as views, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = ["narrow", "place", "select", "select_scatter", "slice", "slice_scatter"]


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
    dim, start = narrowed(tuple(input.shape), dim, int(start), length)
    return slice(input, dim, start, start + length, 1)


def narrowed(shape: tuple[int, ...], dim: int, start: int, length: int) -> tuple[int, int]:
    """``dim`` and ``start`` of a narrowed tensor, counted from the front.

    Errors: RuntimeError for a length that does not fit or a 0-d tensor, IndexError for a start out of range.
    """
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    dim = dims.wrap(dim, len(shape))
    size = shape[dim]
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start += size if start < 0 else 0
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return dim, start


@primitive()
def place(input: Any, /, shape: Any, key: Any) -> Any:
    """Zeros of ``shape`` with ``input`` at ``key``: the gradient of a window."""
    result = np.zeros(shape, input.dtype)
    result[key] = input
    return result


place.defvjp(lambda grad, key: grad[key])


# writes to a view of a copy --------------------------------------------------------------------------------------------


def written(window: Any, src: Any) -> None:
    """Write ``src`` into a window.

    Errors: RuntimeError for another shape.
    """
    if src.shape != window.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(window.shape)}"
        )
    window[...] = src


@primitive()
def select_scatter(input: Any, src: Any, /, dim: int, index: int) -> Any:
    """A copy of ``input`` with ``src`` as its slice at ``index``."""
    result = np.array(input)
    written(select.op.forward(result, dim, index), src)
    return result


select_scatter.defvjp(
    lambda grad, src_shape, dim, index: ops.select_scatter(grad, ops.zeros_as(grad, src_shape), dim, index),
    lambda grad, dim, index: ops.select(grad, dim, index),
)


@primitive(holomorphic=None)
def slice_scatter(input: Any, src: Any, /, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A copy of ``input`` with ``src`` in the place of the elements ``start:end:step`` along ``dim``."""
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    result = np.array(input)
    written(slice.op.forward(result, dim, start, end, step), src)
    return result


slice_scatter.defvjp(
    lambda grad, src_shape, dim, start, end, step: ops.slice_scatter(
        grad, ops.zeros_as(grad, src_shape), dim, start, end, step
    ),
    lambda grad, dim, start, end, step: ops.slice(grad, dim, start, end, step),
)
