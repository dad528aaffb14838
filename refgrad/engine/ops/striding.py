"""Windows onto memory by size and stride."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.ops.slicing import written
from refgrad.engine.primitive import PRIMITIVES, primitive
from refgrad.engine.views import Geometry, address, geometry, own_array, strided, view_primitive

__all__ = ["alias", "as_strided", "as_strided_backward", "as_strided_scatter"]


@view_primitive()
def alias(input: Any, /) -> Any:
    """All of the input, as a view."""
    return input[...]


alias.defvjp(lambda grad: grad)

alias.defjvp(lambda tangent: tangent)


@view_primitive(name="AsStridedBackward0")
def _as_strided(input: Any, /, size: Any, stride: Any, storage_offset: int) -> Any:
    """A window of ``size`` and ``stride``, ``storage_offset`` elements from the input's first."""
    return _window(input, size, stride, storage_offset)


def _as_strided_vjp(
    grad: Any, input_shape: Any, input_strides: Any, input_dtype: Any, size: Any, stride: Any, storage_offset: int
) -> Any:
    if 0 in size:
        return ops.zeros_as(grad, input_shape)  # of an empty window no history, as in PyTorch
    frame = Geometry(input_shape, tuple(s // input_dtype.itemsize for s in input_strides), 0)
    return ops.as_strided_backward(grad, frame, Geometry(size, stride, storage_offset))


_as_strided.defvjp(_as_strided_vjp)

PRIMITIVES["as_strided"] = _as_strided.op


def _window(input: Any, size: Any, stride: Any, offset: int) -> Any:
    step = input.itemsize
    if offset < 0:  # before the input's first element, in its storage still
        input, offset = _storage(input, offset)
    if type(input) is np.ndarray and not offset:
        return np_as_strided(input, size, tuple(s * step for s in stride))
    flat = np_as_strided(input, (offset + Geometry(size, stride, 0).extent,), (step,))
    return strided(flat, Geometry(size, stride, offset))


def _storage(array: Any, offset: int) -> tuple[Any, int]:
    """The array that owns the memory of ``array``, and the offset from its first element."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root, offset + (address(array) - address(root)) // array.itemsize


def _contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous array. Units: elements."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A window of ``size`` and ``stride`` onto the memory that the input shares, wherever the input lies in it.

    Units: the offset counts elements from the start of the storage; without one, from the input's first element.
    Errors: RuntimeError for negative strides, or a window that leaves the storage.
    """
    if not isinstance(input, TensorBase):
        return _window(input, tuple(size), tuple(stride), storage_offset or 0)
    return windowed(_as_strided, input, size, stride, storage_offset)


as_strided.form = _as_strided  # type: ignore[attr-defined]  # what is to be had in place


def windowed(function: Any, input: Any, size: Any, stride: Any, storage_offset: int | None, *others: Any) -> Any:
    """``function`` of a checked window, whose offset counts from the input's first element."""
    size, stride = tuple(size), tuple(stride)
    base = own_array(input._view.base if input._view is not None else input)
    at = geometry(own_array(input), base)
    offset = at.offset if storage_offset is None else storage_offset
    _check_window(Geometry(size, stride, offset), geometry(base, base).extent, base.itemsize)
    return function(input, *others, size, stride, offset - at.offset)


def _check_window(at: Geometry, available: int, itemsize: int) -> None:
    if len(at.shape) != len(at.strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(at.strides, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"[{', '.join(map(str, at.strides))}]"
        )
    if at.offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {at.offset}")
    if at.extent and at.offset + at.extent > available:
        raise RuntimeError(
            f"setStorage: sizes {list(at.shape)}, strides {list(at.strides)}, storage offset {at.offset}, and "
            f"itemsize {itemsize} "
            f"requiring a storage size of {(at.offset + at.extent) * itemsize} are out of bounds for storage of size "
            f"{available * itemsize}"
        )


@primitive()
def as_strided_backward(grad: Any, /, frame: Geometry, window: Geometry) -> Any:
    """The gradient of a window onto a frame: each element gets the sum over the window's uses of it."""
    shift = max(0, -window.offset)
    flat = np.zeros(max(frame.extent + shift, window.offset + shift + window.extent), grad.dtype)
    np.add.at(flat, _places(window, shift), grad)
    whole = _places(frame, shift)
    if 0 in frame.strides:  # an element that is several of the input's: each gets its share
        uses = np.zeros(flat.size, grad.dtype)
        np.add.at(uses, whole, grad.dtype.type(1))
        flat = np.divide(flat, uses, out=flat, where=uses != 0)
    return flat[whole]


def _places(at: Geometry, shift: int) -> Any:
    """For each element of a window, where it lies in memory."""
    index: Any = np.asarray(at.offset + shift)
    for n, stride in zip(at.shape, at.strides):
        index = index[..., None] + np.arange(n) * stride
    return index


as_strided_backward.defvjp(
    lambda grad, frame, window: _as_strided(
        _laid_out(grad, frame, window), window.shape, window.strides, max(window.offset, 0)
    )
)


def _laid_out(grad: Any, frame: Geometry, window: Geometry) -> Any:
    """``grad`` in memory as its frame lies, with the window's elements around it."""
    within = window.offset >= 0 and window.offset + window.extent <= frame.extent
    if within and frame.strides == _contiguous_strides(frame.shape):
        return ops.contiguous(grad)
    return _lay_out(grad, frame, window)


@primitive()
def _lay_out(grad: Any, /, frame: Geometry, window: Geometry) -> Any:
    shift = max(0, -window.offset)
    flat = np.zeros(max(frame.extent + shift, window.offset + shift + window.extent), grad.dtype)
    flat[_places(frame, shift)] = grad
    return flat


_lay_out.defvjp(lambda grad, frame, window: _picked(grad, frame, window))


@primitive()
def _picked(flat: Any, /, frame: Geometry, window: Geometry) -> Any:
    return flat[_places(frame, max(0, -window.offset))]


_picked.defvjp(lambda grad, frame, window: _lay_out(grad, frame, window))


@primitive(name="AsStridedScatterBackward0")
def _as_strided_scatter(input: Any, src: Any, /, size: Any, stride: Any, storage_offset: int) -> Any:
    """A copy of ``input``, laid out as it is, with ``src`` in a window."""
    whole = np.asarray(input)
    frame = Geometry(whole.shape, tuple(s // whole.itemsize for s in whole.strides), 0)
    shift, at = max(0, -storage_offset), Geometry(size, stride, storage_offset)
    flat = np.zeros(max(frame.extent + shift, at.offset + shift + at.extent), whole.dtype)
    result = strided(flat, frame, shift)
    result[...] = whole
    written(strided(flat, at, shift), src)
    return result


# torch 2.13 gives the input the gradient of the window and not of the rest; that is no derivative, and not followed
_as_strided_scatter.defvjp(
    lambda grad, src_shape, size, stride, storage_offset: _as_strided_scatter(
        ops.contiguous(grad), ops.zeros_as(grad, src_shape), size, stride, storage_offset
    ),
    lambda grad, size, stride, storage_offset: _as_strided(ops.contiguous(grad), size, stride, storage_offset),
)


def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A copy of ``input`` with ``src`` in the window of ``size`` and ``stride``.

    Errors: as ``as_strided``; RuntimeError for a source of another shape, and where a gradient is wanted of an input
    that is not contiguous.
    """
    if modes.grad_enabled and input.requires_grad and not input.is_contiguous():
        raise RuntimeError("as_strided_scatter is currently only supported for contiguous inputs")
    return windowed(_as_strided_scatter, input, size, stride, storage_offset, src)
