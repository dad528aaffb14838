"""``out=``: a result put into a tensor that is there already."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.graph import TensorBase
from refgrad.engine.inplace import bump
from refgrad.engine.modes import modes
from refgrad.engine.primitive import Primitive
from refgrad.engine.recording import record
from refgrad.engine.views import check_overlap, own_array

_RESIZED = (
    "An output with one or more elements was resized since it had shape {held}, which does not match the required "
    "output shape "
    "{new}. This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless they have "
    "zero "
    "elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with t.resize_(0)."
)


def write_out(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], out: Any) -> Any:
    """Run ``op`` and put the result into ``out``, in the type of ``out``; another shape is made to fit, with a warning.

    Errors: TypeError for no tensor; RuntimeError where a gradient would be needed, and for a type that does not fit.
    """
    if not isinstance(out, TensorBase):
        raise TypeError(f"{name_of(op)}(): argument 'out' must be Tensor, not {type(out).__name__}")
    for x in (*inputs, out) if modes.layers else ():
        modes.refuse(f"{name_of(op)}_out", x)
    if modes.grad_enabled and any(isinstance(x, TensorBase) and x._requires_grad for x in (*inputs, out)):
        raise RuntimeError(
            f"{name_of(op)}(): functions with out=... arguments don't support automatic differentiation, but one of "
            f"the arguments "
            "requires grad."
        )
    result = record(op, tuple(np.asarray(x) if isinstance(x, np.generic) else x for x in inputs), params)
    values, held = getattr(result, "_array", result), own_array(out)
    _check_type(values.dtype, held.dtype)
    if values.shape != held.shape:
        held = out._array = _resized(held, values.shape)
    check_overlap(held)
    np.copyto(held, values, casting="unsafe")
    bump(out)
    return out


def name_of(op: Primitive) -> str:
    """The name that PyTorch knows the op by: ``div`` for ``true_divide``."""
    stem = op.node_class.__name__.rpartition("Backward")[0]
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower() or op.name


def _check_type(new: Any, held: Any) -> None:
    if not dtypes.can_cast(dtypes.of(new), dtypes.of(held)):
        raise RuntimeError(
            f"result type {dtypes.scalar_title(new)} can't be cast to the desired output type "
            f"{dtypes.scalar_title(held)}"
        )


def _resized(held: Any, shape: tuple[int, ...]) -> Any:
    if held.size:
        warnings.warn(_RESIZED.format(held=list(held.shape), new=list(shape)), UserWarning, stacklevel=4)
    return np.empty(shape, held.dtype)
