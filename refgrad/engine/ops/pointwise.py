"""Elementwise ops; the inputs broadcast, and the traversal undoes it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.primitive import primitive

__all__ = [
    "abs", "acos", "acosh", "add", "addcdiv", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clone", "conj", "copy", "cos", "cosh", "deg2rad", "div", "eq",
    "erf", "erfc", "exp", "exp2", "expm1", "fill", "floor", "floor_divide", "fmod", "frac", "ge", "gt", "hypot", "imag",
    "isclose", "isfinite", "isinf", "isnan", "le", "lerp", "log", "log10", "log1p", "log2", "logaddexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "logit", "lt", "masked_fill", "maximum", "minimum", "mul", "nan_to_num",
    "ne", "neg", "pow", "pow_scalar", "pow_tensor", "rad2deg", "real", "reciprocal", "relu", "remainder", "round",
    "rpow_scalar", "rsqrt", "rsub", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square", "sub", "tan",
    "tanh", "threshold_backward", "to_copy", "trunc", "where", "xlogy", "zero",
]  # fmt: skip


def _meet(input: Any, number: Any) -> Any:
    """``input`` in its common type with a Python number, which NumPy would widen an integer to float64 for."""
    if getattr(input, "dtype", None) is None or input.dtype.kind == "f" and not isinstance(number, complex):
        return input
    return input.astype(dtypes.result_type((input, number)).numpy, copy=False)


# arithmetic -----------------------------------------------------------------------------------------------------------


@primitive(promotes="yes")
def add(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input + alpha * other``."""
    return input + other if alpha == 1 else input + alpha * other


add.defvjp(lambda grad: grad, lambda grad, alpha: grad if alpha == 1 else grad * alpha)
add.defjvp(lambda tangent: tangent, lambda tangent, alpha: tangent if alpha == 1 else tangent * alpha)


@primitive(promotes="yes")
def sub(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input - alpha * other``."""
    return input - other if alpha == 1 else input - alpha * other


sub.defvjp(lambda grad: grad, lambda grad, alpha: -grad if alpha == 1 else grad * -alpha)
sub.defjvp(lambda tangent: tangent, lambda tangent, alpha: -tangent if alpha == 1 else tangent * -alpha)


@primitive(promotes="yes", name="RsubBackward1")
def rsub(input: Any, /, other: Any) -> Any:
    """``other - input``, for a number ``other``."""
    return other - _meet(input, other)


rsub.defvjp(lambda grad: -grad)
rsub.defjvp(lambda tangent: -tangent)


@primitive(promotes="yes")
def mul(input: Any, other: Any, /) -> Any:
    """``input * other``."""
    return input * other


mul.defvjp(lambda grad, other: grad * other, lambda grad, input: grad * input)
mul.defjvp(lambda tangent, other: tangent * other, lambda tangent, input: tangent * input)


@primitive(promotes="float")
def div(input: Any, other: Any, /, *, rounding_mode: str | None = None) -> Any:
    """``input / other``, rounded towards zero (``"trunc"``) or down (``"floor"``) if asked."""
    quotient = np.true_divide(input, other)
    return quotient if rounding_mode is None else _ROUNDING[rounding_mode](quotient)


_ROUNDING: dict[str, Any] = {"trunc": np.trunc, "floor": np.floor}

div.defvjp(
    lambda grad, other, rounding_mode: grad / other if rounding_mode is None else grad * 0,
    lambda grad, input, other, rounding_mode: -grad * ((input / other) / other) if rounding_mode is None else grad * 0,
)
div.defjvp(
    lambda tangent, other: tangent / other,
    lambda tangent, other, result: -tangent * (result / other),
)


@primitive(promotes="yes")
def remainder(input: Any, other: Any, /) -> Any:
    """The remainder with the sign of the divisor."""
    return np.remainder(input, other)


remainder.defvjp(
    lambda grad: grad,
    lambda grad, input, other: -grad * ops.div(input, other, rounding_mode="floor"),
)


@primitive(promotes="yes")
def fmod(input: Any, other: Any, /) -> Any:
    """The remainder with the sign of the dividend."""
    return np.fmod(input, other)


fmod.defvjp(
    lambda grad: grad,
    lambda grad, input, other: -grad * ops.div(input, other, rounding_mode="trunc"),
)


@primitive(promotes="yes", name="NotImplemented")
def floor_divide(input: Any, other: Any, /) -> Any:
    """``input / other`` rounded down; its derivative is an error, as in PyTorch."""
    return np.floor_divide(input, other)


def _no_derivative(grad: Any) -> Any:
    raise RuntimeError("derivative for aten::floor_divide is not implemented")


floor_divide.defvjp(_no_derivative, _no_derivative)


@primitive()
def neg(input: Any, /) -> Any:
    """``-input``."""
    return -input


neg.defvjp(lambda grad: -grad)
neg.defjvp(lambda tangent: -tangent)


@primitive(promotes="float")
def reciprocal(input: Any, /) -> Any:
    """``1 / input``."""
    return np.reciprocal(input)


reciprocal.defvjp(lambda grad, result: -grad * (result * result))
reciprocal.defjvp(lambda tangent, result: -tangent * (result * result))


# powers ---------------------------------------------------------------------------------------------------------------


def _power(input: Any, exponent: Any) -> Any:
    """``input ** exponent`` for a number, small exponents by multiplication as PyTorch does."""
    if exponent == 2:
        return input * input
    if exponent == 3:
        return input * input * input
    if exponent == 0.5:
        return np.sqrt(input)
    return input * 1 if exponent == 1 else input**exponent


@primitive(promotes="yes", name="PowBackward0")
def pow_scalar(input: Any, /, exponent: Any) -> Any:
    """``input ** exponent`` for a number ``exponent``."""
    kind = getattr(input, "dtype", None)
    if kind is not None and kind.kind in "iub" and isinstance(exponent, (int, np.integer)) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return _power(_meet(input, exponent), exponent)


def _pow_vjp(grad: Any, input: Any, exponent: Any) -> Any:
    if exponent == 0:
        return ops.zeros_like(grad)
    return grad * (exponent * ops.pow_scalar(input, exponent - 1))


pow_scalar.defvjp(_pow_vjp)
pow_scalar.defjvp(_pow_vjp)


@primitive(promotes="yes", name="PowBackward1")
def pow_tensor(input: Any, exponent: Any, /) -> Any:
    """``input ** exponent`` for tensors."""
    return np.power(input, exponent)


pow_tensor.defvjp(
    lambda grad, input, exponent: ops.where(exponent == 0, 0.0, grad * (exponent * ops.pow(input, exponent - 1))),
    # 0 ** y is flat in y where y >= 0
    lambda grad, input, exponent, result: grad
    * ops.where(ops.logical_and(input == 0, exponent >= 0), 0.0, result * ops.log(input)),
)


@primitive(promotes="yes", name="PowBackward2")
def rpow_scalar(exponent: Any, /, base: Any) -> Any:
    """``base ** exponent`` for a number ``base``."""
    exponent = _meet(exponent, base)
    return np.power(exponent.dtype.type(base), exponent)


rpow_scalar.defvjp(
    lambda grad, exponent, base, result: ops.where(exponent >= 0, 0.0, grad * (result * -math.inf))
    if base == 0
    else grad * (result * math.log(base))
)


def pow(input: Any, exponent: Any) -> Any:
    """``input ** exponent``."""
    if isinstance(exponent, (int, float, complex)):
        return pow_scalar(input, exponent)
    return rpow_scalar(exponent, input) if isinstance(input, (int, float, complex)) else pow_tensor(input, exponent)


def square(input: Any) -> Any:
    """``input ** 2``."""
    return pow_scalar(input, 2)


@primitive(promotes="float")
def sqrt(input: Any, /) -> Any:
    """The square root; its derivative at 0 is infinite."""
    return np.sqrt(input)


sqrt.defvjp(lambda grad, result: grad / (2 * result))
sqrt.defjvp(lambda tangent, result: tangent / (2 * result))


@primitive(promotes="float")
def rsqrt(input: Any, /) -> Any:
    """``1 / sqrt(input)``."""
    return 1 / np.sqrt(input)


rsqrt.defvjp(lambda grad, result: -0.5 * grad * ops.pow(result, 3))


# exponentials ---------------------------------------------------------------------------------------------------------


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


@primitive(promotes="float")
def logaddexp(input: Any, other: Any, /) -> Any:
    """``log(exp(input) + exp(other))`` without overflow."""
    return np.logaddexp(input, other)


logaddexp.defvjp(
    lambda grad, input, result: grad * ops.exp(input - result),
    lambda grad, other, result: grad * ops.exp(other - result),
)


@primitive(promotes="float")
def sigmoid(input: Any, /) -> Any:
    """``1 / (1 + exp(-input))``."""
    return 1 / (1 + np.exp(-input))


sigmoid.defvjp(lambda grad, result: grad * ((1 - result) * result))
sigmoid.defjvp(lambda tangent, result: tangent * ((1 - result) * result))


def logit(input: Any, eps: float | None = None) -> Any:
    """``log(input / (1 - input))``, with ``input`` first clamped to ``[eps, 1 - eps]``."""
    if eps is not None:
        input = ops.clamp(input, eps, 1 - eps)
    return ops.log(input / (1 - input))


@primitive(promotes="float")
def xlogy(input: Any, other: Any, /) -> Any:
    """``input * log(other)``, 0 where ``input`` is 0."""
    return np.where((input == 0) & ~np.isnan(other), input * 0, input * np.log(other))


xlogy.defvjp(
    lambda grad, input, other: grad * ops.where(ops.logical_and(input == 0, other <= 0), 0.0, ops.log(other)),
    lambda grad, input, other: grad * input / other,
)


# trigonometry ---------------------------------------------------------------------------------------------------------


@primitive(promotes="float")
def sin(input: Any, /) -> Any:
    """Sine of ``input``, in radians."""
    return np.sin(input)


sin.defvjp(lambda grad, input: grad * ops.cos(input))
sin.defjvp(lambda tangent, input: tangent * ops.cos(input))


@primitive(promotes="float")
def cos(input: Any, /) -> Any:
    """Cosine of ``input``, in radians."""
    return np.cos(input)


cos.defvjp(lambda grad, input: grad * (-ops.sin(input)))
cos.defjvp(lambda tangent, input: tangent * -ops.sin(input))


@primitive(promotes="float")
def tan(input: Any, /) -> Any:
    """Tangent of ``input``, in radians."""
    return np.tan(input)


tan.defvjp(lambda grad, result: grad * (1 + ops.pow(result, 2)))


@primitive(promotes="float")
def asin(input: Any, /) -> Any:
    """Inverse sine, in radians."""
    return np.arcsin(input)


asin.defvjp(lambda grad, input: grad * ops.rsqrt(-input * input + 1))


@primitive(promotes="float")
def acos(input: Any, /) -> Any:
    """Inverse cosine, in radians."""
    return np.arccos(input)


acos.defvjp(lambda grad, input: grad * -ops.rsqrt(-input * input + 1))


@primitive(promotes="float")
def atan(input: Any, /) -> Any:
    """Inverse tangent, in radians."""
    return np.arctan(input)


atan.defvjp(lambda grad, input: grad / (input * input + 1))


@primitive(promotes="float")
def atan2(input: Any, other: Any, /) -> Any:
    """The angle of the point ``(other, input)``, in radians."""
    return np.arctan2(input, other)


atan2.defvjp(
    lambda grad, input, other: grad * (other / (input * input + other * other)),
    lambda grad, input, other: grad * (-input / (input * input + other * other)),
)


@primitive(promotes="float")
def sinh(input: Any, /) -> Any:
    """Hyperbolic sine."""
    return np.sinh(input)


sinh.defvjp(lambda grad, input: grad * ops.cosh(input))


@primitive(promotes="float")
def cosh(input: Any, /) -> Any:
    """Hyperbolic cosine."""
    return np.cosh(input)


cosh.defvjp(lambda grad, input: grad * ops.sinh(input))


@primitive(promotes="float")
def tanh(input: Any, /) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(input)


tanh.defvjp(lambda grad, result: grad * (1 - result * result))
tanh.defjvp(lambda tangent, result: tangent * (1 - result * result))


@primitive(promotes="float")
def asinh(input: Any, /) -> Any:
    """Inverse hyperbolic sine."""
    return np.arcsinh(input)


asinh.defvjp(lambda grad, input: grad * ops.rsqrt(ops.pow(input, 2) + 1))


@primitive(promotes="float")
def acosh(input: Any, /) -> Any:
    """Inverse hyperbolic cosine."""
    return np.arccosh(input)


acosh.defvjp(lambda grad, input: grad * ops.rsqrt(ops.pow(input, 2) - 1))


@primitive(promotes="float")
def atanh(input: Any, /) -> Any:
    """Inverse hyperbolic tangent."""
    return np.arctanh(input)


atanh.defvjp(lambda grad, input: grad / (1 - ops.pow(input, 2)))


@primitive(promotes="float")
def hypot(input: Any, other: Any, /) -> Any:
    """``sqrt(input ** 2 + other ** 2)``."""
    return np.hypot(input, other)


hypot.defvjp(lambda grad, input, result: grad * (input / result), lambda grad, other, result: grad * (other / result))


@primitive(promotes="float")
def deg2rad(input: Any, /) -> Any:
    """Degrees to radians."""
    return input * (math.pi / 180)


deg2rad.defvjp(lambda grad: grad * (math.pi / 180))


@primitive(promotes="float")
def rad2deg(input: Any, /) -> Any:
    """Radians to degrees."""
    return input * (180 / math.pi)


rad2deg.defvjp(lambda grad: grad * (180 / math.pi))


@primitive(promotes="float")
def erf(input: Any, /) -> Any:
    """The error function."""
    from scipy.special import erf as scipy_erf  # loaded at the first call: `import refgrad` needs NumPy only

    return scipy_erf(input)


erf.defvjp(lambda grad, input: 2.0 / math.sqrt(math.pi) * ops.exp(-ops.pow(input, 2)) * grad)


@primitive(promotes="float")
def erfc(input: Any, /) -> Any:
    """``1 - erf(input)``, exact for large inputs."""
    from scipy.special import erfc as scipy_erfc

    return scipy_erfc(input)


erfc.defvjp(lambda grad, input: -2.0 / math.sqrt(math.pi) * ops.exp(-ops.pow(input, 2)) * grad)


# steps and kinks ------------------------------------------------------------------------------------------------------


def _flat(grad: Any) -> Any:
    """The derivative of a step function: zero wherever it exists."""
    return ops.zeros_like(grad)


def _rounded(function: Any, input: Any) -> Any:
    return input * 1 if getattr(input, "dtype", None) is not None and input.dtype.kind in "iub" else function(input)


@primitive()
def floor(input: Any, /) -> Any:
    """The largest integer not above ``input``."""
    return _rounded(np.floor, input)


@primitive()
def ceil(input: Any, /) -> Any:
    """The smallest integer not below ``input``."""
    return _rounded(np.ceil, input)


@primitive()
def trunc(input: Any, /) -> Any:
    """``input`` without its fraction."""
    return _rounded(np.trunc, input)


@primitive()
def round(input: Any, /, *, decimals: int = 0) -> Any:
    """The nearest integer, halves to even."""
    return np.round(input, decimals)


@primitive()
def sign(input: Any, /) -> Any:
    """-1, 0 or 1."""
    return np.sign(input)


for _step in (floor, ceil, trunc, round, sign):
    _step.defvjp(_flat)
    _step.defjvp(_flat)


@primitive()
def sgn(input: Any, /) -> Any:
    """The sign; of a complex number, its direction."""
    return np.sign(input)


sgn.defvjp(_flat)


@primitive()
def frac(input: Any, /) -> Any:
    """The fraction, with the sign of ``input``."""
    return input - np.trunc(input)


frac.defvjp(lambda grad: grad)


@primitive()
def abs(input: Any, /) -> Any:
    """The absolute value."""
    return np.abs(input)


abs.defvjp(lambda grad, input: grad * ops.sgn(input))  # 0 at 0
abs.defjvp(lambda tangent, input: tangent * ops.sgn(input))


@primitive()
def relu(input: Any, /) -> Any:
    """``max(input, 0)``."""
    return np.maximum(input, input.dtype.type(0))


relu.defvjp(lambda grad, result: ops.threshold_backward(grad, result, 0))  # 0 at 0
relu.defjvp(lambda tangent, result: ops.threshold_backward(tangent, result, 0))


@primitive()
def threshold_backward(grad_output: Any, input: Any, /, threshold: float) -> Any:
    """``grad_output`` where ``input`` is above ``threshold``, else 0."""
    return np.where(input <= threshold, grad_output.dtype.type(0), grad_output)[()]


threshold_backward.defvjp(
    lambda grad, input, threshold: ops.threshold_backward(grad, input, threshold),
    lambda grad: ops.zeros_like(grad),
)


@primitive(promotes="yes")
def maximum(input: Any, other: Any, /) -> Any:
    """The larger of each pair; nan if either is."""
    return np.maximum(input, other)


def _split_tie(grad: Any, input: Any, other: Any, wins: Any) -> Any:
    # at a tie torch splits evenly
    return ops.where(input == other, grad / 2, ops.where(wins, grad, 0.0))


maximum.defvjp(
    lambda grad, input, other: _split_tie(grad, input, other, ops.logical_not(input < other)),
    lambda grad, input, other: _split_tie(grad, input, other, ops.logical_not(other < input)),
)


@primitive(promotes="yes")
def minimum(input: Any, other: Any, /) -> Any:
    """The smaller of each pair; nan if either is."""
    return np.minimum(input, other)


minimum.defvjp(
    lambda grad, input, other: _split_tie(grad, input, other, ops.logical_not(input > other)),
    lambda grad, input, other: _split_tie(grad, input, other, ops.logical_not(other > input)),
)


@primitive(promotes="yes", name="ClampBackward1")
def _clamp_numbers(input: Any, /, min: Any = None, max: Any = None) -> Any:
    result = input if min is None else np.maximum(input, input.dtype.type(min))
    return result if max is None else np.minimum(result, input.dtype.type(max))


# at a bound torch 2.13 lets the gradient through
_clamp_numbers.defvjp(lambda grad, input, min, max: ops.where(_inside(input, min, max), grad, 0.0))


def _inside(input: Any, min: Any, max: Any) -> Any:
    above = None if min is None else input >= min
    below = None if max is None else input <= max
    if above is None or below is None:
        return below if above is None else above
    return ops.logical_and(above, below)


@primitive(promotes="yes", name="ClampBackward0")
def _clamp_tensors(input: Any, min: Any, max: Any, /) -> Any:
    result = input if min is None else np.maximum(input, min)
    return result if max is None else np.minimum(result, max)


_clamp_tensors.defvjp(
    lambda grad, input, min, max: ops.where(_inside(input, min, max), grad, 0.0),
    lambda grad, input, min, max: ops.where(
        input < min if max is None else ops.logical_and(input < min, min < max), grad, 0.0
    ),
    lambda grad, input, min, max: ops.where(
        input > max if min is None else ops.logical_or(input > max, max < min), grad, 0.0
    ),
)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """``input`` brought into ``[min, max]``.

    Errors: RuntimeError without a bound.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if all(isinstance(bound, (int, float, type(None))) for bound in (min, max)):
        return _clamp_numbers(input, min, max)
    return _clamp_tensors(input, min, max)


@primitive()
def nan_to_num(input: Any, /, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``input`` with numbers in place of nan and the infinities."""
    return np.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


nan_to_num.defvjp(lambda grad, input: grad * ops.isfinite(input))


# selection and mixing -------------------------------------------------------------------------------------------------


@primitive(name="WhereBackward0")
def _where(condition: Any, input: Any, other: Any, /) -> Any:
    kind = dtypes.result_type((input, other)).numpy
    return np.where(condition, np.asarray(input, kind), np.asarray(other, kind))[()]


_where.defvjp(
    input=lambda grad, condition: ops.where(condition, grad, 0.0),
    other=lambda grad, condition: ops.where(condition, 0.0, grad),
)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; with a condition alone, the indices where it holds."""
    if input is None and other is None:
        return ops.nonzero(condition, as_tuple=True)
    return _where(condition, input, other)


@primitive()
def masked_fill(input: Any, mask: Any, /, value: Any) -> Any:
    """``input`` with ``value`` where ``mask`` holds."""
    return np.where(mask, input.dtype.type(value), input)[()]


masked_fill.defvjp(lambda grad, mask: ops.masked_fill(grad, mask, 0))


@primitive(promotes="yes")
def lerp(input: Any, end: Any, weight: Any, /) -> Any:
    """``input + weight * (end - input)``."""
    return np.where(np.abs(weight) < 0.5, input + weight * (end - input), end - (end - input) * (1 - weight))[()]


lerp.defvjp(
    lambda grad, weight: grad * (1 - weight),
    lambda grad, weight: grad * weight,
    lambda grad, input, end: grad * (end - input),
)


@primitive(promotes="yes")
def addcmul(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    """``input + value * tensor1 * tensor2``."""
    return input + value * tensor1 * tensor2


addcmul.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * (tensor2 * value),
    lambda grad, tensor1, value: grad * (tensor1 * value),
)


@primitive(promotes="float")
def addcdiv(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    """``input + value * tensor1 / tensor2``."""
    return input + value * (tensor1 / tensor2)


addcdiv.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * (value / tensor2),
    lambda grad, tensor1, tensor2, value: -grad * value * tensor1 / (tensor2 * tensor2),
)


# copies ---------------------------------------------------------------------------------------------------------------


@primitive()
def clone(input: Any, /) -> Any:
    """A copy that gradients pass through."""
    return input.copy()


clone.defvjp(lambda grad: grad)
clone.defjvp(lambda tangent: tangent)


@primitive()
def to_copy(input: Any, /, dtype: Any) -> Any:
    """A copy in another NumPy type; the gradient is cast back."""
    return (input.real if input.dtype.kind == "c" and dtype.kind != "c" else input).astype(dtype)


to_copy.defvjp(lambda grad: grad)
to_copy.defjvp(lambda tangent, dtype: ops.to_copy(tangent, dtype))


@primitive(name="CopyBackwards")
def copy(input: Any, src: Any, /) -> Any:
    """``src`` in the shape and type of ``input``; the in-place form overwrites."""
    value = src if not np.iscomplexobj(src) or np.iscomplexobj(input) else np.real(src)
    return np.broadcast_to(value, np.shape(input)).astype(input.dtype)


copy.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: grad)


@primitive()
def fill(input: Any, value: Any, /) -> Any:
    """``value`` in the shape and type of ``input``."""
    if np.ndim(value):
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {np.ndim(value)} dimensions.")
    return np.full_like(input, value)


fill.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.sum(grad))


@primitive()
def zero(input: Any, /) -> Any:
    """Zeros in the shape and type of ``input``."""
    return np.zeros_like(input)


zero.defvjp(lambda grad: ops.zeros_like(grad))


@primitive()
def conj(input: Any, /) -> Any:
    """The complex conjugate."""
    return np.conj(input)


conj.defvjp(lambda grad: ops.conj(grad))


@primitive()
def real(input: Any, /) -> Any:
    """The real part."""
    return input.real


real.defvjp(lambda grad, input_dtype: ops.to_copy(grad, input_dtype))


@primitive()
def imag(input: Any, /) -> Any:
    """The imaginary part."""
    return input.imag


imag.defvjp(lambda grad, input_dtype: ops.to_copy(grad, input_dtype) * 1j)


# comparisons and logic: no derivative ---------------------------------------------------------------------------------


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
    return np.less(input, other)


@primitive(promotes="yes")
def le(input: Any, other: Any, /) -> Any:
    """``input <= other``."""
    return np.less_equal(input, other)


@primitive(promotes="yes")
def gt(input: Any, other: Any, /) -> Any:
    """``input > other``."""
    return np.greater(input, other)


@primitive(promotes="yes")
def ge(input: Any, other: Any, /) -> Any:
    """``input >= other``."""
    return np.greater_equal(input, other)


@primitive()
def logical_and(input: Any, other: Any, /) -> Any:
    """Whether both are nonzero."""
    return np.logical_and(input, other)


@primitive()
def logical_or(input: Any, other: Any, /) -> Any:
    """Whether one is nonzero."""
    return np.logical_or(input, other)


@primitive()
def logical_xor(input: Any, other: Any, /) -> Any:
    """Whether exactly one is nonzero."""
    return np.logical_xor(input, other)


@primitive()
def logical_not(input: Any, /) -> Any:
    """Whether it is zero."""
    return np.logical_not(input)


@primitive(promotes="yes")
def bitwise_and(input: Any, other: Any, /) -> Any:
    """Bitwise and; logical for bools."""
    return np.bitwise_and(input, other)


@primitive(promotes="yes")
def bitwise_or(input: Any, other: Any, /) -> Any:
    """Bitwise or; logical for bools."""
    return np.bitwise_or(input, other)


@primitive(promotes="yes")
def bitwise_xor(input: Any, other: Any, /) -> Any:
    """Bitwise exclusive or; logical for bools."""
    return np.bitwise_xor(input, other)


@primitive()
def bitwise_not(input: Any, /) -> Any:
    """Bitwise not; logical for bools."""
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
    return np.signbit(input)


@primitive()
def isclose(input: Any, other: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``."""
    return np.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
