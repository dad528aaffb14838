"""Elements picked and replaced by a mask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.forms import recorded
from refgrad.engine.primitive import primitive

__all__ = ["masked_scatter", "masked_select"]


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


@recorded
def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` holds, in one dimension.

    Errors: RuntimeError for a mask that is not of bools.
    """
    return _masked_select, (input, mask), ()


# masked_scatter -------------------------------------------------------------------------------------------------------


@primitive(name="MaskedScatterBackward0")
def _masked_scatter(input: Any, source: Any, mask: Any, /) -> Any:
    _check_masked_scatter(input, source, mask)
    shape = dims.broadcast(mask.shape, input.shape)
    result, where = np.array(np.broadcast_to(input, shape), order="C"), np.broadcast_to(mask, shape)
    wanted = int(where.sum())
    if wanted > source.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    result[where] = np.reshape(source, -1)[:wanted]
    return result


def _check_masked_scatter(input: Any, source: Any, mask: Any) -> None:
    if input.dtype != source.dtype:
        held, got = dtypes.scalar_title(input.dtype), dtypes.scalar_title(source.dtype)
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got{held} and {got}")
    if mask.dtype != bool:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {dtypes.scalar_title(mask.dtype)}"
        )


def _source_vjp(grad: Any, source_shape: Any, mask: Any) -> Any:
    used = ops.masked_select(grad, mask)
    spare = ops.zeros_as(grad, (math.prod(source_shape) - used.shape[0],))
    return ops.reshape(ops.cat((used, spare)), source_shape)


_masked_scatter.defvjp(
    input=lambda grad, mask: ops.masked_fill(grad, mask, 0),
    source=_source_vjp,
)


@recorded
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """A copy of ``input`` with the elements of ``source``, in order, where ``mask`` holds.

    Errors: RuntimeError for a mask not of bools, types that differ, or too few elements.
    """
    return _masked_scatter, (input, source, mask), ()
