"""Modified Bessel functions of the first kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.forms import _unsupported
from refgrad.engine.ops.gamma import computed
from refgrad.engine.primitive import primitive

__all__ = ["i0", "special_i0e", "special_i1", "special_i1e"]


def _bessel(name: str, kernel: str, input: Any) -> Any:
    import scipy.special  # loaded at the first call: `import refgrad` needs NumPy only

    _unsupported(input, "c", kernel)
    return computed(getattr(scipy.special, name), input)


@primitive(promotes="float")
def i0(input: Any, /) -> Any:
    """The function of order 0."""
    return _bessel("i0", "i0_vml_cpu", input)


@primitive(promotes="float")
def special_i0e(input: Any, /) -> Any:
    """The function of order 0, times ``exp(-abs(input))``."""
    return _bessel("i0e", "i0e_cpu", input)


@primitive(promotes="float")
def special_i1(input: Any, /) -> Any:
    """The function of order 1."""
    return _bessel("i1", "i1_cpu", input)


@primitive(promotes="float")
def special_i1e(input: Any, /) -> Any:
    """The function of order 1, times ``exp(-abs(input))``."""
    return _bessel("i1e", "i1e_cpu", input)


def _away_from_zero(input: Any, input_dtype: Any) -> tuple[Any, Any]:
    """Where a quotient by ``input`` is safe, and an ``input`` that it is safe by."""
    eps = float(np.finfo(input_dtype).eps)
    safe = ops.abs(input) > eps
    return safe, ops.where(safe, input, eps)


def _i1_vjp(grad: Any, input: Any, input_dtype: Any, result: Any) -> Any:
    safe, divisor = _away_from_zero(input, input_dtype)
    return grad * ops.where(safe, ops.i0(divisor) - result / divisor, 0.5)


def _i1e_vjp(grad: Any, input: Any, input_dtype: Any, result: Any) -> Any:
    safe, divisor = _away_from_zero(input, input_dtype)
    slope = ops.special_i0e(divisor) - result * (ops.sgn(divisor) + ops.reciprocal(divisor))
    return grad * ops.where(safe, slope, 0.5)


i0.defvjp(lambda grad, input: grad * ops.special_i1(input))
special_i0e.defvjp(lambda grad, input, result: grad * (ops.special_i1e(input) - ops.sgn(input) * result))
special_i1.defvjp(_i1_vjp)
special_i1e.defvjp(_i1e_vjp)
