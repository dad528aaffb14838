"""Elements read from, and written to, positions along a dimension: the gather and scatter families."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.forms import recorded
from refgrad.engine.ops.indexing import _ALL
from refgrad.engine.primitive import primitive, wrap

__all__ = ["gather", "scatter", "scatter_add", "take_along_dim"]


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


@recorded
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements at ``index`` along ``dim``.

    Errors: RuntimeError for a position out of range, or an index larger than the input elsewhere.
    """
    return _gather, (input, index), (dim,)


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


def check_types(input: Any, src: Any) -> None:
    """Refuse a source of another type.

    Errors: RuntimeError.
    """
    if hasattr(src, "dtype") and src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")


def _scattered(input: Any, index: Any, src: Any, dim: int, write: Any) -> Any:
    """A copy of ``input`` that ``write(array, key, values)`` wrote into."""
    check_types(input, src)
    dim = dims.wrap(dim, input.ndim)
    key = _scatter_key(input, index, src if hasattr(src, "dtype") else None, dim)
    result = np.array(input, order="C")
    if not np.size(index):  # of any number of dimensions
        return result
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


@recorded
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``.

    Errors: as ``scatter``.
    """
    if isinstance(src, (bool, int, float, complex)) and not hasattr(src, "dtype"):
        raise TypeError(f"scatter_add(): argument 'src' (position 4) must be Tensor, not {type(src).__name__}")
    return _scatter_add, (input, src, index), (dim,)


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


@recorded
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Any:
    """A copy of ``input`` with ``src``, a tensor or a number, written at ``index`` along ``dim``.

    Errors: RuntimeError for a position out of range, types that differ, or an index larger than input or source.
    """
    source = value if src is None else src
    if isinstance(source, TensorBase) or (hasattr(source, "dtype") and np.ndim(source)):
        return _scatter_tensor, (input, source, index), (dim,)
    return _scatter_number, (input, index), (dim, source)


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
    indices = wrap(np.where(indices._array < 0, indices._array + input.shape[dim], indices._array))
    rest = dims.broadcast(_without(input, dim), _without(indices, dim))
    widen = [(*rest[:dim], int(x.shape[dim]), *rest[dim + 1 :]) for x in (input, indices)]
    return gather(ops.expand(input, widen[0]), dim, ops.expand(indices, widen[1]))


def _without(tensor: Any, dim: int) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (*shape[:dim], 1, *shape[dim + 1 :])
