"""Where elements belong in an order, and whether they are among others; these have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.ops.forms import _is_array
from refgrad.engine.primitive import wrap

__all__ = ["bucketize", "isin", "searchsorted"]


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """The places where the elements of ``input`` would go into ``sorted_sequence``, row by row, before equals.

    ``right`` (or ``side="right"``) puts them behind equals; ``sorter`` holds the order of a sequence that has none.
    Errors: RuntimeError for shapes that do not fit, a sorter of another shape or type, or sides that contradict.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    order = np.asarray(sorted_sequence._array)
    values = np.asarray(input._array if _is_array(input) else input)
    _check_search(order, values, None if sorter is None else np.asarray(sorter._array))
    if sorter is not None:
        order = np.take_along_axis(order, np.asarray(sorter._array), -1)
    found = _search(order, values, "right" if right or side == "right" else "left")
    return wrap(found.astype(np.int32 if out_int32 else np.int64)[()])


def _check_search(order: Any, values: Any, sorter: Any) -> None:
    if sorter is not None and sorter.shape != order.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
            f"{list(order.shape)}and got sorter tensor {list(sorter.shape)}"
        )
    if sorter is not None and sorter.dtype != np.int64:
        raise RuntimeError(
            f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {dtypes.scalar_title(sorter.dtype)}"
        )
    if not values.ndim and order.ndim != 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
            f"boundaries tensor dim({order.ndim}) and input value's dim(0) numel(1)"
        )
    if order.ndim != 1 and order.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(order.shape)} and input "
            f"value tensor {list(values.shape)}"
        )
    if order.dtype.kind in "bc":
        raise NotImplementedError(f"\"searchsorted_out_cpu\" not implemented for '{dtypes.scalar_title(order.dtype)}'")


def _search(order: Any, values: Any, side: Any) -> Any:
    if order.ndim == 1:
        return np.asarray(np.searchsorted(order, values, side))
    rows = zip(order.reshape(-1, order.shape[-1]), values.reshape(-1, values.shape[-1])) if values.size else ()
    return np.array([np.searchsorted(a, v, side) for a, v in rows], np.int64).reshape(values.shape)


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The bucket of each element; ``right`` closes the buckets on the left.

    Errors: RuntimeError for boundaries that are no vector.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element is among ``test_elements``.

    Errors: TypeError for two numbers, RuntimeError for bools and complex numbers.
    """
    if not _is_array(elements) and not _is_array(test_elements):
        raise TypeError(
            f"isin() received an invalid combination of arguments - got ({type(elements).__name__}, "
            f"{type(test_elements).__name__}), but expected one of:"
        )
    arrays = [np.asarray(getattr(x, "_array", x)) for x in (elements, test_elements)]
    for x, array in zip((elements, test_elements), arrays):
        if _is_array(x) and array.dtype.kind in "bc":
            raise RuntimeError(f"Unsupported input type encountered for isin(): {dtypes.scalar_title(array.dtype)}")
    return wrap(np.isin(arrays[0], arrays[1], invert=invert)[()])
