"""Trigonometric and hyperbolic functions, their inverses, and the error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.forms import _unsupported, of_tensors
from refgrad.engine.primitive import primitive

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "erf",
    "erfc",
    "hypot",
    "rad2deg",
    "sin",
    "sinh",
    "tan",
    "tanh",
]


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
@primitive(promotes="float", together=("input", "other"))
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
