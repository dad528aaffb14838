"""Exponentials, logarithms and what is made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.forms import _met, _unsupported, by_last, of_tensors
from refgrad.engine.primitive import primitive

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logit",
    "sigmoid",
    "xlogy",
]


@primitive(promotes="float")
def exp(input: Any, /) -> Any:
    """``e ** input``."""
    return np.exp(input)


exp.defvjp(lambda grad, result: grad * result)
exp.defjvp(lambda tangent, result: tangent * result)


@primitive(promotes="float")
def exp2(input: Any, /) -> Any:
    """``2 ** input``."""
    return np.exp2(input)


exp2.defvjp(lambda grad, result: grad * result * math.log(2))


@primitive(promotes="float")
def expm1(input: Any, /) -> Any:
    """``e ** input - 1``, exact near 0."""
    return np.expm1(input)


expm1.defvjp(lambda grad, result: grad * (result + 1))


@primitive(promotes="float")
def log(input: Any, /) -> Any:
    """The natural logarithm."""
    return np.log(input)


log.defvjp(lambda grad, input: grad / input)
log.defjvp(lambda tangent, input: tangent / input)


@primitive(promotes="float")
def log2(input: Any, /) -> Any:
    """The logarithm to base 2."""
    return np.log2(input)


log2.defvjp(lambda grad, input: grad / (input * math.log(2)))


@primitive(promotes="float")
def log10(input: Any, /) -> Any:
    """The logarithm to base 10."""
    return np.log10(input)


log10.defvjp(lambda grad, input: grad / (input * math.log(10)))


@primitive(promotes="float")
def log1p(input: Any, /) -> Any:
    """``log(1 + input)``, exact near 0."""
    return np.log1p(input)


log1p.defvjp(lambda grad, input: grad / (input + 1))


@of_tensors
@primitive(promotes="yes")
def logaddexp(input: Any, other: Any, /) -> Any:
    """``log(exp(input) + exp(other))`` without overflow."""
    _unsupported(input, "biu", "logaddexp_cpu")
    if input.dtype.kind == "c":
        swap = input.real <= other.real
        low, high = np.where(swap, input, other), np.where(swap, other, input)
        return high + np.log1p(np.exp(low - high))
    return np.logaddexp(input, other)


logaddexp.defvjp(
    lambda grad, input, other: grad / (1 + ops.exp(other - input)),
    lambda grad, input, other: grad / (1 + ops.exp(input - other)),
)


@primitive(promotes="yes", name="Logaddexp2Backward0")
def logaddexp2(input: Any, other: Any, /) -> Any:
    """``log2(2 ** input + 2 ** other)`` without overflow."""
    _unsupported(input, "biuc", "logaddexp2_cpu")
    return np.logaddexp2(input, other)


logaddexp2.defvjp(
    lambda grad, input, other: grad / (1 + ops.pow(2.0, other - input)),
    lambda grad, input, other: grad / (1 + ops.pow(2.0, input - other)),
)


@primitive(promotes="float")
def sigmoid(input: Any, /) -> Any:
    """``1 / (1 + exp(-input))``."""
    return 1 / (1 + np.exp(-input))


sigmoid.defvjp(lambda grad, result: grad * ((1 - result) * result))
sigmoid.defjvp(lambda tangent, result: tangent * ((1 - result) * result))


@primitive(promotes="float")
def logit(input: Any, /, eps: float | None = None) -> Any:
    """``log(input / (1 - input))``, with ``input`` first clamped to ``[eps, 1 - eps]``."""
    _unsupported(input, "c", "logit_cpu")
    if eps is not None:
        input = np.minimum(np.maximum(input, input.dtype.type(eps)), input.dtype.type(1 - eps))
    return np.log(input / (1 - input))


def _logit_vjp(grad: Any, input: Any, eps: Any) -> Any:
    slope = grad / (input * (1 - input))
    if eps is None:
        return ops.where(ops.logical_or(input < 0, input > 1), math.nan, slope)
    return ops.where(ops.logical_or(input < eps, input > 1 - eps), 0.0, slope)  # flat where it is clamped


logit.defvjp(_logit_vjp)


@primitive(promotes="float", name="XlogyBackward0")
def _xlogy_tensor(input: Any, other: Any, /) -> Any:
    """``input * log(other)``, 0 where ``input`` is 0."""
    _unsupported(input, "c", "xlogy_cpu")
    return np.where((input == 0) & ~np.isnan(other), input.dtype.type(0), input * np.log(other))[()]


@primitive(promotes="float", name="XlogyBackward1")
def _xlogy_swapped(input: Any, /, other: Any) -> Any:
    return _xlogy_tensor.op.forward(*reversed(_met(input, other)))


@primitive(promotes="float", name="XlogyBackward2")
def _xlogy_number(input: Any, /, other: Any) -> Any:
    return _xlogy_tensor.op.forward(*_met(input, other))


_xlogy_tensor.defvjp(
    lambda grad, input, other: ops.masked_fill(ops.xlogy(grad, other), ops.logical_and(input == 0, other <= 0), 0),
    lambda grad, input, other: grad * input / other,
)
_xlogy_swapped.defvjp(lambda grad, input, other: grad * other / input)
_xlogy_number.defvjp(
    lambda grad, input, other: (
        ops.xlogy(grad, other) if other > 0 else ops.masked_fill(ops.xlogy(grad, other), input == 0, 0)
    )
)
xlogy = by_last("xlogy", _xlogy_tensor, _xlogy_number, _xlogy_swapped)
