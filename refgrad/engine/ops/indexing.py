"""Reading and writing by index: basic keys are chains of views, advanced ones gather and scatter."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    "gather", "getitem", "index", "index_add", "index_put", "index_select", "masked_select", "nonzero", "scatter",
    "scatter_add", "setitem", "take_along_dim",
]  # fmt: skip

_ALL: Any = np.s_[:]


# advanced indices -----------------------------------------------------------------------------------------------------


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


# keys -----------------------------------------------------------------------------------------------------------------


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


# along a dimension ----------------------------------------------------------------------------------------------------


def _lifted(*arrays: Any) -> list[Any]:
    """Scalars as vectors of one element."""
    return [a if np.ndim(a) else np.reshape(a, (1,)) for a in arrays]


def _check_positions(name: str, positions: Any, noun: str, *tensors: Any) -> None:
    if positions.size and positions.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    for called, tensor in zip((noun, "src"), tensors):
        if positions.size and max(positions.ndim, 1) != max(tensor.ndim, 1):
            raise RuntimeError(f"Index tensor must have the same number of dimensions as {called} tensor")


def _check_range(positions: Any, dim: int, size: int) -> None:
    out = positions[(positions < 0) | (positions >= size)]
    if out.size:
        raise RuntimeError(f"index {out.flat[0]} is out of bounds for dimension {dim} with size {size}")


def _front(shape: tuple[int, ...], dim: int | None = None) -> tuple[Any, ...]:
    """The key of the front corner of ``shape``, along all dimensions but ``dim``."""
    return tuple(_ALL if d == dim else np.s_[:n] for d, n in enumerate(shape))


@primitive(name="GatherBackward0")
def _gather(input: Any, index: Any, /, dim: int) -> Any:
    dim = dims.wrap(dim, input.ndim)
    _check_positions("gather", index, "input", input)
    whole, positions = _lifted(input, index)
    for d, (n, m) in enumerate(zip(positions.shape, whole.shape)):
        if d != dim and n > m and positions.size:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {dim}"
            )
    if not positions.size:
        return np.empty(index.shape, input.dtype)
    _check_range(positions, dim, whole.shape[dim])
    return np.take_along_axis(whole[_front(positions.shape, dim)], positions, dim).reshape(index.shape)


# PyTorch keeps the input, though its shape would do
_gather.defvjp(
    input=lambda grad, input, dim, index: ops.scatter_add(ops.zeros_as(grad, tuple(input.shape)), dim, index, grad)
)


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements at ``index`` along ``dim``.

    Errors: RuntimeError for a position out of range, or an index larger than the input elsewhere.
    """
    return _gather(input, index, dim)


def _scatter_key(input: Any, index: Any, src: Any, dim: int) -> tuple[Any, ...]:
    """The NumPy key that writes at ``index`` along ``dim``, all checked."""
    _check_positions("scatter", index, "self", input, *([] if src is None else [src]))
    whole, positions = _lifted(input, index)
    fits = all(n <= m for d, (n, m) in enumerate(zip(positions.shape, whole.shape)) if d != dim)
    source = positions.shape if src is None else np.shape(src) or (1,)
    if positions.size and not (fits and all(n <= m for n, m in zip(positions.shape, source))):
        shown = "" if src is None else f" and to be no larger size than src {list(np.shape(src))}"
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension "
            f"{dim}{shown}"
        )
    _check_range(positions, dim, whole.shape[dim])
    grid: list[Any] = list(np.ogrid[_front(positions.shape)])
    grid[dim] = positions if positions.size else positions.astype(np.int64)
    return tuple(grid)


def _scattered(input: Any, index: Any, src: Any, dim: int, write: Any) -> Any:
    """A copy of ``input`` that ``write(array, key, values)`` wrote into."""
    if hasattr(src, "dtype") and src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    dim = dims.wrap(dim, input.ndim)
    key = _scatter_key(input, index, src if hasattr(src, "dtype") else None, dim)
    result = np.array(input, order="C")
    values = np.reshape(src, np.shape(src) or (1,))[_front(np.shape(index) or (1,))] if hasattr(src, "dtype") else src
    write(result if result.ndim else result.reshape(1), key, values)
    return result


def _put(array: Any, key: Any, values: Any) -> None:
    array[key] = values


@primitive(name="ScatterAddBackward0")
def _scatter_add(input: Any, src: Any, index: Any, /, dim: int) -> Any:
    return _scattered(input, index, src, dim, np.add.at)


_scatter_add.defvjp(
    lambda grad: grad,
    lambda grad, src_shape, dim, index: _of_source(ops.gather(grad, dim, index), src_shape, "ScatterAddBackward0"),
)


def _of_source(grad: Any, shape: tuple[int, ...], name: str) -> Any:
    """The gradient of a source, which PyTorch refuses where the index left a part of it unused."""
    if tuple(grad.shape) != tuple(shape):
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index 1 - got {list(grad.shape)} but expected shape "
            f"compatible with "
            f"{list(shape)}"
        )
    return grad


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``.

    Errors: as ``scatter``.
    """
    if isinstance(src, (bool, int, float, complex)) and not hasattr(src, "dtype"):
        raise TypeError(f"scatter_add(): argument 'src' (position 4) must be Tensor, not {type(src).__name__}")
    return _scatter_add(input, src, index, dim)


@primitive(name="ScatterBackward0")
def _scatter_tensor(input: Any, src: Any, index: Any, /, dim: int) -> Any:
    return _scattered(input, index, src, dim, _put)


@primitive(name="ScatterBackward1")
def _scatter_number(input: Any, index: Any, /, dim: int, value: Any) -> Any:
    return _scattered(input, index, value, dim, _put)


_scatter_tensor.defvjp(
    lambda grad, dim, index: ops.scatter(grad, dim, index, 0.0),
    lambda grad, src_shape, dim, index: _of_source(ops.gather(grad, dim, index), src_shape, "ScatterBackward0"),
)
_scatter_number.defvjp(input=lambda grad, dim, index: ops.scatter(grad, dim, index, 0.0))


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Any:
    """A copy of ``input`` with ``src``, a tensor or a number, written at ``index`` along ``dim``.

    Errors: RuntimeError for a position out of range, types that differ, or an index larger than input or source.
    """
    source = value if src is None else src
    if isinstance(source, TensorBase) or (hasattr(source, "dtype") and np.ndim(source)):
        return _scatter_tensor(input, source, index, dim)
    return _scatter_number(input, index, dim, source)


scatter_add.op = _scatter_add.op  # type: ignore[attr-defined]
scatter.forms = (_scatter_tensor, _scatter_number)  # type: ignore[attr-defined]


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices at ``index`` along ``dim``.

    Errors: IndexError for a position out of range.
    """
    return _index_select(input, index, dim)


@primitive(name="IndexSelectBackward0")
def _index_select(input: Any, index: Any, /, dim: int) -> Any:
    dim = dims.wrap(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    positions, (whole,) = index.reshape(-1), _lifted(input)
    if np.any((positions < 0) | (positions >= whole.shape[dim])):
        raise IndexError("index out of range in self")
    return np.take(whole, positions, dim).reshape(
        whole.shape[:dim] + positions.shape + whole.shape[dim + 1 :] if input.ndim else ()
    )


_index_select.defvjp(
    input=lambda grad, input_shape, dim, index: ops.index_add(ops.zeros_as(grad, input_shape), dim, index, grad)
)


@primitive(name="IndexAddBackward0")
def _index_add(input: Any, source: Any, index: Any, /, dim: int, alpha: Any) -> Any:
    dim = dims.wrap(dim, input.ndim)
    _check_index_add(input, source, index, dim)
    result, positions = np.array(input), index.reshape(-1)
    whole = result if result.ndim else result.reshape(1)
    added = source if alpha == 1 else source * input.dtype.type(alpha)
    np.add.at(whole, (_ALL,) * dim + (positions,), added)
    return result


def _check_index_add(input: Any, source: Any, index: Any, dim: int) -> None:
    if index.ndim > 1:
        raise IndexError(
            f"index_add_(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
            f"{dtypes.scalar_title(index.dtype)} and size: {list(index.shape)}"
        )
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"index_add_(): Expected dtype int32/int64 for index but got: {dtypes.scalar_title(index.dtype)}"
        )
    if source.dtype != input.dtype:
        held, got = dtypes.scalar_title(input.dtype), dtypes.scalar_title(source.dtype)
        raise RuntimeError(f"index_add_(): self ({held}) and source ({got}) must have the same scalar type")
    if (
        input.shape[:dim] + input.shape[dim + 1 :] != source.shape[:dim] + source.shape[dim + 1 :]
        or input.ndim != source.ndim
    ):
        raise RuntimeError(
            f"source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )
    if source.ndim and index.size != source.shape[dim]:
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.size}) should be equal to source.size(dim): "
            f"({source.shape[dim]}), for dim: "
            f"{dim}"
        )
    _check_range(index.reshape(-1), dim, input.shape[dim] if input.ndim else 1)


_index_add.defvjp(
    lambda grad: grad,
    lambda grad, dim, index, alpha: (
        ops.index_select(grad, dim, index) * alpha if alpha != 1 else ops.index_select(grad, dim, index)
    ),
)


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy of ``input`` with ``alpha * source`` added to the slices at ``index``.

    Errors: RuntimeError for a position out of range, or types or shapes that do not fit.
    """
    return _index_add(input, source, index, dim, alpha)


index_add.op = _index_add.op  # type: ignore[attr-defined]


# by mask --------------------------------------------------------------------------------------------------------------


@primitive(name="MaskedSelectBackward0")
def _masked_select(input: Any, mask: Any, /) -> Any:
    if mask.dtype != bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = dims.broadcast(mask.shape, input.shape)
    return np.broadcast_to(input, shape)[np.broadcast_to(mask, shape)]


def _masked_select_vjp(grad: Any, input: Any, mask: Any) -> Any:
    shape = dims.broadcast(tuple(mask.shape), tuple(input.shape))
    return ops.index_put(ops.zeros_as(grad, shape), (ops.expand(mask, shape),), grad)


_masked_select.defvjp(input=_masked_select_vjp)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` holds, in one dimension.

    Errors: RuntimeError for a mask that is not of bools.
    """
    return _masked_select(input, mask)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """``gather`` with broadcasting; over the flattened input without ``dim``.

    Errors: RuntimeError for indices not of int64, or of another number of dimensions.
    """
    if indices._array.dtype != np.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got "
            f"{dtypes.scalar_title(indices._array.dtype)}"
        )
    if dim is None:
        return gather(ops.reshape(input, (-1,)), 0, ops.reshape(indices, (-1,)))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions "
            f"for input, and {indices.ndim} dimensions for indices"
        )
    dim = dims.wrap(dim, input.ndim)
    rest = dims.broadcast(_without(input, dim), _without(indices, dim))
    widen = [(*rest[:dim], int(x.shape[dim]), *rest[dim + 1 :]) for x in (input, indices)]
    return gather(ops.expand(input, widen[0]), dim, ops.expand(indices, widen[1]))


def _without(tensor: Any, dim: int) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (*shape[:dim], 1, *shape[dim + 1 :])


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The positions of nonzero elements, a row each, or a vector a dimension."""
    array = np.asarray(input._array)
    found = np.array(np.nonzero(np.atleast_1d(array)))
    if as_tuple:
        return ops.unbind(wrap(found.T), 1)
    return wrap(found.T[:, : array.ndim])
