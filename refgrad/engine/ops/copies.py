"""Copies, casts and fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.layout import ordered
from refgrad.engine.memory_format import laid_out, preserve_format
from refgrad.engine.ops.forms import by_last
from refgrad.engine.primitive import primitive

__all__ = [
    "clone",
    "copy",
    "fill",
    "to_copy",
    "zero",
]


@primitive(layout=ordered)
def clone(input: Any, /) -> Any:
    """A copy that gradients pass through."""
    return input.copy("K")


clone.defvjp(lambda grad: grad)
clone.defjvp(lambda tangent: tangent)


@primitive()
def hang(input: Any, /, *others: Any) -> Any:
    """A copy whose history is that of ``others`` too, though they have no part in its value."""
    return input.copy("K")


hang.defvjp(lambda grad: grad, others=lambda grad, others_shape: [None] * len(others_shape))


def _cast(input: Any, dtype: Any) -> Any:
    return (input.real if input.dtype.kind == "c" and dtype.kind not in "cb" else input).astype(dtype)


@primitive(name="ToCopyBackward0", layout=ordered)
def _to_floats(input: Any, /, dtype: Any) -> Any:
    return _cast(input, dtype)


@primitive(name="ToCopyBackward0")
def _to_floats_as(input: Any, /, dtype: Any, format: Any) -> Any:
    return laid_out(_cast(input, dtype), format)


_to_floats.defvjp(lambda grad: grad)
_to_floats_as.defvjp(lambda grad: grad)
_to_floats.defjvp(lambda tangent, dtype: ops.to_copy(tangent, dtype))
_to_floats_as.defjvp(lambda tangent, dtype: ops.to_copy(tangent, dtype))


@primitive(layout=ordered)
def _to_integers(input: Any, /, dtype: Any) -> Any:
    return _cast(input, dtype)


@primitive()
def _to_integers_as(input: Any, /, dtype: Any, format: Any) -> Any:
    return laid_out(_cast(input, dtype), format)


def to_copy(input: Any, dtype: Any, format: Any = None) -> Any:
    """A copy in another NumPy type, and memory format; the gradient is cast back, and ends at integers."""
    if format is None or format is preserve_format:
        return (_to_integers if dtype.kind in "biu" else _to_floats)(input, dtype)
    return (_to_integers_as if dtype.kind in "biu" else _to_floats_as)(input, dtype, format)


@primitive(name="CopyBackwards")
def copy(input: Any, src: Any, /) -> Any:
    """``src`` in the shape and type of ``input``; the in-place form overwrites."""
    shape = dims.broadcast(np.shape(input), np.shape(src))
    if shape != np.shape(input):
        raise RuntimeError(f"output with shape {list(np.shape(input))} doesn't match the broadcast shape {list(shape)}")
    value = src if not np.iscomplexobj(src) or np.iscomplexobj(input) else np.real(src)
    return np.broadcast_to(value, np.shape(input)).astype(input.dtype)


copy.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: grad)


@primitive(name="FillBackward1")
def _fill_tensor(input: Any, value: Any, /) -> Any:
    """``value`` in the shape and type of ``input``.

    Errors: RuntimeError for a value with dimensions.
    """
    if np.ndim(value):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {np.ndim(value)} dimensions."
        )
    return np.full_like(input, np.asarray(value).astype(input.dtype))


@primitive(name="FillBackward0")
def _fill_number(input: Any, /, value: Any) -> Any:
    return np.full_like(input, dtypes.element(value, input.dtype))


_fill_tensor.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.sum(grad))
_fill_number.defvjp(lambda grad: ops.zeros_like(grad))
fill = by_last("fill", _fill_tensor, _fill_number)


@primitive(name="FillBackward3")
def _fill_tensor_(input: Any, value: Any, /) -> Any:
    return _fill_tensor.op.forward(input, value)


@primitive(name="FillBackward2")
def _fill_number_(input: Any, /, value: Any) -> Any:
    return _fill_number.op.forward(input, value)


_fill_tensor_.defvjp(lambda grad: ops.zeros_like(grad), lambda grad: ops.sum(grad))
_fill_number_.defvjp(lambda grad: ops.zeros_like(grad))
fill.forms = (_fill_tensor_, _fill_number_)  # PyTorch counts the forms that write on


@primitive(direct=lambda array, _: array.fill(0))
def zero(input: Any, /) -> Any:
    """Zeros in the shape and type of ``input``."""
    return np.zeros_like(input)


zero.defvjp(lambda grad: ops.zeros_like(grad))
