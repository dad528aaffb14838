"""Slices read from, and written to, positions along a dimension: the ``index_*`` family."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.forms import _is_array, recorded
from refgrad.engine.ops.gathering import _check_range, _lifted
from refgrad.engine.ops.indexing import _ALL
from refgrad.engine.primitive import primitive

__all__ = ["index_add", "index_copy", "index_fill", "index_select"]


@recorded
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices at ``index`` along ``dim``.

    Errors: IndexError for a position out of range.
    """
    return _index_select, (input, index), (dim,)


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


def _check_index_add(input: Any, source: Any, index: Any, dim: int, name: str = "index_add_") -> None:
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
            f"{dtypes.scalar_title(index.dtype)} and size: {list(index.shape)}"
        )
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"{name}(): Expected dtype int32/int64 for index but got: {dtypes.scalar_title(index.dtype)}"
        )
    if source.dtype != input.dtype:
        held, got = dtypes.scalar_title(input.dtype), dtypes.scalar_title(source.dtype)
        raise RuntimeError(f"{name}(): self ({held}) and source ({got}) must have the same scalar type")
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
            f"{name}(): Number of indices ({index.size}) should be equal to source.size(dim): "
            f"({source.shape[dim]}), for dim: "
            f"{dim}"
        )
    size = input.shape[dim] if input.ndim else 1
    if name == "index_add_":
        _check_range(index.reshape(-1), dim, size)
    elif np.any((index < 0) | (index >= size)):
        raise IndexError("index out of range in self")


def _index_add_vjp(grad: Any, source: Any, dim: int, index: Any, alpha: Any) -> Any:
    selected = ops.index_select(grad, dim, index)  # of the source, which PyTorch saves for its shape, nothing is needed
    return selected * alpha if alpha != 1 else selected


_index_add.defvjp(lambda grad: grad, _index_add_vjp)


@recorded
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy of ``input`` with ``alpha * source`` added to the slices at ``index``.

    Errors: RuntimeError for a position out of range, or types or shapes that do not fit.
    """
    return _index_add, (input, source, index), (dim, alpha)


# index_copy -----------------------------------------------------------------------------------------------------------


@primitive(name="IndexCopyBackward0")
def _index_copy(input: Any, source: Any, index: Any, /, dim: int) -> Any:
    dim = dims.wrap(dim, input.ndim)
    _check_index_copy(input, source, index, dim)
    result = np.array(input, order="C")
    whole = result if result.ndim else result.reshape(1)
    whole[(_ALL,) * dim + (index.reshape(-1),)] = source
    return result


def _check_index_copy(input: Any, source: Any, index: Any, dim: int) -> None:
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    if source.ndim and input.ndim and source.ndim != input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if index.dtype != np.int64:
        raise RuntimeError(
            f"index_copy_(): Expected a long tensor for index, but got {dtypes.scalar_title(index.dtype)}"
        )
    if source.dtype != input.dtype:
        held, got = dtypes.scalar_title(input.dtype), dtypes.scalar_title(source.dtype)
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got (self) {held} and (source) {got}"
        )
    _check_slices(input, source, index, dim)
    size = input.shape[dim] if input.ndim else 1
    for at in index.reshape(-1):
        if not 0 <= at < size:
            raise IndexError(f"index_copy_(): index {at} is out of bounds for dimension {dim} with size {size}")


def _check_slices(input: Any, source: Any, index: Any, dim: int) -> None:
    count = source.shape[dim] if source.ndim else 1
    if source.ndim == 0 and index.size != 1:
        raise IndexError(f"index_copy_(): When source is scalar, index should have one element (got {index.size})")
    mine, theirs = input.shape[:dim] + input.shape[dim + 1 :], source.shape[:dim] + source.shape[dim + 1 :]
    if source.ndim and mine != theirs:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{' '.join(map(str, mine))} at dimension {dim} and source slice shape: {' '.join(map(str, theirs))} at "
            f"dimension {dim}."
        )
    if index.size != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.size}) should be equal to source.size(dim) ({count})"
        )


_index_copy.defvjp(
    lambda grad, dim, index: ops.index_fill(grad, dim, index, 0.0),
    # saved whole, as in PyTorch
    lambda grad, source, dim, index: ops.reshape(ops.index_select(grad, dim, index), source.shape),
)


@recorded
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy of ``input`` with ``source`` in the place of the slices at ``index``.

    Errors: IndexError for a position out of range or sizes that do not fit, RuntimeError for types that differ.
    """
    return _index_copy, (input, source, index), (dim,)


# index_fill -----------------------------------------------------------------------------------------------------------


def _filled(input: Any, index: Any, dim: int, value: Any) -> Any:
    dim = dims.wrap(dim, input.ndim)
    if index.dtype != np.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if np.iscomplexobj(value) and input.dtype.kind != "c":
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    size = input.shape[dim] if input.ndim else 1
    for at in index.reshape(-1):
        if not -size <= at < size:
            raise IndexError(f"index {at} is out of bounds for dimension {dim} with size {size}")
    result = np.array(input)
    (result if result.ndim else result.reshape(1))[(_ALL,) * dim + (index.reshape(-1),)] = value
    return result


@primitive(name="IndexFillBackward0")
def _index_fill_number(input: Any, index: Any, /, dim: int, value: Any) -> Any:
    return _filled(input, index, dim, value)


@primitive(name="IndexFillBackward1")
def _index_fill_tensor(input: Any, value: Any, index: Any, /, dim: int) -> Any:
    if value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    return _filled(input, index, dim, value)


_index_fill_number.defvjp(input=lambda grad, dim, index: ops.index_fill(grad, dim, index, 0.0))
_index_fill_tensor.defvjp(
    input=lambda grad, dim, index: ops.index_fill(grad, dim, index, 0.0),
    value=lambda grad, dim, index: ops.sum(ops.index_select(grad, dim, ops.unique(index))),
)


@recorded
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy of ``input`` with ``value``, a number or a 0-d tensor, in the slices at ``index``.

    Errors: IndexError for a position out of range, RuntimeError for a value with dimensions.
    """
    if _is_array(value):
        return _index_fill_tensor, (input, value, index), (dim,)
    return _index_fill_number, (input, index), (dim, value)
