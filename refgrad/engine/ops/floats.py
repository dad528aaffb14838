"""The make of floating numbers: signs, mantissas and exponents, neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import _met, _unsupported, by_last, of_tensors
from refgrad.engine.primitive import primitive

__all__ = ["copysign", "frexp", "ldexp", "nextafter"]


@primitive(promotes="float", name="CopysignBackward0", saves=("result",))
def _copysign_tensor(input: Any, other: Any, /) -> Any:
    """``input`` with the sign of ``other``, that of -0.0 included."""
    _unsupported(input, "c", "copysign_cpu")
    return np.copysign(input, other)


@primitive(promotes="float", name="CopysignBackward1")
def _copysign_number(input: Any, /, other: Any) -> Any:
    return _copysign_tensor.op.forward(*_met(input, other))


def _same_sign(grad: Any, input: Any, result: Any) -> Any:
    return grad * ops.masked_fill(result / input, input == 0, 0)  # the kink at 0: torch gives 0


_copysign_tensor.defvjp(_same_sign, lambda grad: ops.zeros_like(grad))
_copysign_number.defvjp(_same_sign)
copysign = by_last("copysign", _copysign_tensor, _copysign_number)


@primitive(name="FrexpBackward0", outputs=("mantissa", "exponent"))
def _frexp(input: Any, /) -> Any:
    if input.dtype.kind not in "fV":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return np.frexp(input)


_frexp.defvjp(lambda grad, exponent: grad / ops.exp2(exponent))


def frexp(input: Any) -> Any:
    """A mantissa of [0.5, 1) and an exponent of 2, whose product is ``input``.

    Errors: RuntimeError for integers.
    """
    return return_types.frexp(*_frexp(input))


@of_tensors
@primitive(promotes="float", saves=("result",))
def ldexp(input: Any, other: Any, /) -> Any:
    """``input * 2 ** other``."""
    power = np.power(_TWO, other)  # wide: the product may fit where the power does not
    return np.multiply(input, power).astype(input.dtype)


_TWO, _LOG_2 = np.float64(2), math.log(2)
# torch 2.13 takes the power in the exponent's type: of integers below 0 it is 0 there, which is no derivative
ldexp.defvjp(lambda grad, other: grad * ops.pow(2.0, other), lambda grad, result: grad * result * _LOG_2)


@of_tensors
@primitive(promotes="yes")
def nextafter(input: Any, other: Any, /) -> Any:
    """The next number after ``input`` towards ``other``."""
    _unsupported(input, "biuc", "nextafter_cpu")
    return np.nextafter(input, other)


# at a tie, where the result is `other`, torch gives nothing to either
nextafter.defvjp(
    lambda grad, input, other: ops.masked_fill(grad, input == other, 0),
    lambda grad: ops.zeros_like(grad),
)
