"""Activations: functions of one element that bend a network's layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.primitive import primitive

__all__ = [
    "celu", "elu", "elu_backward", "gelu", "hardtanh", "hardtanh_backward", "leaky_relu", "leaky_relu_backward",
    "log_sigmoid_backward", "logsigmoid", "mish", "relu6", "selu", "silu", "softplus", "softplus_backward",
    "softsign", "tanhshrink",
]  # fmt: skip


def require_floating(name: str, input: Any) -> None:
    """Refuse a type that PyTorch has no kernel for.

    Errors: NotImplementedError for integers and bools.
    """
    if input.dtype.kind in "biu":
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.scalar_title(input.dtype)}'")


def require_real(name: str, input: Any) -> None:
    """As ``require_floating``, of an op that has no kernel for complex numbers either.

    Errors: NotImplementedError.
    """
    if input.dtype.kind in "biuc":
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.scalar_title(input.dtype)}'")


# piecewise activations ------------------------------------------------------------------------------------------------


@primitive()
def leaky_relu(input: Any, /, negative_slope: float = 0.01) -> Any:
    """``input`` where it is positive, else ``negative_slope * input``."""
    require_floating("leaky_relu_cpu", input)
    return np.where(input > 0, input, input * negative_slope)


leaky_relu.defvjp(lambda grad, input, negative_slope: ops.leaky_relu_backward(grad, input, negative_slope))
leaky_relu.defjvp(lambda tangent, input, negative_slope: ops.leaky_relu_backward(tangent, input, negative_slope))


@primitive(saves=("input",))
def leaky_relu_backward(grad_output: Any, input: Any, /, negative_slope: float) -> Any:
    """The gradient of ``leaky_relu``; at 0 the slope of the left side."""
    return np.where(input > 0, grad_output, grad_output * negative_slope)


leaky_relu_backward.defvjp(
    lambda grad, input, negative_slope: ops.leaky_relu_backward(grad, input, negative_slope),
    lambda grad: ops.zeros_like(grad),
)


@primitive()
def hardtanh(input: Any, /, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``input`` brought into ``[min_val, max_val]``."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    return np.clip(input, input.dtype.type(min_val), input.dtype.type(max_val))


hardtanh.defvjp(lambda grad, input, min_val, max_val: ops.hardtanh_backward(grad, input, min_val, max_val))
hardtanh.defjvp(lambda tangent, input, min_val, max_val: ops.hardtanh_backward(tangent, input, min_val, max_val))


@primitive(saves=("input",))
def hardtanh_backward(grad_output: Any, input: Any, /, min_val: float, max_val: float) -> Any:
    """The gradient of ``hardtanh``; 0 at the bounds."""
    return np.where((input <= min_val) | (input >= max_val), grad_output.dtype.type(0), grad_output)


hardtanh_backward.defvjp(
    lambda grad, input, min_val, max_val: ops.hardtanh_backward(grad, input, min_val, max_val),
    lambda grad: ops.zeros_like(grad),
)


def relu6(input: Any) -> Any:
    """``input`` brought into ``[0, 6]``."""
    return hardtanh(input, 0.0, 6.0)


def _elu_of(input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    require_floating("elu_cpu", input)
    return np.where(input < 0, np.expm1(input * input_scale) * (alpha * scale), input * scale)


@primitive(name="EluBackward0")
def _elu(input: Any, /, alpha: float, scale: float, input_scale: float) -> Any:
    return _elu_of(input, alpha, scale, input_scale)


@primitive()
def elu_backward(grad_output: Any, input: Any, /, alpha: float, scale: float, input_scale: float) -> Any:
    """The gradient of ``elu`` and its kin; at 0 that of the left side."""
    slope = np.exp(input * input_scale) * (alpha * scale * input_scale)
    return np.where(input <= 0, grad_output * slope, grad_output * scale)


_elu.defvjp(lambda grad, input, alpha, scale, input_scale: ops.elu_backward(grad, input, alpha, scale, input_scale))
_elu.defjvp(
    lambda tangent, input, alpha, scale, input_scale: ops.elu_backward(tangent, input, alpha, scale, input_scale)
)


def _elu_curvature(grad: Any, grad_output: Any, input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    # the slope once more, for its own branch keeps an overflow of the other side's exponential out of what follows
    slope = ops.elu_backward(grad * grad_output * input_scale, input, alpha, scale, input_scale)
    return slope * (input < 0)


elu_backward.defvjp(
    lambda grad, input, alpha, scale, input_scale: ops.elu_backward(grad, input, alpha, scale, input_scale),
    _elu_curvature,
)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """``input`` where it is positive, else ``alpha * (exp(input) - 1)``."""
    return _elu(input, alpha, 1.0, 1.0)


def selu(input: Any) -> Any:
    """``elu`` with the constants that keep a network's activations normalised."""
    return _elu(input, 1.6732632423543772, 1.0507009873554805, 1.0)


@primitive(name="CeluBackward0")
def _celu(input: Any, /, alpha: float) -> Any:
    return _elu_of(input, alpha, 1.0, 1.0 / alpha)


_celu.defvjp(lambda grad, input, alpha: ops.elu_backward(grad, input, alpha, 1.0, 1.0 / alpha))


def celu(input: Any, alpha: float = 1.0) -> Any:
    """``elu`` made smooth at 0 for every ``alpha``.

    Errors: RuntimeError where ``alpha`` is 0.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _celu(input, alpha)


# smooth activations ---------------------------------------------------------------------------------------------------


@primitive()
def gelu(input: Any, /, approximate: str = "none") -> Any:
    """``input`` times the normal distribution function, exact or by its ``"tanh"`` approximation."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    require_floating("GeluKernelImpl", input)
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(_SQRT_2_PI * (input + 0.044715 * input * input * input)))
    from scipy.special import erf  # loaded at the first call: `import refgrad` needs NumPy only

    return input * (0.5 * (1 + erf(input * math.sqrt(0.5))))


_SQRT_2_PI = math.sqrt(2 / math.pi)


def _gelu_vjp(grad: Any, input: Any, approximate: str) -> Any:
    if approximate == "none":
        density = ops.exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
        return grad * (0.5 * (1 + ops.erf(input * math.sqrt(0.5))) + input * density)
    bent = ops.tanh(_SQRT_2_PI * (input + 0.044715 * input * input * input))
    slope = _SQRT_2_PI * (1 + 3 * 0.044715 * input * input)
    return grad * (0.5 * (1 + bent) + 0.5 * input * (1 - bent * bent) * slope)


gelu.defvjp(_gelu_vjp)
gelu.defjvp(lambda tangent, input, approximate: _gelu_vjp(tangent, input, approximate))


@primitive(holomorphic=None)
def silu(input: Any, /) -> Any:
    """``input * sigmoid(input)``."""
    require_floating("silu_cpu", input)
    return input / (1 + np.exp(-input))


def _silu_vjp(grad: Any, input: Any) -> Any:
    sigmoid = ops.sigmoid(input)
    return grad * sigmoid * (1 + input * (1 - sigmoid))


silu.defvjp(_silu_vjp)
silu.defjvp(lambda tangent, input: _silu_vjp(tangent, input))


@primitive()
def mish(input: Any, /) -> Any:
    """``input * tanh(log(1 + exp(input)))``."""
    require_floating("mish_cpu", input)
    return input * np.tanh(np.log1p(np.exp(input)))


def _mish_vjp(grad: Any, input: Any) -> Any:
    bent = ops.tanh(ops.log1p(ops.exp(input)))
    return grad * (bent + input * ops.sigmoid(input) * (1 - bent * bent))


mish.defvjp(_mish_vjp)


@primitive()
def softplus(input: Any, /, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(beta * input)) / beta``; ``input`` itself above ``threshold / beta``."""
    require_floating("softplus_cpu", input)
    scaled = input * beta
    return np.where(scaled > threshold, input, np.log1p(np.exp(scaled)) / beta)


softplus.defvjp(lambda grad, input, beta, threshold: ops.softplus_backward(grad, input, beta, threshold))
softplus.defjvp(lambda tangent, input, beta, threshold: ops.softplus_backward(tangent, input, beta, threshold))


@primitive()
def softplus_backward(grad_output: Any, input: Any, /, beta: float, threshold: float) -> Any:
    """The gradient of ``softplus``."""
    power = np.exp(input * beta)
    return np.where(input * beta > threshold, grad_output, grad_output * power / (power + 1))


def _softplus_curvature(grad: Any, grad_output: Any, input: Any, beta: float, threshold: float) -> Any:
    sigmoid = ops.sigmoid(input * beta)
    return grad * grad_output * ops.where(input * beta < threshold, sigmoid * (1 - sigmoid) * beta, 0.0)


softplus_backward.defvjp(
    lambda grad, input, beta, threshold: ops.softplus_backward(grad, input, beta, threshold), _softplus_curvature
)


@primitive(name="LogSigmoidBackward0")
def logsigmoid(input: Any, /) -> Any:
    """``log(sigmoid(input))`` without overflow."""
    require_floating("log_sigmoid_cpu", input)
    return np.asarray(np.minimum(input, input.dtype.type(0)) - np.log1p(np.exp(-np.abs(input))), order="C")


logsigmoid.defvjp(lambda grad, input: ops.log_sigmoid_backward(grad, input))
logsigmoid.defjvp(lambda tangent, input: ops.log_sigmoid_backward(tangent, input))


@primitive()
def log_sigmoid_backward(grad_output: Any, input: Any, /) -> Any:
    """The gradient of ``logsigmoid``."""
    power = np.exp(-np.abs(input))
    share = power / (1 + power)
    return grad_output * np.where(input < 0, 1 - share, share)


def _log_sigmoid_curvature(grad: Any, grad_output: Any, input: Any) -> Any:
    sigmoid = ops.sigmoid(input)
    return grad * grad_output * (sigmoid - 1) * sigmoid


log_sigmoid_backward.defvjp(lambda grad, input: ops.log_sigmoid_backward(grad, input), _log_sigmoid_curvature)


def softsign(input: Any) -> Any:
    """``input / (1 + |input|)``."""
    return input / (ops.abs(input) + 1)


def tanhshrink(input: Any) -> Any:
    """``input - tanh(input)``."""
    return input - ops.tanh(input)
