"""Functions as large as their input, over what a mask keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.primitive import wrap
from refgrad.masked.reductions import axes, highest, kept, lowest, norm

__all__ = ["cumprod", "cumsum", "log_softmax", "logaddexp", "normalize", "softmax", "softmin"]


def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """The sums so far of what the mask keeps."""
    (over,) = axes(dim, input.ndim) or (0,)
    return ops.cumsum(kept(input, mask, 0), over, dtype=dtype or input.dtype)


def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """The products so far of what the mask keeps."""
    (over,) = axes(dim, input.ndim) or (0,)
    return ops.cumprod(kept(input, mask, 1), over, dtype=dtype or input.dtype)


def _normalized(function: str, input: Any, identity: Any, dim: int, dtype: Any, mask: Any) -> Any:
    from refgrad.nn import functional

    (over,) = axes(dim, input.ndim) or (0,)
    return getattr(functional, function)(kept(input, mask, identity), over, dtype=dtype or input.dtype)


def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """``softmax`` of what the mask keeps."""
    return _normalized("softmax", input, lowest(input), dim, dtype, mask)


def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """``log_softmax`` of what the mask keeps."""
    return _normalized("log_softmax", input, lowest(input), dim, dtype, mask)


def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """``softmin`` of what the mask keeps."""
    return _normalized("softmin", input, highest(input), dim, dtype, mask)


def normalize(input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None) -> Any:
    """What the mask keeps, over its norm."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    least = wrap(np.asarray(eps, size._array.dtype)[()])
    return kept(input, mask, 0) / ops.maximum(size, least)


def logaddexp(input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    """``logaddexp`` of what the masks keep."""
    first, second = kept(input, input_mask, lowest(input)), kept(other, other_mask, lowest(other))
    return ops.logaddexp(first, second).to(dtype=dtype or input.dtype)
