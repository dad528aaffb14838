"""The normal distribution: its integral, the logarithm and the inverse of it."""

from __future__ import annotations

import math
from typing import Any

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import _unsupported
from refgrad.engine.ops.gamma import computed
from refgrad.engine.primitive import primitive

__all__ = ["erfinv", "special_erfcx", "special_log_ndtr", "special_ndtr", "special_ndtri"]


def _special(name: str, kernel: str, input: Any, *, halves: bool = False) -> Any:
    import scipy.special  # loaded at the first call: `import refgrad` needs NumPy only

    _unsupported(input, "c", kernel)
    if not halves and input.dtype.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(input.dtype)}'")
    return computed(getattr(scipy.special, name), input)


@primitive(promotes="float")
def erfinv(input: Any, /) -> Any:
    """The inverse of the error function."""
    return _special("erfinv", "erfinv_vml_cpu", input, halves=True)


# of the input, as in torch: a second derivative has no need of the first call's node
erfinv.defvjp(lambda grad, input: 0.5 * math.sqrt(math.pi) * ops.exp(ops.pow(ops.erfinv(input), 2)) * grad)


@primitive(promotes="float")
def special_erfcx(input: Any, /) -> Any:
    """``exp(input ** 2) * erfc(input)``, without overflow."""
    return _special("erfcx", "erfcx_cpu", input)


special_erfcx.defvjp(lambda grad, input, result: (2.0 * input * result - 2.0 / math.sqrt(math.pi)) * grad)


@primitive(name="AddBackward1")
def _add_number(input: Any, /, other: float) -> Any:
    return input + other


_add_number.defvjp(lambda grad: grad)
_add_number.defjvp(lambda tangent: tangent)


def special_ndtr(input: Any) -> Any:
    """The share of a normal distribution below ``input``."""
    return ops.mul_scalar(_add_number(ops.erf(ops.mul_scalar(input, math.sqrt(0.5))), 1), 0.5)


@primitive(promotes="float")
def special_ndtri(input: Any, /) -> Any:
    """The inverse of ``ndtr``."""
    return _special("ndtri", "ndtri_cpu", input)


special_ndtri.defvjp(lambda grad, result: grad * math.sqrt(2 * math.pi) * ops.exp(ops.square(result) / 2))


@primitive(promotes="float")
def special_log_ndtr(input: Any, /) -> Any:
    """The logarithm of ``ndtr``, exact far below 0 too."""
    return _special("log_ndtr", "log_ndtr_cpu", input)


special_log_ndtr.defvjp(
    lambda grad, input, result: grad / math.sqrt(2 * math.pi) * ops.exp(-(result + ops.pow(input, 2) / 2))
)
