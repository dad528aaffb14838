"""Comparisons and logic; these have no derivative."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.ops.forms import _broadcasting, _unsupported, of_tensors
from refgrad.engine.primitive import primitive

__all__ = [
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "signbit",
]


@primitive(promotes="yes")
def eq(input: Any, other: Any, /) -> Any:
    """Whether the values are equal."""
    return np.equal(input, other)


@primitive(promotes="yes")
def ne(input: Any, other: Any, /) -> Any:
    """Whether the values differ."""
    return np.not_equal(input, other)


@primitive(promotes="yes")
def lt(input: Any, other: Any, /) -> Any:
    """``input < other``."""
    _unsupported(input, "c", "lt_cpu")
    return np.less(input, other)


@primitive(promotes="yes")
def le(input: Any, other: Any, /) -> Any:
    """``input <= other``."""
    _unsupported(input, "c", "le_cpu")
    return np.less_equal(input, other)


@primitive(promotes="yes")
def gt(input: Any, other: Any, /) -> Any:
    """``input > other``."""
    _unsupported(input, "c", "gt_cpu")
    return np.greater(input, other)


@primitive(promotes="yes")
def ge(input: Any, other: Any, /) -> Any:
    """``input >= other``."""
    _unsupported(input, "c", "ge_cpu")
    return np.greater_equal(input, other)


@of_tensors
@primitive(promotes="yes")
def logical_and(input: Any, other: Any, /) -> Any:
    """Whether both are nonzero."""
    return np.logical_and(input, other)


@of_tensors
@primitive(promotes="yes")
def logical_or(input: Any, other: Any, /) -> Any:
    """Whether one is nonzero."""
    return np.logical_or(input, other)


@of_tensors
@primitive(promotes="yes")
def logical_xor(input: Any, other: Any, /) -> Any:
    """Whether exactly one is nonzero."""
    return np.logical_xor(input, other)


@primitive()
def logical_not(input: Any, /) -> Any:
    """Whether it is zero."""
    return np.logical_not(input)


def _bitwise(function: Any, input: Any, other: Any) -> Any:
    dims.broadcast(np.shape(input), np.shape(other))  # whether the shapes fit is told first
    for value in (input, other):
        _unsupported(value, "fVc", f"{function.__name__}_cpu")
    return function(input, other)


@primitive(promotes="yes")
def bitwise_and(input: Any, other: Any, /) -> Any:
    """Bitwise and; logical for bools."""
    return _bitwise(np.bitwise_and, input, other)


@primitive(promotes="yes")
def bitwise_or(input: Any, other: Any, /) -> Any:
    """Bitwise or; logical for bools."""
    return _bitwise(np.bitwise_or, input, other)


@primitive(promotes="yes")
def bitwise_xor(input: Any, other: Any, /) -> Any:
    """Bitwise exclusive or; logical for bools."""
    return _bitwise(np.bitwise_xor, input, other)


@primitive()
def bitwise_not(input: Any, /) -> Any:
    """Bitwise not; logical for bools."""
    _unsupported(input, "fVc", "bitwise_not_cpu")
    return np.invert(input)


@primitive()
def isnan(input: Any, /) -> Any:
    """Whether it is nan."""
    return np.isnan(input)


@primitive()
def isinf(input: Any, /) -> Any:
    """Whether it is infinite."""
    return np.isinf(input)


@primitive()
def isfinite(input: Any, /) -> Any:
    """Whether it is neither nan nor infinite."""
    return np.isfinite(input)


@primitive()
def signbit(input: Any, /) -> Any:
    """Whether the sign is negative, -0.0 included."""
    if input.dtype.kind == "c":
        raise NotImplementedError("signbit is not implemented for complex tensors.")
    return np.signbit(input) if input.dtype.kind in "fV" else np.less(input, 0)


@of_tensors
@primitive()
def isclose(input: Any, other: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``.

    Errors: RuntimeError for types that differ or a negative tolerance.
    """
    if input.dtype != other.dtype:
        raise RuntimeError(f"{dtypes.scalar_title(input.dtype)} did not match {dtypes.scalar_title(other.dtype)}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    return _broadcasting(functools.partial(np.isclose, rtol=rtol, atol=atol, equal_nan=equal_nan), input, other)
