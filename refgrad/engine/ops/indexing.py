"""Reading and writing by index: basic keys are chains of views, advanced ones gather and scatter."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive, wrap

__all__ = ["getitem", "index", "index_put", "setitem"]


_ALL: Any = np.s_[:]


@primitive()
def index(input: Any, /, *indices: Any) -> Any:
    """The elements at ``indices``, one tensor of positions (or None: all) a dimension; a mask stands for several.

    Errors: IndexError for a position out of range, a mask that does not fit, or positions that do not broadcast.
    """
    key = _numpy_key(indices, input.shape)
    try:
        return np.array(input[key], order="C")
    except IndexError:
        raise _mismatch(key) from None


def _mismatch(key: tuple[Any, ...]) -> IndexError:
    shapes = ", ".join(str(list(k.shape)) for k in key if isinstance(k, np.ndarray))
    return IndexError(f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}")


index.defvjp(
    input=lambda grad, indices, input_shape: ops.index_put(ops.zeros_as(grad, input_shape), indices, grad, True)
)


def _numpy_key(indices: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, ...]:
    key: list[Any] = []
    dim = place = 0  # the dimension an index is for, and its place among the indices
    for i in indices:
        if i is None:
            key.append(_ALL)
            dim += 1
            continue
        i = np.asarray(i)
        width = i.ndim if i.dtype == bool else 1
        if dim + width > len(shape):
            raise IndexError(f"too many indices for tensor of dimension {len(shape)} (got {_total(indices)})")
        _check_index(i, shape, dim, place)
        key.append(i)
        dim, place = dim + width, place + width
    return tuple(key)


def _total(indices: Sequence[Any]) -> int:
    return sum(np.ndim(i) if i is not None and np.asarray(i).dtype == bool else 1 for i in indices)


def _check_index(i: Any, shape: tuple[int, ...], dim: int, place: int) -> None:
    if i.dtype == bool:
        if i.shape != shape[dim : dim + i.ndim]:
            at = next(d for d, (n, m) in enumerate(zip(i.shape, shape[dim:])) if n != m)
            raise IndexError(
                f"The shape of the mask {list(i.shape)} at index {at} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {dim + at}"
            )
        return
    if i.dtype not in (np.int64, np.int32):
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    size = shape[dim]
    out = i[(i < -size) | (i >= size)]
    if out.size:
        raise IndexError(f"index {out.flat[0]} is out of bounds for dimension {place} with size {size}")


@primitive(name="IndexPutBackward0")
def _index_put(input: Any, values: Any, /, *indices: Any, accumulate: bool) -> Any:
    if values.dtype != input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {dtypes.scalar_title(input.dtype)} for "
            f"the "
            f"destination and {dtypes.scalar_title(values.dtype)} for the source."
        )
    result, key = np.array(input), _numpy_key(indices, input.shape)
    try:
        if accumulate:
            np.add.at(result, key, values)
        else:
            result[key] = values
    except IndexError:
        raise _mismatch(key) from None
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of "
            f"shape "
            f"{list(result[key].shape)}"
        ) from None
    return result


_index_put.defvjp(
    input=lambda grad, indices, accumulate: (
        grad if accumulate else ops.index_put(grad, indices, ops.zeros_as(grad, ()), False)
    ),
    values=lambda grad, indices: ops.index(grad, *indices),
)


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``values`` put, or added, at ``indices``."""
    return _index_put(input, values, *indices, accumulate=accumulate)


index_put.op = _index_put.op  # type: ignore[attr-defined]


def getitem(input: Any, key: Any) -> Any:
    """``input[key]``: a view for basic keys, a copy for advanced ones.

    Errors: IndexError for too many indices, an index out of range, or a key of another kind.
    """
    kind = key.__class__
    if kind is int:
        return _select(input, 0, key, 0)
    if kind is slice:
        return ops.slice(input, 0, *_bounds(key))
    result, advanced = _split(input, key)
    if advanced is not None:
        return ops.index(result, *advanced)
    return ops.alias(input) if result is input else result


def setitem(input: Any, key: Any, value: Any) -> None:
    """``input[key] = value``; numbers take the tensor's type, tensors lose leading dimensions of size 1.

    Errors: as ``getitem``; TypeError for a value of another kind, RuntimeError for one that does not fit.
    """
    if key is False:
        return
    if isinstance(key, slice) and not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    value = value if isinstance(value, TensorBase) else wrap(_number(value, input._array.dtype))
    window, advanced = (ops.unsqueeze(input, 0), None) if key is True else _split(input, key)
    if advanced is None:
        _copy_to(window, value)
    else:
        window.index_put_(advanced, _without_leading_ones(value))


def _copy_to(window: Any, value: Any) -> None:
    if value._array.shape == window._array.shape:
        window.copy_(value)
    elif not value._array.ndim:
        window.fill_(value)
    else:
        narrow = ops.view(value, _prefix_cut(value._array.shape))
        shape = window._array.shape
        window.copy_(narrow if narrow._array.shape == shape else ops.expand(narrow, shape))


def _prefix_cut(shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` from its first size that is not 1."""
    return shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :]


def _without_leading_ones(value: Any) -> Any:
    shape = _prefix_cut(value._array.shape)
    return value if shape == value._array.shape else ops.view(value, shape)


def _number(value: Any, dtype: Any) -> Any:
    """A Python number as a tensor's element."""
    if not isinstance(value, (bool, int, float, complex, np.integer)):
        kind = type(value)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise TypeError(f"can't assign a {name} to a torch.{dtypes.of(dtype).tensor_type}")
    return dtypes.element(value, dtype)


def _split(input: Any, key: Any) -> tuple[Any, tuple[Any, ...] | None]:
    """Apply the basic parts of ``key`` as views; give the view, and the advanced parts that are left."""
    if not _is_integer(key):
        return _apply_all(input, _parts(key))
    return _select(input, 0, as_index(key), 0), None


def _parts(key: Any) -> tuple[Any, ...]:
    """The parts of a key; a list that holds more than numbers is read as a tuple, as PyTorch still does."""
    if isinstance(key, tuple):
        return key
    if isinstance(key, (list, range)) and len(key) < 32 and any(map(_is_composite, key)):
        warnings.warn(_NON_TUPLE, UserWarning, stacklevel=5)
        return tuple(key)
    return (key,)


def _is_composite(part: Any) -> bool:
    return isinstance(part, (TensorBase, list, tuple, str, slice, np.ndarray)) or part is None or part is Ellipsis


_NON_TUPLE = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
    "which will result either in an error or a different result"
)


def _consumes(part: Any) -> int:
    """How many dimensions a part stands for."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    array = getattr(part, "_array", part)
    if isinstance(array, (np.ndarray, np.generic)) and array.dtype in (bool, np.uint8):
        return int(array.ndim)
    if isinstance(array, list) and np.asarray(array, object).ndim > 1 and _position(array)._array.dtype == bool:
        return int(np.ndim(array))
    return 1


def _apply_all(input: Any, parts: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...] | None]:
    used = sum(map(_consumes, parts))
    if used > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    result, dim = input, 0
    advanced: list[Any] = []
    for place, part in enumerate(parts):
        if part is Ellipsis:
            dim += input.ndim - used
        elif _is_integer(part):
            result = _select(result, dim, as_index(part), place)
        elif part is None:
            result, dim = ops.unsqueeze(result, dim), dim + 1
        elif isinstance(part, slice):
            result, dim = _slice(result, dim, part), dim + 1
        else:
            position = _position(part)
            if not position._array.ndim:  # a truth value: all or nothing of a new dimension
                result, position = ops.unsqueeze(result, dim), ops.reshape(position, (1,))
            width = position._array.ndim if position._array.dtype == bool else 1
            advanced += [None] * (dim - len(advanced)) + [position] + [_SPANNED] * (width - 1)
            dim += width
    return result, tuple(i for i in advanced if i is not _SPANNED) if advanced else None


_SPANNED = object()  # a dimension that the mask before it stands for


def _is_integer(part: Any) -> bool:
    if isinstance(part, bool):
        return False
    if isinstance(part, TensorBase):
        return part._array.ndim == 0 and part._array.dtype.kind in "iu" and part._array.dtype != np.uint8
    if isinstance(part, np.ndarray):
        return part.ndim == 0 and part.dtype.kind in "iu"
    return isinstance(part, (int, np.integer))


def _select(input: Any, dim: int, index: int, shown: int) -> Any:
    shape = input._array.shape
    if not shape and not shown:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert "
            "a 0-dim "
            "tensor to a number"
        )
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"index {index} is out of bounds for dimension {shown} with size {shape[dim]}")
    return ops.select(input, dim, index)


def _position(part: Any) -> Any:
    """An advanced index as a tensor: of bools, or of positions."""
    if isinstance(part, TensorBase):
        return part if part._array.dtype != np.uint8 else wrap(np.asarray(part._array).astype(bool))
    if isinstance(part, bool):
        return wrap(np.asarray(part))
    if not isinstance(part, (list, tuple, range, np.ndarray, str, bytes)):
        kind = type(part)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise IndexError(
            f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{name})"
        )
    array = part if isinstance(part, np.ndarray) else np.asarray(_plain(part))
    return wrap(array if array.dtype == bool else array.astype(bool if array.dtype == np.uint8 else np.int64))


def _plain(part: Any) -> Any:
    """Nested lists of numbers."""
    if isinstance(part, (str, bytes, slice)) or part is None or part is Ellipsis:
        raise TypeError(f"new(): invalid data type '{type(part).__name__}'")
    if isinstance(part, TensorBase):
        return part._array.tolist()
    return [_plain(p) for p in part] if isinstance(part, (list, tuple, range)) else part


def _slice(result: Any, dim: int, part: Any) -> Any:
    start, stop, step = _bounds(part)
    size = result._array.shape[dim]
    if step == 1 and not start and (stop is None or stop >= size):  # PyTorch looks no closer either
        return result
    return ops.slice(result, dim, start, stop, step)


def _bounds(part: Any) -> tuple[int | None, int | None, int]:
    try:
        start, stop, step = (None if b is None else as_index(b) for b in (part.start, part.stop, part.step))
    except TypeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step is not None and step < 0:
        raise ValueError("step must be greater than zero")
    return start, stop, step or 1
