"""Elementwise ops; the inputs broadcast, and the traversal undoes it."""

from __future__ import annotations

import builtins
import cmath
import functools
import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import warn_once
from refgrad.engine.primitive import _scalar, primitive

__all__ = [
    "abs", "acos", "acosh", "add", "addcdiv", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clamp_max", "clamp_min", "clone", "conj", "copy",
    "cos", "cosh", "deg2rad", "div", "div_rounded", "eq", "erf", "erfc", "exp", "exp2", "expm1", "fill", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "frac", "ge", "gt", "hypot", "imag", "isclose", "isfinite", "isinf",
    "isnan", "le", "lerp", "log", "log1p", "log2", "log10", "logaddexp", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logit", "lt", "masked_fill", "maximum", "minimum", "mul", "nan_to_num", "ne", "neg", "pow",
    "pow_scalar", "pow_tensor", "rad2deg", "real", "reciprocal", "relu", "remainder", "round", "round_decimals",
    "round_whole", "rpow_scalar", "rsqrt", "rsub", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt",
    "square", "sub", "tan", "tanh", "threshold_backward", "to_copy", "true_divide", "trunc", "where", "xlogy", "zero",
]  # fmt: skip


def _met(input: Any, number: Any) -> tuple[Any, Any]:
    """``input`` and a Python number in their common type."""
    kind = dtypes.result_type((input, number)).numpy
    return input.astype(kind, copy=False), _scalar(number, kind)


def _is_array(value: Any) -> bool:
    return isinstance(value, TensorBase) or hasattr(value, "dtype")


def by_last(name: str, of_tensor: Any, of_number: Any, swapped: Any = None) -> Any:
    """One function of several forms, which PyTorch records under several names.

    The last argument, a tensor or a number, decides; ``swapped`` is the form whose first argument is a number.
    """
    last = of_tensor.op.inputs[-1]

    def function(*args: Any, **kwargs: Any) -> Any:
        if args and not _is_array(args[0]):
            if swapped is None:
                names = ", ".join("Tensor" if _is_array(x) else type(x).__name__ for x in args)
                raise TypeError(
                    f"{function.__name__}() received an invalid combination of arguments - got ({names}), but "
                    f"expected one of:"
                )
            return swapped(args[1], args[0])
        decides = kwargs[last] if last in kwargs else args[len(of_tensor.op.inputs) - 1]
        return (of_tensor if _is_array(decides) else of_number)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = of_tensor.__doc__
    function.forms = (of_tensor, of_number)  # type: ignore[attr-defined]
    return function


def of_tensors(function: Any) -> Any:
    """``function`` without numbers: PyTorch has no such form.

    Errors: TypeError.
    """

    @functools.wraps(function)
    def checked(input: Any, other: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_array(input):
            raise _no_tensor(function, "input", 1, input)
        if not _is_array(other):
            raise _no_tensor(function, "other", 2, other)
        return function(input, other, *args, **kwargs)

    return checked


def _no_tensor(function: Any, name: str, position: int, value: Any) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"{function.__name__}(): argument '{name}' (position {position}) must be Tensor, not {kind}")


def _unsupported(value: Any, kinds: str, kernel: str) -> None:
    """Refuse the kinds of numbers that PyTorch has no kernel for.

    Errors: NotImplementedError.
    """
    if getattr(value, "dtype", _PLAIN).kind in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(value.dtype)}'")


_PLAIN = np.dtype("O")  # of a Python number, which is of no kind yet


def _broadcasting(function: Any, *arrays: Any) -> Any:
    """Run ``function``; shapes that do not broadcast are told in PyTorch's words."""
    try:
        return function(*arrays)
    except ValueError:
        shape: tuple[int, ...] = ()
        for array in arrays:
            shape = dims.broadcast(shape, np.shape(array))
        raise


# arithmetic -----------------------------------------------------------------------------------------------------------


@primitive(promotes="yes", direct=lambda array, other, *_: np.add(array, other, array))
def add(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input + alpha * other``."""
    return input + other if alpha == 1 else input + alpha * other


add.defvjp(lambda grad: grad, lambda grad, alpha: grad if alpha == 1 else grad * alpha)
add.defjvp(lambda tangent: tangent, lambda tangent, alpha: tangent if alpha == 1 else tangent * alpha)


@primitive(promotes="yes", direct=lambda array, other, *_: np.subtract(array, other, array))
def sub(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input - alpha * other``.

    Errors: RuntimeError for bools.
    """
    return input - other if alpha == 1 else input - alpha * other


sub.defvjp(lambda grad: grad, lambda grad, alpha: -grad if alpha == 1 else grad * -alpha)
sub.defjvp(lambda tangent: tangent, lambda tangent, alpha: -tangent if alpha == 1 else tangent * -alpha)


def _refuse_bools(arrays: Any) -> None:
    """Refuse what NumPy would take for 0 and 1.

    Errors: RuntimeError.
    """
    flags = [isinstance(a, bool) or getattr(a, "dtype", None) == bool for a in arrays]
    if all(flags):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
        )
    if any(flags):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` "
            "or `logical_not()` operator instead."
        )


sub.op.check = _refuse_bools


@primitive(promotes="yes", name="RsubBackward0")
def _rsub_tensor(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``."""
    return _broadcasting(lambda other, input: sub.op.forward(other, input, alpha), other, input)


_rsub_tensor.op.check = _refuse_bools
_rsub_tensor.defvjp(lambda grad, alpha: -grad if alpha == 1 else grad * -alpha, lambda grad: grad)


@primitive(promotes="yes", name="RsubBackward1")
def _rsub_number(input: Any, /, other: Any, alpha: Any = 1) -> Any:
    _refuse_bools((input, other))
    return sub.op.forward(*reversed(_met(input, other)), alpha)


_rsub_number.defvjp(lambda grad, alpha: -grad if alpha == 1 else grad * -alpha)
_rsub_number.defjvp(lambda tangent, alpha: -tangent if alpha == 1 else tangent * -alpha)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``."""
    return (_rsub_tensor if _is_array(other) else _rsub_number)(input, other, alpha=alpha)


@primitive(promotes="yes", direct=lambda array, other, *_: np.multiply(array, other, array))
def mul(input: Any, other: Any, /) -> Any:
    """``input * other``."""
    return input * other


mul.defvjp(lambda grad, other: grad * other, lambda grad, input: grad * input)
mul.defjvp(lambda tangent, other: tangent * other, lambda tangent, input: tangent * input)


@primitive(promotes="float", name="DivBackward0", direct=lambda array, other, *_: np.true_divide(array, other, array))
def true_divide(input: Any, other: Any, /) -> Any:
    """``input / other``."""
    return input / other


true_divide.defvjp(lambda grad, other: grad / other, lambda grad, input, other: -grad * ((input / other) / other))
true_divide.defjvp(lambda tangent, other: tangent / other, lambda tangent, other, result: -tangent * (result / other))


@primitive(promotes="yes", name="DivBackward2")
def div_rounded(input: Any, other: Any, /, rounding_mode: str) -> Any:
    """``input / other``, rounded towards zero (``"trunc"``) or down (``"floor"``).

    Errors: RuntimeError for another mode, or integers over zero.
    """
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    _check_divisor(input, other, f"div_{rounding_mode}_cpu")
    if rounding_mode == "floor":
        return np.floor_divide(input, other)
    if input.dtype.kind in "iu":
        return np.floor_divide(input - np.fmod(input, other), other)
    return np.trunc(np.true_divide(input, other))


# flat; the inputs are kept as PyTorch keeps them
div_rounded.defvjp(lambda grad, other: ops.zeros_like(grad), lambda grad, input, other: ops.zeros_like(grad))


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``input / other``, rounded towards zero (``"trunc"``) or down (``"floor"``) if asked."""
    if rounding_mode is None:
        return true_divide(input, other)
    return div_rounded(input, other, rounding_mode)


def _check_divisor(input: Any, other: Any, kernel: str) -> None:
    """Refuse what has no remainder: bools, complex numbers, integers over zero."""
    kind = (input if hasattr(input, "dtype") else other).dtype
    if kind.kind in "bc":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(kind)}'")
    if kind.kind in "iu" and not np.all(other):
        raise RuntimeError("ZeroDivisionError")


@primitive(promotes="yes", name="RemainderBackward1")
def _remainder_tensor(input: Any, other: Any, /) -> Any:
    """The remainder with the sign of the divisor."""
    _check_divisor(input, other, "remainder_cpu")
    return np.remainder(input, other)


_remainder_tensor.defvjp(
    lambda grad: grad,
    lambda grad, input, other: -grad * ops.div(input, other, rounding_mode="floor"),
)


@primitive(promotes="yes", name="RemainderBackward0")
def _remainder_number(input: Any, /, other: Any) -> Any:
    return _remainder_tensor.op.forward(*_met(input, other))


_remainder_number.defvjp(lambda grad: grad)


@primitive(promotes="yes", name="NotImplemented")
def _remainder_swapped(input: Any, /, other: Any) -> Any:
    return _remainder_tensor.op.forward(*reversed(_met(input, other)))


remainder = by_last("remainder", _remainder_tensor, _remainder_number, _remainder_swapped)


@primitive(promotes="yes", name="FmodBackward1")
def _fmod_tensor(input: Any, other: Any, /) -> Any:
    """The remainder with the sign of the dividend."""
    _check_divisor(input, other, "fmod_cpu")
    return np.fmod(input, other)


_fmod_tensor.defvjp(
    lambda grad: grad,
    lambda grad, input, other: -grad * ops.div(input, other, rounding_mode="trunc"),
)


@primitive(promotes="yes", name="FmodBackward0")
def _fmod_number(input: Any, /, other: Any) -> Any:
    return _fmod_tensor.op.forward(*_met(input, other))


_fmod_number.defvjp(lambda grad: grad)
fmod = by_last("fmod", _fmod_tensor, _fmod_number)


@primitive(promotes="yes", name="NotImplemented")
def _floor_divide_tensor(input: Any, other: Any, /) -> Any:
    """``input / other`` rounded down; its derivative is an error, as in PyTorch."""
    _check_divisor(input, other, "div_floor_cpu")
    return np.floor_divide(input, other)


@primitive(promotes="yes", name="NotImplemented")
def _floor_divide_number(input: Any, /, other: Any) -> Any:
    return _floor_divide_tensor.op.forward(*_met(input, other))


@primitive(promotes="yes", name="NotImplemented")
def _floor_divide_swapped(input: Any, /, other: Any) -> Any:
    return _floor_divide_tensor.op.forward(*reversed(_met(input, other)))


floor_divide = by_last("floor_divide", _floor_divide_tensor, _floor_divide_number, _floor_divide_swapped)


def _no_derivative(name: str) -> Any:
    def rule(grad: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return rule


@primitive(promotes="yes", name="NotImplemented")
def _floor_divide_tensor_(input: Any, other: Any, /) -> Any:
    return _floor_divide_tensor.op.forward(input, other)


@primitive(promotes="yes", name="NotImplemented")
def _floor_divide_number_(input: Any, /, other: Any) -> Any:
    return _floor_divide_number.op.forward(input, other)


floor_divide.forms = (
    _floor_divide_tensor_,
    _floor_divide_number_,
)  # of which PyTorch has no derivative by another name
_floor_divide_tensor_.defvjp(_no_derivative("floor_divide_"), _no_derivative("floor_divide_"))
_floor_divide_number_.defvjp(_no_derivative("floor_divide_"))
_floor_divide_tensor.defvjp(_no_derivative("floor_divide"), _no_derivative("floor_divide"))
_floor_divide_number.defvjp(_no_derivative("floor_divide"))
_floor_divide_swapped.defvjp(_no_derivative("floor_divide"))
_remainder_swapped.defvjp(_no_derivative("remainder"))


@primitive()
def neg(input: Any, /) -> Any:
    """``-input``.

    Errors: RuntimeError for bools.
    """
    try:
        return -input
    except TypeError:  # NumPy negates no bools either
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        ) from None


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
    if exponent == 1:
        return input.copy()
    return np.power(input, exponent) if exponent else np.ones_like(input)[()]


@primitive(promotes="yes", name="PowBackward0")
def pow_scalar(input: Any, /, exponent: Any) -> Any:
    """``input ** exponent`` for a number ``exponent``.

    Errors: RuntimeError for an integer to a negative integer power.
    """
    if input.dtype.kind in "iub" and isinstance(exponent, (int, np.integer)) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if input.dtype.kind == "f" and exponent.__class__ is not complex:
        return _power(input, exponent)  # NumPy takes the number into the float's type
    if input.dtype.kind == "f" and (exponent.__class__ is int or exponent.__class__ is float):
        return _power(input, exponent)  # most often; NumPy gives such a number the type of the input
    return _power(*_met(input, exponent))


def _pow_vjp(grad: Any, input: Any, exponent: Any) -> Any:
    if exponent == 0:
        return ops.zeros_like(grad)
    return grad * (exponent * ops.pow_scalar(input, exponent - 1))


pow_scalar.defvjp(_pow_vjp)
pow_scalar.defjvp(lambda tangent, input, exponent: _pow_vjp(tangent, input, exponent))


@primitive(promotes="yes", name="PowBackward1")
def pow_tensor(input: Any, exponent: Any, /) -> Any:
    """``input ** exponent`` for tensors; integers to negative powers are 1 / input, cut off."""
    _unsupported(input, "b", "pow")
    if exponent.dtype.kind == "i" and np.any(exponent < 0):
        inverse = np.where(np.abs(input) == 1, np.power(input, np.abs(exponent)), 0)
        return np.where(exponent < 0, inverse, np.power(input, np.abs(exponent)))
    result = np.power(input, exponent)
    if input.dtype.kind == "c":  # PyTorch takes the logarithm of 0
        return np.where((input == 0) & (exponent == 0), complex(math.nan, math.nan), result).astype(result.dtype)[()]
    return result


pow_tensor.defvjp(
    # PyTorch keeps the result for either; so does this rule, which has no use for it
    lambda grad, input, exponent, result: ops.where(
        exponent == 0, 0.0, grad * (exponent * ops.pow(input, exponent - 1))
    ),
    # 0 ** y is flat in y where y >= 0
    lambda grad, input, exponent, result: (
        grad * ops.where(_flat_at_zero(input, exponent), 0.0, result * ops.log(_like(input, result)))
    ),
)


def _like(input: Any, result: Any) -> Any:
    """``input``, complex if ``result`` is: a negative number has a complex logarithm."""
    return input + 0j if _kind(result) == "c" else input


def _flat_at_zero(input: Any, exponent: Any) -> Any:
    flat = ops.real(exponent) >= 0
    return ops.logical_and(
        input == 0, ops.logical_and(flat, ops.imag(exponent) == 0) if _kind(exponent) == "c" else flat
    )


@primitive(promotes="yes", name="PowBackward2")
def rpow_scalar(exponent: Any, /, base: Any) -> Any:
    """``base ** exponent`` for a number ``base``."""
    exponent, number = _met(exponent, base)
    return pow_tensor.op.forward(number, exponent)


def _rpow_vjp(grad: Any, exponent: Any, base: Any, result: Any) -> Any:
    if base == 0:
        flat = _flat_at_zero(ops.zeros_like(exponent), exponent)
        return grad * ops.where(flat, 0.0, result * -math.inf)
    return grad * (result * _log(complex(base) if _kind(exponent) == "c" else base))


def _log(base: Any) -> Any:
    """The logarithm of a number, nan where it is not real."""
    if isinstance(base, complex):
        return cmath.log(base)
    return math.log(base) if base > 0 else math.nan


rpow_scalar.defvjp(_rpow_vjp)


def pow(input: Any, exponent: Any) -> Any:
    """``input ** exponent``."""
    if not _is_array(exponent):
        return pow_scalar(input, exponent)
    return pow_tensor(input, exponent) if _is_array(input) else rpow_scalar(exponent, input)


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


tan.defvjp(lambda grad, result: grad * (1 + result * result))


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


@of_tensors
@primitive(promotes="float")
def atan2(input: Any, other: Any, /) -> Any:
    """The angle of the point ``(other, input)``, in radians."""
    _unsupported(input, "c", "atan2_cpu")
    return np.arctan2(input, other)


atan2.defvjp(
    lambda grad, input, other: grad * other * _inverse_square(input, other),
    lambda grad, input, other: grad * -input * _inverse_square(input, other),
)


def _inverse_square(input: Any, other: Any) -> Any:
    """``1 / (input ** 2 + other ** 2)``, 0 at the origin."""
    square = input * input + other * other
    return ops.masked_fill(ops.reciprocal(square), square == 0, 0)


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


def _acosh_vjp(grad: Any, input: Any, input_dtype: Any) -> Any:
    if input_dtype.kind == "c":  # sqrt(x) * sqrt(y) is not sqrt(x * y) there
        return grad * (ops.rsqrt(input + 1) * ops.rsqrt(input - 1))
    return grad * ops.rsqrt(input * input - 1)


acosh.defvjp(_acosh_vjp)


@primitive(promotes="float")
def atanh(input: Any, /) -> Any:
    """Inverse hyperbolic tangent."""
    return np.arctanh(input)


atanh.defvjp(lambda grad, input: grad * 1 / (1 - ops.pow(input, 2)))


def _underivable(function: Any) -> None:
    """Let the in-place form of ``function`` have no derivative, as in PyTorch."""

    def rule(grad: Any) -> Any:
        raise NotImplementedError(f"the derivative for 'inplace version of {function.__name__}' is not implemented.")

    form = primitive(promotes="float", name=f"{function.__name__.title()}Backward1")(function.op.forward)
    form.defvjp(rule)
    function.forms = (form, form)


for _function in (acosh, asinh, atanh):
    _underivable(_function)


@of_tensors
@primitive(promotes="yes")
def hypot(input: Any, other: Any, /) -> Any:
    """``sqrt(input ** 2 + other ** 2)``."""
    _unsupported(input, "biuc", "hypot_cpu")
    return np.hypot(input, other)


hypot.defvjp(lambda grad, input, result: grad * input / result, lambda grad, other, result: grad * other / result)


@primitive(promotes="float")
def deg2rad(input: Any, /) -> Any:
    """Degrees to radians."""
    return _scaled(input, math.pi / 180, "deg2rad")


deg2rad.defvjp(lambda grad: grad * (math.pi / 180))


@primitive(promotes="float")
def rad2deg(input: Any, /) -> Any:
    """Radians to degrees."""
    return _scaled(input, 180 / math.pi, "rad2deg")


def _scaled(input: Any, factor: float, name: str) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    return input * input.dtype.type(factor)


rad2deg.defvjp(lambda grad: grad * (180 / math.pi))


@primitive(promotes="float")
def erf(input: Any, /) -> Any:
    """The error function."""
    from scipy.special import erf as scipy_erf  # loaded at the first call: `import refgrad` needs NumPy only

    _unsupported(input, "c", "erf_vml_cpu")
    return scipy_erf(_wide(input)).astype(input.dtype)


def _wide(input: Any) -> Any:
    """Half floats, which SciPy does not know, in single precision."""
    return input.astype(np.float32) if input.dtype.itemsize == 2 else input


erf.defvjp(lambda grad, input: 2.0 / math.sqrt(math.pi) * ops.exp(-ops.pow(input, 2)) * grad)


@primitive(promotes="float")
def erfc(input: Any, /) -> Any:
    """``1 - erf(input)``, exact for large inputs."""
    from scipy.special import erfc as scipy_erfc

    _unsupported(input, "c", "erfc_vml_cpu")
    return scipy_erfc(_wide(input)).astype(input.dtype)


erfc.defvjp(lambda grad, input: -2.0 / math.sqrt(math.pi) * ops.exp(-ops.pow(input, 2)) * grad)


# steps and kinks ------------------------------------------------------------------------------------------------------


def _flat(grad: Any) -> Any:
    """The derivative of a step function: zero wherever it exists."""
    return ops.zeros_like(grad)


def _rounded(function: Any, input: Any) -> Any:
    name = function.__name__
    if input.dtype.kind == "c":
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    _unsupported(input, "b", f"{name}_vml_cpu")
    return input.copy() if input.dtype.kind in "iu" else function(input)


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


@primitive(name="RoundBackward0")
def round_whole(input: Any, /) -> Any:
    """The nearest integer, halves to even."""
    _unsupported(input, "bc", "round_vml_cpu")
    return input.copy() if input.dtype.kind in "iu" else np.rint(input)


@primitive(name="RoundBackward1")
def round_decimals(input: Any, /, decimals: int) -> Any:
    _unsupported(input, "biuc", "round_cpu")
    return np.round(input, decimals)


def round(input: Any, *, decimals: int = 0) -> Any:
    """The nearest number of so many decimals, halves to even."""
    return round_decimals(input, decimals) if decimals else round_whole(input)


@primitive()
def sign(input: Any, /) -> Any:
    """-1, 0 or 1; 0 for nan."""
    if input.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return _sign(input)


def _sign(input: Any) -> Any:
    return input.copy() if input.dtype.kind == "b" else np.subtract(input > 0, input < 0, dtype=input.dtype)


for _step in (floor, ceil, trunc, round_whole, round_decimals, sign):
    _step.defvjp(_flat)
    _step.defjvp(_flat)


@primitive()
def sgn(input: Any, /) -> Any:
    """The sign; of a complex number, its direction."""
    return np.sign(input) if input.dtype.kind == "c" else _sign(input)


def _sgn_vjp(grad: Any, input: Any, result: Any, input_dtype: Any) -> Any:
    if input_dtype.kind != "c":
        return ops.zeros_like(grad)
    size, grad = ops.abs(input), ops.conj(grad)  # the plan conjugates, as if sgn were holomorphic; undone here
    return ops.conj(ops.masked_fill(grad / size - ops.real(grad / result) * result / size, size == 0, 0))


sgn.defvjp(_sgn_vjp)


@primitive()
def frac(input: Any, /) -> Any:
    """The fraction, with the sign of ``input``."""
    _unsupported(input, "biuc", "frac_cpu")
    return input - np.trunc(input)


frac.defvjp(lambda grad: grad)


@primitive()
def abs(input: Any, /) -> Any:
    """The absolute value."""
    _unsupported(input, "b", "abs_cpu")
    return np.abs(input)


abs.defvjp(lambda grad, input: grad * ops.sgn(input))  # 0 at 0, and at nan
abs.defjvp(lambda tangent, input: tangent * ops.sgn(input))


@primitive()
def relu(input: Any, /) -> Any:
    """``max(input, 0)``.

    Errors: RuntimeError for bools, NotImplementedError for complex numbers.
    """
    if input.dtype.kind in "bc":
        if input.dtype.kind == "b":
            raise RuntimeError("Boolean inputs not supported for relu")
        raise NotImplementedError("clamp is not supported for complex types")
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


def _extreme(function: Any, input: Any, other: Any) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{function.__name__} not implemented for complex tensors.")
    return function(input, other)


@of_tensors
@primitive(promotes="yes")
def maximum(input: Any, other: Any, /) -> Any:
    """The larger of each pair; nan if either is."""
    return _extreme(np.maximum, input, other)


@of_tensors
@primitive(promotes="yes")
def minimum(input: Any, other: Any, /) -> Any:
    """The smaller of each pair; nan if either is."""
    return _extreme(np.minimum, input, other)


def _split_tie(grad: Any, input: Any, other: Any, loses: Any) -> Any:
    # at a tie torch splits evenly; nan loses to nothing, so both get the gradient
    return ops.masked_fill(ops.where(input == other, grad / 2, grad), loses, 0)


maximum.defvjp(
    lambda grad, input, other: _split_tie(grad, input, other, input < other),
    lambda grad, input, other: _split_tie(grad, input, other, input > other),
)
minimum.defvjp(
    lambda grad, input, other: _split_tie(grad, input, other, input > other),
    lambda grad, input, other: _split_tie(grad, input, other, input < other),
)


@of_tensors
@primitive(promotes="yes")
def fmax(input: Any, other: Any, /) -> Any:
    """The larger of each pair; nan only if both are."""
    return _extreme(np.fmax, input, other)


@of_tensors
@primitive(promotes="yes")
def fmin(input: Any, other: Any, /) -> Any:
    """The smaller of each pair; nan only if both are."""
    return _extreme(np.fmin, input, other)


# at a tie fmax and fmin give all to the first
fmax.defvjp(
    lambda grad, input, other: ops.masked_fill(grad, ops.logical_not(_first(input >= other, other)), 0),
    lambda grad, input, other: ops.masked_fill(grad, _first(input >= other, other), 0),
)
fmin.defvjp(
    lambda grad, input, other: ops.masked_fill(grad, ops.logical_not(_first(input <= other, other)), 0),
    lambda grad, input, other: ops.masked_fill(grad, _first(input <= other, other), 0),
)


def _first(wins: Any, other: Any) -> Any:
    return ops.logical_or(wins, ops.isnan(other))


def _clip(input: Any, low: Any, high: Any) -> Any:
    if input.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    result = input if low is None else np.maximum(input, low)
    return result if high is None else np.minimum(result, high)


@primitive(promotes="yes", name="ClampBackward1")
def _clamp_numbers(input: Any, /, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    bounds = [bound for bound in (min, max) if bound is not None]
    if input.dtype.kind == "f" and not builtins.any(isinstance(bound, complex) for bound in bounds):
        return _clip(input, min, max)
    kind = dtypes.result_type((input, *bounds)).numpy
    low, high = (None if bound is None else _scalar(bound, kind) for bound in (min, max))
    return _clip(input.astype(kind, copy=False), low, high)


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
    return _clip(input, min, max)


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

    Errors: RuntimeError without a bound, TypeError for a number and a tensor.
    """
    tensors = [_is_array(bound) for bound in (min, max) if bound is not None]
    if builtins.any(tensors) and not builtins.all(tensors):
        names = ", ".join(type(x).__name__ for x in (input, min, max))
        raise TypeError(f"clamp() received an invalid combination of arguments - got ({names}), but expected one of:")
    return (_clamp_tensors if builtins.any(tensors) else _clamp_numbers)(input, min, max)


clamp.forms = (_clamp_tensors, _clamp_numbers)  # type: ignore[attr-defined]


@primitive(promotes="yes", name="ClampMinBackward1")
def _clamp_min_tensor(input: Any, min: Any, /) -> Any:
    """``input``, but at least ``min``."""
    _unsupported(input, "c", "maximum_cpu")
    return np.maximum(input, min)


@primitive(promotes="yes", name="ClampMinBackward0")
def _clamp_min_number(input: Any, /, min: Any) -> Any:
    result = _clamp_numbers.op.forward(input, min, None)
    _unsupported(result, "b", "clamp_min_scalar_cpu")
    return result


@primitive(promotes="yes", name="ClampMaxBackward1")
def _clamp_max_tensor(input: Any, max: Any, /) -> Any:
    """``input``, but at most ``max``."""
    _unsupported(input, "c", "minimum_cpu")
    return np.minimum(input, max)


@primitive(promotes="yes", name="ClampMaxBackward0")
def _clamp_max_number(input: Any, /, max: Any) -> Any:
    result = _clamp_numbers.op.forward(input, None, max)
    _unsupported(result, "b", "clamp_max_scalar_cpu")
    return result


_clamp_min_tensor.defvjp(
    lambda grad, input, min: ops.where(input >= min, grad, 0.0),
    lambda grad, input, min: ops.where(input < min, grad, 0.0),
)
_clamp_max_tensor.defvjp(
    lambda grad, input, max: ops.where(input <= max, grad, 0.0),
    lambda grad, input, max: ops.where(input > max, grad, 0.0),
)
_clamp_min_number.defvjp(lambda grad, input, min: ops.where(input >= min, grad, 0.0))
_clamp_max_number.defvjp(lambda grad, input, max: ops.where(input <= max, grad, 0.0))
clamp_min = by_last("clamp_min", _clamp_min_tensor, _clamp_min_number)
clamp_max = by_last("clamp_max", _clamp_max_tensor, _clamp_max_number)


@primitive()
def nan_to_num(input: Any, /, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``input`` with numbers in place of nan and the infinities, by default the type's largest."""
    if input.dtype.kind in "biu":
        return input.copy()
    if input.dtype.kind == "c":
        parts = [nan_to_num.op.forward(part, nan, posinf, neginf) for part in (input.real, input.imag)]
        return (parts[0] + 1j * parts[1]).astype(input.dtype)
    limits, kind = dtypes.finfo(dtypes.of(input.dtype)), input.dtype.type
    high, low = kind(limits.max if posinf is None else posinf), kind(limits.min if neginf is None else neginf)
    finite = np.where(np.isnan(input), kind(nan or 0.0), input)
    return np.where(finite == math.inf, high, np.where(finite == -math.inf, low, finite))[()]


nan_to_num.defvjp(lambda grad, input: grad * ops.isfinite(input))


# selection and mixing -------------------------------------------------------------------------------------------------


@primitive(name="WhereBackward0")
def _where(condition: Any, input: Any, other: Any, /) -> Any:
    kind = dtypes.result_type((input, other)).numpy
    return _broadcasting(np.where, condition, np.asarray(input, kind), np.asarray(other, kind))[()]


_where.defvjp(
    input=lambda grad, condition: ops.where(condition, grad, 0.0),
    other=lambda grad, condition: ops.where(condition, 0.0, grad),
)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; with a condition alone, the indices where it holds.

    Errors: RuntimeError for a condition that is not of bools.
    """
    if input is None and other is None:
        return ops.nonzero(condition, as_tuple=True)
    if isinstance(condition, TensorBase) and condition._array.dtype.kind != "b":
        condition = _as_condition(condition)
    return _where(condition, input, other)


def _as_condition(condition: Any) -> Any:
    if condition._array.dtype != np.uint8:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{dtypes.scalar_title(condition._array.dtype)}"
        )
    warn_once(
        "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future "
        "version of PyTorch. "
        "Use a boolean condition instead.",
        stacklevel=4,
    )
    return ops.to_copy(condition, np.dtype(bool))


@primitive(name="MaskedFillBackward0")
def _masked_fill_number(input: Any, mask: Any, /, value: Any) -> Any:
    _check_mask(mask)
    return _broadcasting(_fill_at, mask, input, dtypes.element(value, input.dtype))


@primitive(name="MaskedFillBackward1")
def _masked_fill_tensor(input: Any, mask: Any, value: Any, /) -> Any:
    """``input`` with ``value`` where ``mask`` holds.

    Errors: RuntimeError for a mask not of bools or a value with dimensions.
    """
    _check_mask(mask)
    if np.ndim(value):
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {np.ndim(value)} "
            f"dimension(s)."
        )
    return _broadcasting(_fill_at, mask, input, np.asarray(value).astype(input.dtype))


def _fill_at(mask: Any, input: Any, value: Any) -> Any:
    return np.where(mask, value, input)[()]


def _check_mask(mask: Any) -> None:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {dtypes.c_title(mask.dtype)}"
        )


_masked_fill_number.defvjp(input=lambda grad, mask: ops.masked_fill(grad, mask, 0))
_masked_fill_tensor.defvjp(
    input=lambda grad, mask: ops.masked_fill(grad, mask, 0),
    value=lambda grad, mask: ops.sum(ops.where(mask, grad, 0.0)),
)
masked_fill = by_last("masked_fill", _masked_fill_tensor, _masked_fill_number)


def _mix(input: Any, end: Any, weight: Any) -> Any:
    near = np.abs(weight) < 0.5  # from the nearer end, so that a weight of 1 gives `end` exactly
    return np.where(near, input + weight * (end - input), end - (end - input) * (1 - weight))[()]


def _check_lerp(input: Any, kernel: str, **others: Any) -> None:
    for name, other in others.items():
        if other.dtype != input.dtype:
            held, got = dtypes.c_title(input.dtype), dtypes.c_title(other.dtype)
            raise RuntimeError(f"expected dtype {held} for `{name}` but got dtype {got}")
    _unsupported(input, "biu", kernel)


@primitive(name="LerpBackward1")
def _lerp_tensor(input: Any, end: Any, weight: Any, /) -> Any:
    """``input + weight * (end - input)``.

    Errors: RuntimeError for types that differ.
    """
    _check_lerp(input, "lerp_kernel_tensor", end=end, **({"weight": weight} if weight.ndim else {}))
    return _broadcasting(_mix, input, end, weight.astype(input.dtype, copy=False))


@primitive(name="LerpBackward0")
def _lerp_number(input: Any, end: Any, /, weight: Any) -> Any:
    _check_lerp(input, "lerp_kernel_scalar", end=end)
    return _broadcasting(_mix, input, end, input.dtype.type(weight))


_lerp_tensor.defvjp(
    lambda grad, weight: grad * (1 - weight),
    lambda grad, weight: grad * weight,
    lambda grad, input, end: grad * (end - input),
)
_lerp_number.defvjp(lambda grad, weight: grad * (1 - weight), lambda grad, weight: grad * weight)
lerp = by_last("lerp", _lerp_tensor, _lerp_number)


@primitive(promotes="yes")
def addcmul(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    """``input + value * tensor1 * tensor2``."""
    _unsupported(input, "b", "addcmul_cpu_out")
    return input + _scalar(value, input.dtype) * tensor1 * tensor2


addcmul.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * (tensor2 * value),
    lambda grad, tensor1, value: grad * (tensor1 * value),
)


@primitive(promotes="yes", name="AddcdivBackward0")
def _addcdiv(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    return input + _scalar(value, input.dtype) * (tensor1 / tensor2)


_addcdiv.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * (value / tensor2),
    lambda grad, tensor1, tensor2, value: -grad * (value * tensor1 / (tensor2 * tensor2)),
)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input + value * tensor1 / tensor2``.

    Errors: RuntimeError for an integer over an integer.
    """
    if tensor1._array.dtype.kind in "biu" and tensor2._array.dtype.kind in "biu":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division "
            "of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
            "torch.trunc(tensor1 / "
            "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float "
            "inputs. The "
            "future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all "
            "dtypes."
        )
    return _addcdiv(input, tensor1, tensor2, value=value)


addcdiv.op = _addcdiv.op  # type: ignore[attr-defined]


# copies ---------------------------------------------------------------------------------------------------------------


@primitive()
def clone(input: Any, /) -> Any:
    """A copy that gradients pass through."""
    return input.copy("K")


clone.defvjp(lambda grad: grad)
clone.defjvp(lambda tangent: tangent)


@primitive(name="ToCopyBackward0")
def _to_floats(input: Any, /, dtype: Any) -> Any:
    return (input.real if input.dtype.kind == "c" and dtype.kind != "c" else input).astype(dtype)


_to_floats.defvjp(lambda grad: grad)
_to_floats.defjvp(lambda tangent, dtype: ops.to_copy(tangent, dtype))


@primitive()
def _to_integers(input: Any, /, dtype: Any) -> Any:
    return (input.real if input.dtype.kind == "c" and dtype.kind != "b" else input).astype(dtype)


def to_copy(input: Any, dtype: Any) -> Any:
    """A copy in another NumPy type; the gradient is cast back, and ends at integers."""
    return (_to_integers if dtype.kind in "biu" else _to_floats)(input, dtype)


@primitive(name="CopyBackwards")
def copy(input: Any, src: Any, /) -> Any:
    """``src`` in the shape and type of ``input``; the in-place form overwrites."""
    shape = dims.broadcast(np.shape(input), np.shape(src))
    if shape != np.shape(input):
        raise RuntimeError(f"output with shape {list(np.shape(input))} doesn't match the broadcast shape {list(shape)}")
    value = src if not np.iscomplexobj(src) or np.iscomplexobj(input) else np.real(src)
    return np.broadcast_to(value, np.shape(input)).astype(input.dtype)


copy.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: grad)


@primitive(name="FillBackward1")
def _fill_tensor(input: Any, value: Any, /) -> Any:
    """``value`` in the shape and type of ``input``.

    Errors: RuntimeError for a value with dimensions.
    """
    if np.ndim(value):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {np.ndim(value)} dimensions."
        )
    return np.full_like(input, np.asarray(value).astype(input.dtype))


@primitive(name="FillBackward0")
def _fill_number(input: Any, /, value: Any) -> Any:
    return np.full_like(input, dtypes.element(value, input.dtype))


_fill_tensor.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.sum(grad))
_fill_number.defvjp(lambda grad: ops.zeros_like(grad))
fill = by_last("fill", _fill_tensor, _fill_number)


@primitive(name="FillBackward3")
def _fill_tensor_(input: Any, value: Any, /) -> Any:
    return _fill_tensor.op.forward(input, value)


@primitive(name="FillBackward2")
def _fill_number_(input: Any, /, value: Any) -> Any:
    return _fill_number.op.forward(input, value)


_fill_tensor_.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.sum(grad))
_fill_number_.defvjp(lambda grad: ops.zeros_like(grad))
fill.forms = (_fill_tensor_, _fill_number_)  # PyTorch counts the forms that write on


@primitive(direct=lambda array: array.fill(0))
def zero(input: Any, /) -> Any:
    """Zeros in the shape and type of ``input``."""
    return np.zeros_like(input)


zero.defvjp(lambda grad: ops.zeros_like(grad))


@primitive(name="ConjBackward0")
def _conj(input: Any, /) -> Any:
    return np.conj(input)


_conj.defvjp(lambda grad: ops.conj(grad))


def conj(input: Any) -> Any:
    """The complex conjugate; a real tensor itself."""
    return _conj(input) if _kind(input) == "c" else input


def _kind(input: Any) -> str:
    return str(getattr(input, "_array", input).dtype.kind)


def real(input: Any) -> Any:
    """The real part, a view; a real tensor itself."""
    if not isinstance(input, TensorBase):
        return input.real
    return ops.select(ops.view_as_real(input), -1, 0) if _kind(input) == "c" else input


def imag(input: Any) -> Any:
    """The imaginary part, a view.

    Errors: RuntimeError for a real tensor.
    """
    if _kind(input) != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return ops.select(ops.view_as_real(input), -1, 1) if isinstance(input, TensorBase) else input.imag


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
