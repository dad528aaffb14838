"""Slices read from, and written to, positions along a dimension: the ``index_*`` family."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.gathering import _check_range, _lifted
from refgrad.engine.ops.indexing import _ALL
from refgrad.engine.primitive import primitive

__all__ = ["index_add", "index_select"]


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
