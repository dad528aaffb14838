"""Comparisons and logic; these have no derivative."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import _broadcasting, _met, _unsupported, led_by_tensor, of_tensors
from refgrad.engine.primitive import PrimitiveFunction, primitive

__all__ = [
    "eq",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "signbit",
]


@led_by_tensor
@primitive(promotes="yes")
def eq(input: Any, other: Any, /) -> Any:
    """Whether the values are equal."""
    return np.equal(input, other)


@led_by_tensor
@primitive(promotes="yes")
def ne(input: Any, other: Any, /) -> Any:
    """Whether the values differ."""
    return np.not_equal(input, other)


@led_by_tensor
@primitive(promotes="yes")
def lt(input: Any, other: Any, /) -> Any:
    """``input < other``."""
    _unsupported(input, "c", "lt_cpu")
    return np.less(input, other)


@led_by_tensor
@primitive(promotes="yes")
def le(input: Any, other: Any, /) -> Any:
    """``input <= other``."""
    _unsupported(input, "c", "le_cpu")
    return np.less_equal(input, other)


@led_by_tensor
@primitive(promotes="yes")
def gt(input: Any, other: Any, /) -> Any:
    """``input > other``."""
    _unsupported(input, "c", "gt_cpu")
    return np.greater(input, other)


@led_by_tensor
@primitive(promotes="yes")
def ge(input: Any, other: Any, /) -> Any:
    """``input >= other``."""
    _unsupported(input, "c", "ge_cpu")
    return np.greater_equal(input, other)


def _overwriting(function: PrimitiveFunction) -> tuple[PrimitiveFunction, PrimitiveFunction]:
    """The forms that write the truth over their first input, as PyTorch names them; they are flat."""
    name, forward = function.__name__, function.op.forward

    def of_tensor(input: Any, other: Any, /) -> Any:
        return forward(input, other)

    def of_number(input: Any, /, other: Any) -> Any:
        return forward(*_met(input, other))

    of_tensor.__name__, of_number.__name__ = f"_{name}_tensor_", f"_{name}_number_"
    forms = (
        primitive(promotes="yes", name=f"{name.title()}Backward1")(of_tensor),
        primitive(promotes="yes", name=f"{name.title()}Backward0")(of_number),
    )
    forms[0].defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.zeros_like(grad))
    forms[1].defvjp(lambda grad: ops.zeros_like(grad))
    return forms


for _function in (eq, ne, lt, le, gt, ge):
    _function.forms = _overwriting(_function)


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


@primitive()
def isnan(input: Any, /) -> Any:
    """Whether it is nan."""
    return np.isnan(input)


@primitive()
def isinf(input: Any, /) -> Any:
    """Whether it is infinite."""
    return np.isinf(input)


def _infinite(name: str, input: Any, sign: int) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")
    return np.equal(input, sign * math.inf) if input.dtype.kind in "fV" else np.zeros(input.shape, bool)[()]


@primitive()
def isposinf(input: Any, /) -> Any:
    """Whether it is positive infinity."""
    return _infinite("isposinf", input, 1)


@primitive()
def isneginf(input: Any, /) -> Any:
    """Whether it is negative infinity."""
    return _infinite("isneginf", input, -1)


@primitive()
def isreal(input: Any, /) -> Any:
    """Whether its imaginary part is 0."""
    return np.equal(input.imag, 0) if input.dtype.kind == "c" else np.ones(input.shape, bool)[()]


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
