"""Tensors of evenly spaced numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.creation import leaf
from refgrad.engine.tensor import Tensor

__all__ = ["arange", "linspace", "logspace"]


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The values ``start, start + step, ...`` below ``end``; integers if all arguments are.

    Errors: RuntimeError for a step of 0 or of the wrong sign, or a range that is not finite.
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    _check_range(start, end, step)
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    if kind is dtypes.bool_:
        raise NotImplementedError("\"arange_cpu\" not implemented for 'Bool'")
    if kind.category == dtypes.INTEGRAL:
        start, end, step = int(start), end if whole else math.ceil(end), int(step)
    count = max(math.ceil((end - start) / step), 0)
    if kind.category == dtypes.INTEGRAL:
        return leaf((start + np.arange(count) * step).astype(kind.numpy), requires_grad)
    return leaf(_range(start, step, count, kind.numpy), requires_grad)


def _check_range(start: Any, end: Any, step: Any) -> None:
    for position, (name, value) in enumerate((("end", end), ("start", start), ("step", step)), 1):
        if not isinstance(value, (bool, int, float, complex, np.generic)):
            raise TypeError(
                f"arange(): argument '{name}' (position {position}) must be Number, not {type(value).__name__}"
            )
        if isinstance(value, complex):
            raise RuntimeError("value cannot be converted to type double without overflow")
    if not step or step != step:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start:g} -> {end:g}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


def _range(start: Any, step: Any, count: int, kind: Any) -> Any:
    """``count`` values of a floating range, in PyTorch's order of operations: a vector of numbers at a time.

    Each vector starts from its rounded first value; what is left over at the end is computed one by one, and products
    are not rounded before they are added.
    """
    index = np.arange(count)
    lanes = 32 // kind.itemsize
    within = np.where(index < count - count % (2 * lanes), index % lanes, 0)
    first = (_EXACT(start) + _EXACT(step) * (index - within)).astype(np.float64)
    first = np.where(within, first.astype(kind).astype(np.float64), first)
    return (first.astype(_EXACT) + _EXACT(step) * within).astype(np.float64).astype(kind)


_EXACT = np.longdouble  # wide enough for a product of a double and a small integer, where the platform has it


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` values from ``start`` to ``end``, both included, mirrored about the middle as PyTorch computes them.

    Errors: RuntimeError for a negative number of steps.
    """
    values, kind = _spaced(start, end, steps, dtype)
    return leaf(values.astype(kind), requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``base`` to the powers that ``linspace`` gives.

    Errors: RuntimeError for a negative number of steps.
    """
    exponents, kind = _spaced(start, end, steps, dtype)
    with np.errstate(all="ignore"):
        return leaf(np.power(np.asarray(base, exponents.dtype), exponents).astype(kind), requires_grad)


def _spaced(start: Any, end: Any, steps: int, dtype: Any) -> tuple[Any, Any]:
    """The values of ``linspace``, and the type that they are to have."""
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    whole = dtypes.get_default_dtype()
    kind = np.dtype((dtype or (whole.to_complex() if isinstance(start + end, complex) else whole)).numpy)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps <= 1:
        return np.full(steps, start, np.float64 if kind.kind in "biu" else kind), kind
    index = np.arange(steps)
    if kind.kind in "fV":
        start, end = kind.type(start), kind.type(end)
        step = (end - start) / kind.type(steps - 1)
    else:
        step = (end - start) / (steps - 1)
    exact = _EXACT if kind == np.float64 else np.result_type(type(step), np.float64).type  # products are not rounded
    rising = exact(start) + exact(step) * index
    falling = exact(end) - exact(step) * (steps - 1 - index)
    values = np.where(index < steps // 2, rising, falling)
    return values if kind.kind == "c" else values.astype(np.float64), kind
