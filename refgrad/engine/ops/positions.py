"""Elements by their position in the flattened tensor, and positions as indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import recorded
from refgrad.engine.primitive import primitive, wrap

__all__ = ["argwhere", "nonzero", "nonzero_static", "put", "take", "unravel_index"]


def _check_places(name: str, index: Any, size: int) -> None:
    if index.dtype != np.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {dtypes.scalar_title(index.dtype)}")
    if index.size and not size:
        told = (
            "take(): tried to take from an empty tensor"
            if name == "take"
            else "put_(): Tried to put elements into an empty tensor"
        )
        raise IndexError(told)
    out = index[(index < -size) | (index >= size)]
    if out.size:
        raise IndexError(f"out of range: tried to access index {out.flat[0]} on a tensor of {size} elements.")


@primitive(name="TakeBackward0")
def _take(input: Any, index: Any, /) -> Any:
    _check_places("take", index, input.size)
    return np.reshape(input, -1)[index]


# PyTorch keeps the input, though its shape would do
_take.defvjp(input=lambda grad, input, index: ops.put(ops.zeros_as(grad, tuple(input.shape)), index, grad, True))


@recorded
def take(input: Any, index: Any) -> Any:
    """The elements at positions of the flattened input, in the shape of ``index``.

    Errors: IndexError for a position out of range.
    """
    return _take, (input, index), ()


@primitive(name="PutBackward0")
def _put(input: Any, source: Any, index: Any, /, accumulate: bool) -> Any:
    _check_put(input, source, index)
    _check_places("put_", index, input.size)
    flat = np.array(input, order="C").reshape(-1)
    if accumulate:
        np.add.at(flat, index.reshape(-1), np.reshape(source, -1))
    else:
        flat[index.reshape(-1)] = np.reshape(source, -1)
    result = np.empty_like(input)
    result[...] = flat.reshape(input.shape)
    return result


def _check_put(input: Any, source: Any, index: Any) -> None:
    if index.dtype == np.int64 and source.dtype != input.dtype:
        held, got = dtypes.scalar_title(input.dtype), dtypes.scalar_title(source.dtype)
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {held} and source.dtype = "
            f"{got}"
        )
    if index.dtype == np.int64 and index.size != source.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.size}, index.numel() = {index.size}"
        )


_put.defvjp(
    input=lambda grad, source_shape, index, accumulate: (
        grad if accumulate else ops.put(grad, index, ops.zeros_as(grad, source_shape))
    ),
    source=lambda grad, source, index: ops.reshape(ops.take(grad, index), source.shape),  # saved whole, as in PyTorch
)


@recorded
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``source`` put, or added, at positions of the flattened tensor.

    Errors: IndexError for a position out of range or too many or few, RuntimeError for types that differ.
    """
    return _put, (input, source, index), (accumulate,)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The positions of nonzero elements, a row each, or a vector a dimension."""
    array = np.asarray(input._array)
    found = np.array(np.nonzero(np.atleast_1d(array)))
    if as_tuple:
        return ops.unbind(wrap(found.T), 1)
    return wrap(found.T[:, : array.ndim])


def argwhere(input: Any) -> Any:
    """The positions of nonzero elements, a row each."""
    return nonzero(input)


def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """As ``nonzero``, cut or filled up to ``size`` rows.

    Errors: RuntimeError for a negative size.
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = nonzero(input)._array[:size]
    rest = np.full((size - len(found), found.shape[1]), fill_value)
    return wrap(np.concatenate((found, rest)))


def unravel_index(indices: Any, shape: Any) -> Any:
    """The indices along each dimension of ``shape`` that positions in the flattened tensor have.

    Errors: TypeError for indices that are no integers, ValueError for a negative size.
    """
    if indices._array.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    steps = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    found = [indices._array // step % n for step, n in zip(steps, shape)]
    return ops.unbind(wrap(np.stack(found, -1)), -1)
