"""Complex numbers, their parts, and the views between them and pairs of real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = [
    "angle", "complex", "conj", "conj_physical", "imag", "polar", "positive", "real", "resolve_conj", "resolve_neg",
    "view_as_complex", "view_as_real",
]  # fmt: skip


@view_primitive()
def view_as_real(input: Any, /) -> Any:
    """Complex numbers as pairs of real ones, in a last dimension of size 2.

    Errors: RuntimeError for a real tensor.
    """
    if input.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    real = np.asarray(input).real
    return np_as_strided(real, (*real.shape, 2), (*real.strides, real.itemsize))


@view_primitive()
def view_as_complex(input: Any, /) -> Any:
    """Pairs of real numbers, the last dimension, as complex ones.

    Errors: RuntimeError for another size or stride of the last dimension.
    """
    if input.dtype not in (np.float32, np.float64, np.float16):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{dtypes.scalar_title(input.dtype)}"
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.size and input.strides[-1] != input.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    return input.view(np.result_type(input, np.complex64))[..., 0]


view_as_real.defvjp(lambda grad: ops.view_as_complex(ops.contiguous(grad)))

# the plan conjugates, as if the view were holomorphic; undone here
view_as_complex.defvjp(lambda grad: ops.view_as_real(ops.contiguous(ops.conj(grad))))


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


def conj_physical(input: Any) -> Any:
    """The complex conjugate in memory of its own; a real tensor itself."""
    return _conj_physical(input) if _kind(input) == "c" else input


@primitive(name="ConjPhysicalBackward0")
def _conj_physical(input: Any, /) -> Any:
    return np.conj(input)


_conj_physical.defvjp(lambda grad: ops.conj(grad))


def resolve_conj(input: Any) -> Any:
    """The tensor itself: no conjugation is ever put off here."""
    return input


def resolve_neg(input: Any) -> Any:
    """The tensor itself: no negation is ever put off here."""
    return input


def positive(input: Any) -> Any:
    """The tensor itself.

    Errors: RuntimeError for bools.
    """
    if _kind(input) == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# from two real numbers ------------------------------------------------------------------------------------------------


def _check_parts(first: Any, second: Any) -> None:
    """Refuse what makes no complex number.

    Errors: RuntimeError for other types than floats, or two that differ; NotImplementedError for half floats.
    """
    if first.dtype.kind not in "fV" or second.dtype.kind not in "fV":
        titles = " and ".join(dtypes.scalar_title(x.dtype) for x in (first, second))
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {titles}")
    if first.dtype != second.dtype:
        held, got = (dtypes.scalar_title(x.dtype) for x in (first, second))
        raise RuntimeError(f"Expected object of scalar type {held} but got scalar type {got} for second argument")
    if first.dtype.itemsize == 2:
        raise NotImplementedError("refgrad has no complex numbers of half precision; use float32")


@primitive(name="ComplexBackward0")
def _complex(real: Any, imag: Any, /) -> Any:
    _check_parts(real, imag)
    result = np.empty(dims.broadcast(real.shape, imag.shape), np.result_type(real, np.complex64))
    result.real, result.imag = real, imag
    return result[()]


# the plan conjugates, as if these were holomorphic: hence the sign of the imaginary part
# each part is saved, as in PyTorch, which asks for its type
_complex.defvjp(lambda grad, real: ops.real(grad), lambda grad, imag: -ops.imag(grad))


def complex(real: Any, imag: Any) -> Any:
    """The complex number of two parts.

    Errors: as ``polar``.
    """
    for position, (name, part) in enumerate((("real", real), ("imag", imag)), 1):
        if not isinstance(part, TensorBase):
            raise TypeError(f"complex(): argument '{name}' (position {position}) must be Tensor, not {_title(part)}")
    return _complex(real, imag)


def _title(value: Any) -> str:
    return type(value).__name__


@primitive()
def polar(abs: Any, angle: Any, /) -> Any:
    """The complex number of an absolute value and an angle.

    Errors: RuntimeError for other types than floats, or two that differ.
    """
    _check_parts(abs, angle)
    return _complex.op.forward(abs * np.cos(angle), abs * np.sin(angle))


# below 0, where `abs` has no meaning, torch's gradient takes its sign and the tangent does not
polar.defvjp(
    lambda grad, result: ops.real(grad * ops.sgn(result)),
    lambda grad, result: ops.real(grad * (result * 1j)),
)
polar.defjvp(
    lambda tangent, angle: ops.polar(tangent, angle),
    lambda tangent, result: tangent * (result * 1j),
)


@primitive(promotes="float")
def angle(input: Any, /) -> Any:
    """The angle in the complex plane: 0 or pi of a real number, nan of nan."""
    if input.dtype.kind == "c":
        return np.angle(input)
    return np.where(np.isnan(input), input, np.where(input < 0, input.dtype.type(np.pi), input.dtype.type(0)))[()]


def _angle_vjp(grad: Any, input: Any, input_dtype: Any) -> Any:
    if input_dtype.kind != "c":
        return ops.zeros_like(grad)
    square = ops.square(ops.real(input)) + ops.square(ops.imag(input))
    return ops.masked_fill(grad * (input * 1j) / square, input == 0, 0)  # the angle of 0 is a kink: torch gives 0


def _angle_jvp(tangent: Any, input: Any, input_dtype: Any) -> Any:
    if input_dtype.kind != "c":
        return ops.zeros_like(tangent)
    square = ops.square(ops.real(input)) + ops.square(ops.imag(input))
    return ops.masked_fill(ops.imag(ops.conj(input) * tangent) / square, input == 0, 0)


angle.defvjp(_angle_vjp)
angle.defjvp(_angle_jvp)
