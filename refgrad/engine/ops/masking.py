"""Elements picked and replaced by a mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.primitive import primitive, wrap

__all__ = ["masked_select", "nonzero"]


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


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The positions of nonzero elements, a row each, or a vector a dimension."""
    array = np.asarray(input._array)
    found = np.array(np.nonzero(np.atleast_1d(array)))
    if as_tuple:
        return ops.unbind(wrap(found.T), 1)
    return wrap(found.T[:, : array.ndim])
