"""Reductions over what a mask keeps: the rest counts as the reduction's identity."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.primitive import wrap

__all__ = [
    "amax", "amin", "argmax", "argmin", "kept", "logsumexp", "mean", "median", "norm", "prod", "std", "sum", "var",
]  # fmt: skip


def full_mask(input: Any, mask: Any) -> Any:
    """The mask in the shape of ``input``.

    Errors: IndexError for a mask of more dimensions.
    """
    if tuple(mask.shape) == tuple(input.shape):
        return mask if mask._array.dtype == bool else ops.to_copy(mask, np.dtype(bool))
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return ops.to_copy(ops.expand(ops.clone(mask), tuple(input.shape)), np.dtype(bool))


def kept(input: Any, mask: Any, identity: Any) -> Any:
    """``input`` with ``identity`` where the mask does not hold."""
    if mask is None:
        return input
    value = wrap(np.asarray(identity, input._array.dtype)[()])
    return ops.where(full_mask(input, mask), input, value)


def lowest(input: Any) -> Any:
    """What no element of a type is below."""
    kind = input._array.dtype
    return -math.inf if kind.kind in "fcV" else np.iinfo(kind).min


def highest(input: Any) -> Any:
    """What no element of a type is above."""
    kind = input._array.dtype
    return math.inf if kind.kind in "fV" else np.iinfo(kind).max


def axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dimensions in order; all for none.

    Errors: RuntimeError where one is named twice.
    """
    if dim is None or dim == ():
        return tuple(range(ndim))
    wrapped = [dims.wrap(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
    for d in wrapped:
        if wrapped.count(d) > 1:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
    return tuple(sorted(wrapped))


def _wide(input: Any, dtype: Any) -> Any:
    """The type of a sum: integers in int64."""
    if dtype is not None:
        return dtype
    return dtypes.int64 if input._array.dtype.kind in "biu" else dtypes.of(input._array.dtype)


def sum(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The sum of what the mask keeps."""
    over = axes(dim, input.ndim)
    return ops.sum(kept(input, mask, 0), over, builtins.bool(keepdim), dtype=_wide(input, dtype))


def prod(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The product of what the mask keeps."""
    result = kept(input, mask, 1).to(dtype=_wide(input, dtype))
    for d in reversed(axes(dim, input.ndim)):
        result = ops.prod(result, d, builtins.bool(keepdim))
    return result


def amax(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The largest element that the mask keeps."""
    found = ops.amax(kept(input, mask, lowest(input)), axes(dim, input.ndim), builtins.bool(keepdim))
    return found.to(dtype=dtype or input.dtype)


def amin(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The smallest element that the mask keeps."""
    found = ops.amin(kept(input, mask, highest(input)), axes(dim, input.ndim), builtins.bool(keepdim))
    return found.to(dtype=dtype or input.dtype)


def argmax(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Where the largest element that the mask keeps is."""
    found = ops.argmax(kept(input, mask, lowest(input)), dim, builtins.bool(keepdim))
    return found.to(dtype=dtype or input.dtype)


def argmin(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Where the smallest element that the mask keeps is."""
    found = ops.argmin(kept(input, mask, highest(input)), dim, builtins.bool(keepdim))
    return found.to(dtype=dtype or input.dtype)


def _count(input: Any, dim: Any, keepdim: bool, mask: Any) -> Any:
    """How many elements the mask keeps."""
    if mask is None:
        return sum(wrap(np.ones(tuple(input.shape), np.int64)), dim, keepdim=keepdim)
    return ops.sum(full_mask(input, mask), dim, builtins.bool(keepdim))


def mean(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The mean of what the mask keeps; nan of nothing.

    Errors: ValueError for integers.
    """
    kind = dtype or input.dtype
    if kind.category < dtypes.FLOATING:
        which = "Input" if dtype is None else "Optional"
        raise ValueError(
            f"mean(): Could not infer output dtype. {which} dtype must be either a floating point or complex dtype. "
            f"Got: {kind}"
        )
    return sum(input, dim, keepdim=keepdim, dtype=kind, mask=mask) / _count(input, dim, keepdim, mask)


def median(input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The median of what the mask keeps.

    Errors: ValueError where integers are to have a median and nothing is kept.
    """
    floating = input._array.dtype.kind in "fV"
    numbers = input if floating else input.to(dtype=dtypes.float32)
    (over,) = axes(dim, input.ndim)
    found = ops.nanmedian(kept(numbers, mask, math.nan), over, keepdim).values
    if floating:
        return found
    if builtins.bool(ops.any(ops.isnan(found)).item()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return found.to(dtype=dtype or input.dtype)


def logsumexp(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """``log(sum(exp(input)))`` of what the mask keeps."""
    found = ops.logsumexp(kept(input, mask, lowest(input)), axes(dim, input.ndim), keepdim=keepdim)
    return found.to(dtype=dtype or input.dtype)


def norm(
    input: Any, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The ``ord``-norm of what the mask keeps."""
    identity = math.inf if ord == -math.inf else 0
    vector = kept(input, mask, identity)
    from refgrad.linalg import vector_norm

    return vector_norm(
        vector, 2.0 if ord is None else ord, axes(dim, input.ndim), builtins.bool(keepdim), dtype=dtype or input.dtype
    )


def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Any = None,
) -> Any:  # fmt: skip
    """The variance of what the mask keeps."""
    if correction is None:
        correction = 0.0 if unbiased is False else 1.0
    kind = dtype or (input.dtype if input._array.dtype.kind in "fcV" else dtypes.float32)
    center = sum(input, dim, keepdim=True, dtype=kind, mask=mask) / _count(input, dim, True, mask)
    deviation = input - center
    square = deviation * ops.conj(deviation)
    total = sum(square, dim, keepdim=keepdim, dtype=kind, mask=mask)
    count = ops.reshape(_count(input, dim, True, mask), tuple(total.shape))
    if correction:
        real = kind.to_real()
        count = ops.maximum(count.to(dtype=real) - correction, wrap(np.zeros((), real.numpy)[()]))
    return (total / count).to(dtype=kind)


def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Any = None,
) -> Any:  # fmt: skip
    """The standard deviation of what the mask keeps."""
    return ops.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))
