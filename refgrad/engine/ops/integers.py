"""Integers: bits, shifts and divisors; these have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims
from refgrad.engine.ops.forms import _unsupported, of_tensors
from refgrad.engine.primitive import primitive

__all__ = [
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "gcd",
    "lcm",
]  # fmt: skip


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


def _shift(function: Any, input: Any, other: Any, kernel: str) -> Any:
    """A shift by less than nothing, or by more than there is, pushes everything out but the sign."""
    for value in (input, other):
        _unsupported(value, "bfVc", kernel)
    beyond = -np.less(input, 0).astype(input.dtype) if function is np.right_shift else input.dtype.type(0)
    bits = 8 * input.dtype.itemsize - (function is np.right_shift and input.dtype.kind == "i")
    outside = (other < 0) | (other >= bits)
    return np.where(outside, beyond, function(input, np.where(outside, input.dtype.type(0), other)))[()]


@primitive(promotes="yes")
def bitwise_left_shift(input: Any, other: Any, /) -> Any:
    """``input << other``."""
    return _shift(np.left_shift, input, other, "lshift_cpu")


@primitive(promotes="yes")
def bitwise_right_shift(input: Any, other: Any, /) -> Any:
    """``input >> other``, the sign kept."""
    return _shift(np.right_shift, input, other, "rshift_cpu")


@of_tensors
@primitive(promotes="yes")
def gcd(input: Any, other: Any, /) -> Any:
    """The greatest common divisor."""
    _unsupported(input, "bfVc", "gcd_cpu")
    return np.gcd(input, other)


@of_tensors
@primitive(promotes="yes")
def lcm(input: Any, other: Any, /) -> Any:
    """The least common multiple."""
    _unsupported(input, "bfVc", "lcm_cpu")
    return np.lcm(input, other)
