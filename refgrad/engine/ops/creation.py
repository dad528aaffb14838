"""New values in the likeness of others, for arrays and tensors alike; the factories of tensors are in ``creation``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import wrap

__all__ = ["ones_as", "promoted", "zeros_as", "zeros_like"]


def zeros_as(input: Any, shape: Any) -> Any:
    """Zeros of ``shape`` in the type of ``input``."""
    if isinstance(input, TensorBase):
        return wrap(np.zeros(shape, input._array.dtype))
    return np.zeros(shape, input.dtype)


def ones_as(input: Any, shape: Any) -> Any:
    """Ones of ``shape`` in the type of ``input``."""
    if isinstance(input, TensorBase):
        return wrap(np.ones(shape, input._array.dtype))
    return np.ones(shape, input.dtype)


def zeros_like(input: Any) -> Any:
    """Zeros in the shape and type of ``input``, which no gradient reaches."""
    if isinstance(input, TensorBase):
        return wrap(np.zeros_like(input._array))
    return np.zeros_like(input)


def promoted(tensors: Sequence[Any]) -> list[Any]:
    """The tensors in their common type."""
    kinds = {x._array.dtype for x in tensors}
    if len(kinds) == 1:
        return list(tensors)
    target = dtypes.result_type([x._array for x in tensors]).numpy
    return [x if x._array.dtype == target else ops.to_copy(x, target) for x in tensors]
