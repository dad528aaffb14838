"""Steps, kinks, and the rules at them: rounding, signs, extremes of pairs, clamping."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import (
    _broadcasting,
    _is_array,
    _unsupported,
    by_last,
    no_derivative,
    of_tensors,
)
from refgrad.engine.primitive import _scalar, primitive

__all__ = [
    "abs",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "floor",
    "fmax",
    "fmin",
    "frac",
    "heaviside",
    "maximum",
    "minimum",
    "nan_to_num",
    "relu",
    "round",
    "round_decimals",
    "round_whole",
    "sgn",
    "sign",
    "threshold_backward",
    "trunc",
]


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
abs.defjvp(lambda tangent, input: ops.real(tangent * ops.conj(ops.sgn(input))))


@primitive()
def relu(input: Any, /) -> Any:
    """``max(input, 0)``.

    Errors: RuntimeError for bools, NotImplementedError for complex numbers.
    """
    if input.dtype.kind in "bc":
        if input.dtype.kind == "b":
            raise RuntimeError("Boolean inputs not supported for relu")
        raise NotImplementedError("clamp is not supported for complex types")
    return np.maximum(input.dtype.type(0), input)  # -0 stays -0


relu.defvjp(lambda grad, result: ops.threshold_backward(grad, result, 0))  # 0 at 0
relu.defjvp(lambda tangent, result: ops.threshold_backward(tangent, result, 0))


@primitive(saves=("input",))
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
    result = input if low is None else np.maximum(low, input)  # of two zeros NumPy gives the second, torch the input
    return result if high is None else np.minimum(high, result)


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


@primitive(promotes="yes", name="ClampBackward0", together=("min", "max"))
def _clamp_tensors(input: Any, min: Any = None, max: Any = None, /) -> Any:
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


@primitive(holomorphic=None)
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


@of_tensors
@primitive(name="NotImplemented")
def heaviside(input: Any, values: Any, /) -> Any:
    """0 below 0, 1 above, and ``values`` at 0; its derivative is an error, as in PyTorch.

    Errors: RuntimeError for types that differ and for complex numbers.
    """
    if input.dtype.kind == "c" or values.dtype.kind == "c":
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype != values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    step = (np.asarray(input) > 0).astype(input.dtype)
    return _broadcasting(np.where, input == 0, values, step)[()]


@primitive(name="NotImplemented")
def _heaviside_(input: Any, values: Any, /) -> Any:
    return heaviside.op.forward(input, values)


heaviside.forms = (_heaviside_,)
heaviside.op.vjps = dict.fromkeys(heaviside.op.inputs, no_derivative("heaviside"))
_heaviside_.op.vjps = dict.fromkeys(heaviside.op.inputs, no_derivative("heaviside_"))
