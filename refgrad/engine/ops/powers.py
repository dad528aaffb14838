"""Powers and roots."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.complex_numbers import _kind
from refgrad.engine.ops.forms import _is_array, _met, _unsupported, recorded
from refgrad.engine.primitive import primitive, wrap

__all__ = ["float_power", "pow", "pow_scalar", "pow_tensor", "rpow_scalar", "rsqrt", "sqrt", "square", "vander"]


def _power(input: Any, exponent: Any) -> Any:
    """``input ** exponent`` for a number, small exponents by multiplication as PyTorch does."""
    if exponent == 2:
        return input * input
    if exponent == 3:
        return input * input * input
    if exponent == 0.5:
        return np.sqrt(input)
    if exponent == -0.5:
        return np.reciprocal(np.sqrt(input))  # -inf at -0.0, where a power is inf
    if exponent == 1:
        return input.copy()
    return np.power(input, exponent) if exponent else np.ones_like(input)[()]


@primitive(promotes="yes", name="PowBackward0")
def pow_scalar(input: Any, /, exponent: Any) -> Any:
    """``input ** exponent`` for a number ``exponent``.

    Errors: RuntimeError for an integer to a negative integer power.
    """
    kind = input.dtype.kind
    if kind == "f" and exponent.__class__ is not complex:
        return _power(input, exponent)  # NumPy takes the number into the float's type
    if kind in "iub" and isinstance(exponent, (int, np.integer)) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return _power(*_met(input, exponent))


def _pow_vjp(grad: Any, input: Any, exponent: Any) -> Any:
    if exponent == 0:
        return ops.zeros_like(grad)
    if exponent == 2 and not isinstance(input, TensorBase):
        return grad * (exponent * input)  # an array to the power 1, without the copy
    return grad * (exponent * ops.pow_scalar(input, exponent - 1))


pow_scalar.defvjp(_pow_vjp)
pow_scalar.defjvp(lambda tangent, input, exponent: _pow_vjp(tangent, input, exponent))


@primitive(promotes="yes", name="PowBackward1")
def pow_tensor(input: Any, exponent: Any, /) -> Any:
    """``input ** exponent`` for tensors; integers to negative powers are 1 / input, cut off."""
    _unsupported(input, "b", "pow")
    whole = exponent.dtype.kind == "i" and input.dtype.kind in "biu"  # both: a derivative may meet two types
    if whole and np.any(exponent < 0):
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


pow_tensor.op.jvps.update(pow_tensor.op.vjps)


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


def _numbers(*operands: Any) -> tuple[Any, ...]:
    """The operands, NumPy's numbers beside a tensor as Python's: to rules, which run on arrays, they are 0-d arrays."""
    if not any(isinstance(x, TensorBase) for x in operands):
        return operands
    return tuple(x.item() if isinstance(x, np.generic) else x for x in operands)


def pow(input: Any, exponent: Any) -> Any:
    """``input ** exponent``."""
    input, exponent = _numbers(input, exponent)
    if not _is_array(exponent):
        return pow_scalar(input, exponent)
    return pow_tensor(input, exponent) if _is_array(input) else rpow_scalar(exponent, input)


@recorded
def float_power(input: Any, exponent: Any) -> Any:
    """``input ** exponent`` in double precision.

    Errors: TypeError for two numbers.
    """
    input, exponent = _numbers(input, exponent)
    values = [getattr(x, "_array", x) for x in (input, exponent)]
    if not _is_array(input) and not _is_array(exponent):
        raise TypeError(
            f"float_power() received an invalid combination of arguments - got ({type(input).__name__}, "
            f"{type(exponent).__name__}), but expected one of:"
        )
    wide = np.dtype(np.complex128 if any(np.iscomplexobj(x) for x in values) else np.float64)
    input, exponent = (_widened(x, wide) for x in (input, exponent))
    if not _is_array(exponent):
        return pow_scalar, (input,), (exponent,)
    return (pow_tensor, (input, exponent), ()) if _is_array(input) else (rpow_scalar, (exponent,), (input,))


def _widened(value: Any, kind: Any) -> Any:
    if not _is_array(value):
        return complex(value) if kind.kind == "c" else float(value)
    return value if value._array.dtype == kind else ops.to_copy(value, kind)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix whose columns are the powers of a vector.

    Errors: RuntimeError for another tensor than a vector, or a negative number of columns.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    size = int(x.shape[0]) if N is None else N
    if size < 0:
        raise RuntimeError("N must be non-negative.")
    kind = x._array.dtype if x._array.dtype.kind in "fcV" else np.dtype(np.int64)
    result = wrap(np.zeros((int(x.shape[0]), size), kind))
    if size:
        ops.select(result, 1, 0).fill_(1)
    if size > 1:  # as PyTorch does, which then refuses to differentiate more than two columns
        powers = ops.slice(result, 1, 1)
        powers.copy_(ops.expand(ops.unsqueeze(x, 1), tuple(powers.shape)))
        powers.copy_(ops.cumprod(powers, 1))
    return result if increasing else ops.flip(result, (1,))


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
