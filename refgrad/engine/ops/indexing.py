"""Reading and writing by index: basic keys are chains of views, advanced ones gather and scatter."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    "gather", "getitem", "index", "index_add", "index_put", "index_select", "masked_select", "nonzero", "scatter",
    "scatter_add", "split_key", "take_along_dim",
]  # fmt: skip


@primitive()
def index(input: Any, /, *indices: Any) -> Any:
    """The elements at ``indices``, one tensor of positions (or None: all) a dimension."""
    return np.array(input[_numpy_key(indices, input.shape)])


index.defvjp(input=lambda grad, indices, input_shape: ops.index_put(ops.zeros_as(grad, input_shape), indices, grad, True))


def _numpy_key(indices: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, ...]:
    key: list[Any] = []
    for i in indices:
        _check_index(i, shape, _width(key))
        key.append(np.s_[:] if i is None else np.asarray(i))
    return tuple(key)


def _width(key: Sequence[Any]) -> int:
    """The number of dimensions that a key takes up; a mask takes as many as it has."""
    return sum(k.ndim if isinstance(k, np.ndarray) and k.dtype == bool else 1 for k in key)


def _check_index(i: Any, shape: tuple[int, ...], dim: int) -> None:
    if i is None:
        return
    i = np.asarray(i)
    if i.dtype == bool:
        if i.shape != shape[dim : dim + i.ndim]:
            at = next((d for d, (n, m) in enumerate(zip(i.shape, shape[dim:])) if n != m), 0)
            raise IndexError(
                f"The shape of the mask {list(i.shape)} at index {at} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {dim + at}"
            )
        return
    if i.dtype.kind not in "iu":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    size = shape[dim]
    out = i[(i < -size) | (i >= size)]
    if out.size:
        raise IndexError(f"index {out.flat[0]} is out of bounds for dimension {dim} with size {size}")


@primitive(name="IndexPutBackward0")
def _index_put(input: Any, values: Any, /, *indices: Any, accumulate: bool) -> Any:
    result = np.array(input)
    key = _numpy_key(indices, input.shape)
    if accumulate:
        np.add.at(result, key, values)
    else:
        _assign(result, key, values)
    return result


def _assign(result: Any, key: Any, values: Any) -> None:
    target = result[key].shape
    try:
        result[key] = values
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(np.shape(values))} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        ) from None


_index_put.defvjp(
    input=lambda grad, indices, accumulate: grad if accumulate else ops.index_put(grad, indices, ops.zeros_as(grad, ()), False),
    values=lambda grad, indices: ops.index(grad, *indices),
)


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``values`` put, or added, at ``indices``."""
    return _index_put(input, values, *indices, accumulate=accumulate)


index_put.op = _index_put.op  # type: ignore[attr-defined]


# keys -----------------------------------------------------------------------------------------------------------------


def split_key(input: Any, key: Any) -> tuple[Any, tuple[Any, ...] | None]:
    """Apply the basic parts of ``key`` as views; give the view, and the advanced parts that are left.

    Errors: IndexError for too many indices, an index out of range, or a key of another kind.
    """
    parts = key if isinstance(key, tuple) else (key,)
    parts = _open_ellipsis(parts, input.ndim)
    result, dim, advanced = input, 0, []
    for part in parts:
        result, dim, left = _apply(result, dim, part)
        if left is not None:
            advanced.extend([None] * (dim - left[0] - len(advanced)))
            advanced.append(left[1])
    return result, tuple(advanced) if advanced else None


def _open_ellipsis(parts: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    used = sum(_consumes(p) for p in parts)
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    for at, part in enumerate(parts):
        if part is Ellipsis:
            rest = tuple(p for p in parts[at + 1 :] if p is not Ellipsis)
            return parts[:at] + (np.s_[:],) * (ndim - used) + rest
    return parts


def _consumes(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    kind = getattr(part, "_array", part)
    if isinstance(kind, (list, np.ndarray)) and np.asarray(kind).dtype == bool:
        return int(np.asarray(kind).ndim)
    return 1


def _apply(result: Any, dim: int, part: Any) -> tuple[Any, int, tuple[int, Any] | None]:
    """One part of a key: the view, the next dimension, and what is left for the advanced step."""
    if part is None:
        return ops.unsqueeze(result, dim), dim + 1, None
    if isinstance(part, slice):
        return _slice(result, dim, part), dim + 1, None
    if isinstance(part, (bool, np.bool_)):
        return ops.unsqueeze(result, dim), dim + 1, (1, wrap(np.array([bool(part)])))
    if isinstance(part, int) or (not isinstance(part, (TensorBase, np.ndarray, list, tuple, range)) and hasattr(part, "__index__")):
        return ops.select(result, dim, as_index(part)), dim, None
    if isinstance(part, TensorBase) and part._array.ndim == 0 and part._array.dtype.kind in "iu":
        return ops.select(result, dim, int(part._array)), dim, None
    position = _position(part)
    width = position._array.ndim if position._array.dtype == bool else 1
    return result, dim + width, (width, position)


def _position(part: Any) -> Any:
    """An advanced index as a tensor."""
    if isinstance(part, TensorBase):
        return part if part._array.dtype != np.uint8 else wrap(np.asarray(part._array).astype(bool))
    if not isinstance(part, (list, tuple, range, np.ndarray)):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(part).__name__})"
        )
    array = np.asarray([getattr(p, "_array", p) for p in part] if not isinstance(part, np.ndarray) else part)
    return wrap(array.astype(np.int64) if not array.size else array)


def _slice(result: Any, dim: int, part: Any) -> Any:
    step = 1 if part.step is None else as_index(part.step)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop = (None if b is None else as_index(b) for b in (part.start, part.stop))
    if start is None and stop is None and step == 1:
        return result
    return ops.slice(result, dim, start, stop, step)


def getitem(input: Any, key: Any) -> Any:
    """``input[key]``: a view for basic keys, a copy for advanced ones."""
    result, advanced = split_key(input, key)
    if advanced is not None:
        return ops.index(result, *advanced)
    return ops.alias(input) if result is input else result


# along a dimension ----------------------------------------------------------------------------------------------------


@primitive(name="GatherBackward0")
def _gather(input: Any, index: Any, /, dim: int) -> Any:
    positions = np.asarray(index)
    return np.take_along_axis(_cropped(input, positions, dim), positions, dim) if input.ndim else input * 1


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements at ``index`` along ``dim``."""
    return _gather(input, index, dim)


def _cropped(input: Any, positions: Any, dim: int) -> Any:
    """``input`` with no more than ``positions`` has in the other dimensions."""
    dim = dims.wrap(dim, input.ndim)
    size = input.shape[dim]
    bad = positions[(positions < 0) | (positions >= size)]
    if bad.size:
        raise RuntimeError(f"index {bad.flat[0]} is out of bounds for dimension {dim} with size {size}")
    return input[tuple(np.s_[:] if d == dim else np.s_[:n] for d, n in enumerate(positions.shape))]


_gather.defvjp(input=lambda grad, input_shape, dim, index: ops.scatter_add(ops.zeros_as(grad, input_shape), dim, index, grad))


def _scatter_key(shape: tuple[int, ...], dim: int, positions: Any) -> tuple[Any, ...]:
    grid = list(np.ogrid[tuple(np.s_[:n] for n in positions.shape)])
    grid[dims.wrap(dim, len(shape))] = positions
    return tuple(grid)


@primitive(name="ScatterAddBackward0")
def _scatter_add(input: Any, src: Any, index: Any, /, dim: int) -> Any:
    result = np.array(input)
    positions = np.asarray(index)
    np.add.at(result, _scatter_key(input.shape, dim, positions), src[tuple(np.s_[:n] for n in positions.shape)])
    return result


_scatter_add.defvjp(
    lambda grad: grad,
    lambda grad, src_shape, dim, index: _padded(ops.gather(grad, dim, index), src_shape),
)


def _padded(grad: Any, shape: tuple[int, ...]) -> Any:
    """``grad`` in the front corner of zeros of ``shape``."""
    return grad if tuple(grad.shape) == tuple(shape) else ops.place(grad, shape, tuple(np.s_[:n] for n in grad.shape))


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``."""
    return _scatter_add(input, src, index, dim)


@primitive(name="ScatterBackward0")
def _scatter(input: Any, src: Any, index: Any, /, dim: int) -> Any:
    result = np.array(input)
    positions = np.asarray(index)
    values = src[tuple(np.s_[:n] for n in positions.shape)] if np.ndim(src) else src
    result[_scatter_key(input.shape, dim, positions)] = values
    return result


_scatter.defvjp(
    lambda grad, dim, index: ops.scatter(grad, dim, index, 0.0),
    lambda grad, src_shape, dim, index: _padded(ops.gather(grad, dim, index), src_shape),
)


def scatter(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of ``input`` with ``src`` written at ``index`` along ``dim``."""
    return _scatter(input, src, index, dim)


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices at ``index`` along ``dim``."""
    return _index_select(input, index, dim)


@primitive(name="IndexSelectBackward0")
def _index_select(input: Any, index: Any, /, dim: int) -> Any:
    positions = np.asarray(index).reshape(-1)
    if not input.ndim:
        return input.copy()
    _check_index(positions, input.shape, dims.wrap(dim, input.ndim))
    return np.take(input, positions, dim)


_index_select.defvjp(input=lambda grad, input_shape, dim, index: ops.index_add(ops.zeros_as(grad, input_shape), dim, index, grad))


@primitive(name="IndexAddBackward0")
def _index_add(input: Any, source: Any, index: Any, /, dim: int) -> Any:
    result = np.array(input)
    key = (np.s_[:],) * dims.wrap(dim, input.ndim) + (np.asarray(index).reshape(-1),)
    np.add.at(result, key if input.ndim else (), source)
    return result


_index_add.defvjp(lambda grad: grad, lambda grad, dim, index: ops.index_select(grad, dim, index))


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy of ``input`` with ``alpha * source`` added to the slices at ``index``."""
    return _index_add(input, source if alpha == 1 else source * alpha, index, dim)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` holds, in one dimension."""
    shape = dims.broadcast(tuple(input.shape), tuple(mask.shape))
    return ops.index(ops.expand(input, shape), ops.expand(mask, shape))


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """``gather`` with broadcasting; over the flattened input without ``dim``."""
    if dim is None:
        return gather(ops.reshape(input, (-1,)), 0, ops.reshape(indices, (-1,)))
    dim = dims.wrap(dim, input.ndim)
    rest = dims.broadcast(tuple(input.shape)[:dim] + (1,) + tuple(input.shape)[dim + 1 :], _without(indices, dim))
    widen = [rest[:dim] + (int(x.shape[dim]),) + rest[dim + 1 :] for x in (input, indices)]
    return gather(ops.expand(input, widen[0]), dim, ops.expand(indices, widen[1]))


def _without(indices: Any, dim: int) -> tuple[int, ...]:
    return tuple(indices.shape)[:dim] + (1,) + tuple(indices.shape)[dim + 1 :]


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The positions of nonzero elements, a row each, or a vector a dimension."""
    found = [wrap(np.asarray(p)) for p in np.nonzero(np.atleast_1d(np.asarray(input._array)))]
    if as_tuple:
        return tuple(found)
    ndim = input._array.ndim
    return wrap(np.stack([f._array for f in found], 1)[:, : ndim or 0])
