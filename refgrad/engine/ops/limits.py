"""Products and quotients that have a value where a factor has none: ``0 log 0`` and ``sin 0 / 0``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.forms import _met, _unsupported, by_last
from refgrad.engine.primitive import primitive

__all__ = ["sinc", "special_entr", "special_xlog1py"]


@primitive(promotes="float")
def sinc(input: Any, /) -> Any:
    """``sin(pi * input) / (pi * input)``, 1 at 0."""
    scaled = input * input.dtype.type(math.pi)
    return np.where(input == 0, input.dtype.type(1), np.sin(scaled) / np.where(input == 0, 1, scaled))[()]


def _sinc_vjp(grad: Any, input: Any) -> Any:
    scaled, divisor = input * math.pi, input * input * math.pi
    slope = grad * ((scaled * ops.cos(scaled) - ops.sin(scaled)) / divisor)
    return ops.where(divisor == 0, 0.0, slope)  # at 0 it is flat


sinc.defvjp(_sinc_vjp)


@primitive(promotes="float")
def special_entr(input: Any, /) -> Any:
    """``-input * log(input)``, 0 at 0 and -inf below."""
    _unsupported(input, "c", "entr_cpu")
    value = np.where(input > 0, -input * np.log(input), np.where(input == 0, 0, -np.inf))
    return np.where(np.isnan(input), input, value).astype(input.dtype)[()]


special_entr.defvjp(lambda grad, input: grad * (-(1 + ops.log(input))))


@primitive(promotes="float", name="SpecialXlog1PyBackward0")
def _xlog1py_tensor(input: Any, other: Any, /) -> Any:
    """``input * log1p(other)``, 0 where ``input`` is 0."""
    _unsupported(input, "c", "xlog1py_cpu")
    return np.where((input == 0) & ~np.isnan(other), input.dtype.type(0), input * np.log1p(other))[()]


@primitive(promotes="float", name="SpecialXlog1PyBackward1")
def _xlog1py_swapped(input: Any, /, other: Any) -> Any:
    return _xlog1py_tensor.op.forward(*reversed(_met(input, other)))


@primitive(promotes="float", name="SpecialXlog1PyBackward2")
def _xlog1py_number(input: Any, /, other: Any) -> Any:
    return _xlog1py_tensor.op.forward(*_met(input, other))


_xlog1py_tensor.defvjp(
    lambda grad, input, other: ops.masked_fill(
        ops.special_xlog1py(grad, other), ops.logical_and(input == 0, other <= -1), 0
    ),
    lambda grad, input, other: grad * input / (other + 1),
)
_xlog1py_swapped.defvjp(lambda grad, input, other: grad * other / (input + 1))
_xlog1py_number.defvjp(
    lambda grad, input, other: (
        ops.special_xlog1py(grad, other)
        if other > -1
        else ops.masked_fill(ops.special_xlog1py(grad, other), input == 0, 0)
    )
)
special_xlog1py = by_last("special_xlog1py", _xlog1py_tensor, _xlog1py_number, _xlog1py_swapped)
