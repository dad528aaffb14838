"""Elementwise arithmetic; the inputs broadcast, and the traversal undoes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.layout import ordered
from refgrad.engine.ops.forms import _broadcasting, _is_array, _met, by_last, no_derivative
from refgrad.engine.primitive import primitive

__all__ = [
    "add",
    "div",
    "div_rounded",
    "floor_divide",
    "fmod",
    "mul",
    "neg",
    "reciprocal",
    "remainder",
    "rsub",
    "sub",
    "true_divide",
]


def _kind(input: Any) -> str:
    """That of a sum's inputs, which have one type, but for Python's numbers beside floats."""
    return str(input.dtype.kind) if hasattr(input, "dtype") else "f"


def _scaled(alpha: Any, input: Any, other: Any) -> Any:
    """``alpha * other``, on its way to be added to ``input``.

    PyTorch multiplies complex numbers by 1 and -1, too, and so makes nan of an infinite number's other part.

    Errors: RuntimeError for an ``alpha`` of a wider kind than the sum's.
    """
    kind = _kind(input)
    if alpha == 1 and kind != "c":
        return other
    if kind in "biu" and not isinstance(alpha, int | np.integer):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if kind == "f" and isinstance(alpha, complex):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    return alpha * other


@primitive(promotes="yes", direct=np.add)
def add(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input + alpha * other``.

    Errors: RuntimeError for an ``alpha`` that is no integer where the result is.
    """
    return input + _scaled(alpha, input, other)


add.defvjp(lambda grad: grad, lambda grad, alpha: grad if alpha == 1 else grad * alpha)
add.defjvp(lambda tangent: tangent, lambda tangent, alpha: tangent if alpha == 1 else tangent * alpha)


@primitive(promotes="yes", direct=np.subtract)
def sub(input: Any, other: Any, /, *, alpha: Any = 1) -> Any:
    """``input - alpha * other``.

    Errors: RuntimeError for bools, and as ``add``.
    """
    if _kind(input) == "c":
        return input + _scaled(-alpha, input, other)
    return input - _scaled(alpha, input, other)


sub.defvjp(lambda grad: grad, lambda grad, alpha: -grad if alpha == 1 else grad * -alpha)
sub.defjvp(lambda tangent: tangent, lambda tangent, alpha: -tangent if alpha == 1 else tangent * -alpha)


def _refuse_bools(arrays: Any) -> None:
    """Refuse what NumPy would take for 0 and 1.

    Errors: RuntimeError.
    """
    flags = [isinstance(a, bool) or getattr(a, "dtype", None) == np.bool_ for a in arrays]
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


@primitive(promotes="yes", direct=np.multiply)
def mul(input: Any, other: Any, /) -> Any:
    """``input * other``."""
    return input * other


mul.defvjp(lambda grad, other: grad * other, lambda grad, input: grad * input)
mul.defjvp(lambda tangent, other: tangent * other, lambda tangent, input: tangent * input)


@primitive(promotes="float", name="DivBackward0", direct=np.true_divide)
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
    if np.result_type(input, other).kind in "iu":
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
    kind = np.result_type(input, other)  # a derivative may meet two types
    if kind.kind in "bc":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(kind)}'")
    if kind.kind in "iu" and not np.all(other):
        raise RuntimeError("ZeroDivisionError")


def _common(input: Any, other: Any) -> Any:
    """``input`` in the type in which the two meet; tensors see to that themselves."""
    if isinstance(input, TensorBase):
        return input
    return input.astype(dtypes.result_type((input, other)).numpy, copy=False)


@primitive(promotes="yes", name="RemainderBackward1")
def _remainder_tensor(input: Any, other: Any, /) -> Any:
    """The remainder with the sign of the divisor; a zero has that of the dividend, which NumPy's has not."""
    _check_divisor(input, other, "remainder_cpu")
    rest = np.remainder(input, other)
    return np.where(rest == 0, np.fmod(input, other), rest) if rest.dtype.kind == "f" else rest


_remainder_tensor.defvjp(
    lambda grad: grad,
    lambda grad, input, other: -grad * ops.div(_common(input, other), other, rounding_mode="floor"),
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
    lambda grad, input, other: -grad * ops.div(_common(input, other), other, rounding_mode="trunc"),
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
_floor_divide_tensor_.defvjp(no_derivative("floor_divide_"), no_derivative("floor_divide_"))
_floor_divide_number_.defvjp(no_derivative("floor_divide_"))
_floor_divide_tensor.defvjp(no_derivative("floor_divide"), no_derivative("floor_divide"))
_floor_divide_number.defvjp(no_derivative("floor_divide"))
_floor_divide_swapped.defvjp(no_derivative("floor_divide"))
_remainder_swapped.defvjp(no_derivative("remainder"))


@primitive(layout=ordered)
def neg(input: Any, /) -> Any:
    """``-input``.

    Errors: RuntimeError for bools, and as ``add``.
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
