"""Complex numbers, their parts, and the views between them and pairs of real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = ["conj", "imag", "real", "view_as_complex", "view_as_real"]


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
    if input.strides[-1] != input.itemsize:
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
