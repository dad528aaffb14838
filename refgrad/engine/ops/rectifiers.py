"""Rectifiers: activations that are straight on both sides of some points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops, random
from refgrad.engine.ops.activation import require_floating
from refgrad.engine.ops.forms import no_derivative
from refgrad.engine.primitive import primitive, wrap

__all__ = ["glu", "hardshrink", "hardsigmoid", "hardswish", "prelu", "rrelu", "softshrink", "threshold"]


@primitive()
def threshold(input: Any, /, threshold: float, value: float) -> Any:
    """``input`` where it is above ``threshold``, else ``value``."""
    if input.dtype.kind == "b":
        raise NotImplementedError("\"threshold_cpu\" not implemented for 'Bool'")
    return np.where(input <= threshold, dtypes.element(value, input.dtype), input)


threshold.defvjp(lambda grad, input, threshold: ops.threshold_backward(grad, input, threshold))
threshold.defjvp(lambda tangent, input, threshold: ops.threshold_backward(tangent, input, threshold))


# shrinkage ------------------------------------------------------------------------------------------------------------


@primitive(saves=("input",))
def _shrink_backward(grad_output: Any, input: Any, /, lambd: float) -> Any:
    """``grad_output`` where ``input`` is outside ``[-lambd, lambd]``, else 0."""
    return np.where((input >= -lambd) & (input <= lambd), grad_output.dtype.type(0), grad_output)


_shrink_backward.defvjp(
    lambda grad, input, lambd: _shrink_backward(grad, input, lambd),
    lambda grad: ops.zeros_like(grad),
)


@primitive()
def hardshrink(input: Any, /, lambd: float = 0.5) -> Any:
    """``input`` outside ``[-lambd, lambd]``, else 0."""
    require_floating("hardshrink_cpu", input)
    return np.where((input >= -lambd) & (input <= lambd), input.dtype.type(0), input)


@primitive(name="SoftshrinkBackward0")
def _softshrink(input: Any, /, lambd: float) -> Any:
    outside = np.where(input < 0, input + lambd, input - lambd)
    return np.where((input >= -lambd) & (input <= lambd), input * input.dtype.type(0), outside)  # -0 where negative


for _op in (hardshrink, _softshrink):
    _op.defvjp(lambda grad, input, lambd: _shrink_backward(grad, input, lambd))
    _op.defjvp(lambda tangent, input, lambd: _shrink_backward(tangent, input, lambd))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """``input`` brought nearer to 0 by ``lambd``, at most to it.

    Errors: RuntimeError for a negative ``lambd``.
    """
    kind = input._array.dtype
    require_floating("softshrink_check", input._array)
    if not 0 <= lambd <= dtypes.finfo(dtypes.of(kind)).max:
        largest, title = dtypes.finfo(dtypes.of(kind)).max, dtypes.scalar_title(kind)
        raise RuntimeError(f"lambda must be in range [0, {largest:g}] for input dtype {title}, but found {lambd:g}")
    return _softshrink(input, lambd)


# straight sigmoids ----------------------------------------------------------------------------------------------------


@primitive()
def hardsigmoid(input: Any, /) -> Any:
    """``input / 6 + 1 / 2`` brought into [0, 1]."""
    require_floating("hardsigmoid_cpu", input)
    return np.minimum(np.maximum(input + 3, 0), 6) / 6


@primitive()
def _hardsigmoid_backward(grad_output: Any, input: Any, /) -> Any:
    """The gradient of ``hardsigmoid``; 0 at its bends."""
    return np.where((input > -3) & (input < 3), grad_output * _SIXTH, grad_output.dtype.type(0))


_SIXTH = float(np.float32(1 / 6))  # PyTorch's constant is of float32, in float64 too


hardsigmoid.defvjp(lambda grad, input: _hardsigmoid_backward(grad, input))
hardsigmoid.defjvp(lambda tangent, input: _hardsigmoid_backward(tangent, input))
_hardsigmoid_backward.defvjp(no_derivative("hardsigmoid_backward"), no_derivative("hardsigmoid_backward"))


@primitive()
def hardswish(input: Any, /) -> Any:
    """``input * hardsigmoid(input)``."""
    require_floating("hardswish_cpu", input)
    return input * np.minimum(np.maximum(input + 3, 0), 6) / 6


@primitive()
def _hardswish_backward(grad_output: Any, input: Any, /) -> Any:
    """The gradient of ``hardswish``; at its bends that of the parabola's inside at 3, and 0 at -3."""
    inside = np.where(input < 3, grad_output * (input / 3 + 0.5), grad_output)
    return np.where(input <= -3, grad_output.dtype.type(0), inside)


hardswish.defvjp(lambda grad, input: _hardswish_backward(grad, input))
hardswish.defjvp(lambda tangent, input: _hardswish_backward(tangent, input))
_hardswish_backward.defvjp(
    lambda grad, input: _hardswish_backward(grad, input),
    lambda grad, grad_output, input: ops.where(ops.logical_and(input > -3, input < 3), grad * grad_output / 3, 0.0),
)


# slopes of their own --------------------------------------------------------------------------------------------------


@primitive(name="PreluKernelBackward0")
def _prelu(input: Any, weight: Any, /) -> Any:
    if input.dtype != weight.dtype:
        titles = [dtypes.scalar_title(x.dtype) for x in (input, weight)]
        raise RuntimeError(f"prelu: Type promoting not supported. Got {titles[0]} and {titles[1]}")
    require_floating("prelu_cpu", input)
    return np.where(input > 0, input, weight * input)


@primitive(saves=("grad_output", "input", "weight"))
def _prelu_of_input(grad_output: Any, input: Any, weight: Any, /) -> Any:
    return np.where(input > 0, grad_output, weight * grad_output)


@primitive(saves=("grad_output", "input", "weight"))
def _prelu_of_weight(grad_output: Any, input: Any, weight: Any, /) -> Any:
    return np.where(input > 0, input.dtype.type(0), input) * grad_output


_prelu.defvjp(
    lambda grad, input, weight: _prelu_of_input(grad, input, weight),
    lambda grad, input, weight: _prelu_of_weight(grad, input, weight),
)
# at 0 the gradient is the left side's, and the gradient's gradient, in torch, the right side's
_prelu_of_input.defvjp(
    lambda grad, input, weight: ops.where(input >= 0, grad, weight * grad),
    lambda grad: ops.zeros_like(grad),
    lambda grad, grad_output, input: ops.where(input >= 0, 0.0, grad * grad_output),
)
_prelu_of_weight.defvjp(
    lambda grad, input: ops.where(input >= 0, 0.0, input) * grad,
    lambda grad, grad_output, input: ops.where(input >= 0, 0.0, grad * grad_output),
    lambda grad: ops.zeros_like(grad),
)


def prelu(input: Any, weight: Any) -> Any:
    """``input`` where it is positive, else ``weight * input``, one weight for all or one a channel.

    Errors: RuntimeError for another number of weights.
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.ndim and math.prod(weight.shape) != 1:
        if not input.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.shape[0] != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.shape[0]} and channel size = {channels}."
            )
    if weight.ndim != input.ndim:
        size = [math.prod(weight.shape) if d == 1 else 1 for d in range(input.ndim)]
        weight = ops.reshape(weight, tuple(size))
    return _prelu(input, weight)


@primitive(name="RreluWithNoiseBackward0")
def _rrelu(input: Any, noise: Any, /, slope: float | None) -> Any:
    require_floating("leaky_relu_cpu" if slope is not None else "rrelu_with_noise_out_cpu", input)
    return np.where(input <= 0, input * (noise if slope is None else slope), input)


_rrelu.defvjp(
    input=lambda grad, input, noise, slope: (
        _noised(grad, input, noise) if slope is None else ops.leaky_relu_backward(grad, input, slope)
    )
)


@primitive(name="RreluWithNoiseBackwardBackward0")
def _noised(grad_output: Any, input: Any, noise: Any, /) -> Any:
    return grad_output * noise


_noised.defvjp(
    grad_output=lambda grad, input, noise: _noised(grad, input, noise),
    input=lambda grad: ops.zeros_like(grad),
)


def rrelu_slopes(input: Any, lower: float, upper: float, training: bool) -> tuple[Any, float | None]:
    """A slope for each element, drawn where it is needed; or, out of training, their mean.

    Errors: RuntimeError for bounds out of order.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return None, (lower + upper) / 2
    array = np.asarray(input._array)
    negative = array <= 0
    noise = np.ones(array.shape, array.dtype)
    drawn = random.uniform(random.default_generator, (int(negative.sum()),), np.float64, lower, upper)
    noise[negative] = drawn
    return wrap(noise), None if upper - lower > 1e-6 else (lower + upper) / 2


def rrelu(input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Any:
    """``input`` where it is positive, else times a random slope; out of training, their mean.

    Errors: RuntimeError for bounds out of order.
    """
    return _rrelu(input, *rrelu_slopes(input, lower, upper, training))


# gates ----------------------------------------------------------------------------------------------------------------


@primitive(name="GluBackward0", joint=("input",))
def _glu(input: Any, /, dim: int) -> Any:
    require_floating("glu_cpu", input)
    values, gates = np.split(input, 2, dim)
    return values * (1 / (1 + np.exp(-gates)))


def _glu_vjp(grad: Any, input: Any, input_shape: Any, dim: int) -> Any:
    half = input_shape[dim] // 2
    values, gate = ops.narrow(input, dim, 0, half), ops.sigmoid(ops.narrow(input, dim, half, half))
    return ops.cat((grad * gate, grad * values * gate * (1 - gate)), dim)


_glu.defvjp(_glu_vjp)


def glu(input: Any, dim: int = -1) -> Any:
    """The first half of ``input`` along ``dim``, times the sigmoid of the second.

    Errors: RuntimeError for halves that are not equal.
    """
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    dim = dims.wrap(dim, input.ndim)
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    return _glu(input, dim)
