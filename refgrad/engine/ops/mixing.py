"""Elementwise selection and mixing of several inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.layout import contiguous, ordered
from refgrad.engine.modes import warn_once
from refgrad.engine.ops.forms import _broadcasting, _unsupported, by_last
from refgrad.engine.primitive import _scalar, primitive

__all__ = [
    "addcdiv",
    "addcmul",
    "lerp",
    "masked_fill",
    "where",
]


@primitive(name="WhereBackward0", layout=ordered)
def _where(condition: Any, input: Any, other: Any, /) -> Any:
    kind = dtypes.result_type((input, other)).numpy
    return _broadcasting(np.where, condition, np.asarray(input, kind), np.asarray(other, kind))[()]


_where.defvjp(
    input=lambda grad, condition: ops.where(condition, grad, 0.0),
    other=lambda grad, condition: ops.where(condition, 0.0, grad),
)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; with a condition alone, the indices where it holds.

    Errors: RuntimeError for a condition that is not of bools.
    """
    if input is None and other is None:
        return ops.nonzero(condition, as_tuple=True)
    if isinstance(condition, TensorBase) and condition._array.dtype.kind != "b":
        condition = _as_condition(condition)
    return _where(condition, input, other)


def _as_condition(condition: Any) -> Any:
    if condition._array.dtype != np.uint8:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{dtypes.scalar_title(condition._array.dtype)}"
        )
    warn_once(
        "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future "
        "version of PyTorch. "
        "Use a boolean condition instead.",
        stacklevel=4,
    )
    return ops.to_copy(condition, np.dtype(bool))


@primitive(name="MaskedFillBackward0", layout=contiguous)
def _masked_fill_number(input: Any, mask: Any, /, value: Any) -> Any:
    _check_mask(mask)
    return _broadcasting(_fill_at, mask, input, dtypes.element(value, input.dtype))


@primitive(name="MaskedFillBackward1", layout=contiguous)
def _masked_fill_tensor(input: Any, mask: Any, value: Any, /) -> Any:
    """``input`` with ``value`` where ``mask`` holds.

    Errors: RuntimeError for a mask not of bools or a value with dimensions.
    """
    _check_mask(mask)
    if np.ndim(value):
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {np.ndim(value)} "
            f"dimension(s)."
        )
    return _broadcasting(_fill_at, mask, input, np.asarray(value).astype(input.dtype))


def _fill_at(mask: Any, input: Any, value: Any) -> Any:
    return np.where(mask, value, input)[()]


def _check_mask(mask: Any) -> None:
    if mask.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {dtypes.c_title(mask.dtype)}"
        )


_masked_fill_number.defvjp(input=lambda grad, mask: ops.masked_fill(grad, mask, 0))
_masked_fill_tensor.defvjp(
    input=lambda grad, mask: ops.masked_fill(grad, mask, 0),
    value=lambda grad, mask: ops.sum(ops.where(mask, grad, 0.0)),
)
masked_fill = by_last("masked_fill", _masked_fill_tensor, _masked_fill_number)


def _mix(input: Any, end: Any, weight: Any) -> Any:
    near = np.abs(weight) < 0.5  # from the nearer end, so that a weight of 1 gives `end` exactly
    return np.where(near, input + weight * (end - input), end - (end - input) * (1 - weight))[()]


def _check_lerp(input: Any, kernel: str, **others: Any) -> None:
    for name, other in others.items():
        if other.dtype != input.dtype:
            held, got = dtypes.c_title(input.dtype), dtypes.c_title(other.dtype)
            raise RuntimeError(f"expected dtype {held} for `{name}` but got dtype {got}")
    _unsupported(input, "biu", kernel)


@primitive(name="LerpBackward1", layout=ordered, saves=("weight",))
def _lerp_tensor(input: Any, end: Any, weight: Any, /) -> Any:
    """``input + weight * (end - input)``.

    Errors: RuntimeError for types that differ.
    """
    _check_lerp(input, "lerp_kernel_tensor", end=end, **({"weight": weight} if weight.ndim else {}))
    return _broadcasting(_mix, input, end, weight.astype(input.dtype, copy=False))


@primitive(name="LerpBackward0", layout=ordered)
def _lerp_number(input: Any, end: Any, /, weight: Any) -> Any:
    _check_lerp(input, "lerp_kernel_scalar", end=end)
    return _broadcasting(_mix, input, end, input.dtype.type(weight))


_lerp_tensor.defvjp(
    lambda grad, weight: grad * (1 - weight),
    lambda grad, weight: grad * weight,
    lambda grad, input, end: grad * (end - input),
)
_lerp_number.defvjp(lambda grad, weight: grad * (1 - weight), lambda grad, weight: grad * weight)
lerp = by_last("lerp", _lerp_tensor, _lerp_number)


@primitive(promotes="yes")
def addcmul(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    """``input + value * tensor1 * tensor2``."""
    _unsupported(input, "b", "addcmul_cpu_out")
    return input + _scalar(value, input.dtype) * tensor1 * tensor2


addcmul.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * (tensor2 * value),
    lambda grad, tensor1, value: grad * (tensor1 * value),
)


@primitive(promotes="yes", name="AddcdivBackward0", saves=("tensor2",))
def _addcdiv(input: Any, tensor1: Any, tensor2: Any, /, *, value: Any = 1) -> Any:
    return input + _scalar(value, input.dtype) * (tensor1 / tensor2)


_addcdiv.defvjp(
    lambda grad: grad,
    lambda grad, tensor2, value: grad * ops.div(value, tensor2),
    lambda grad, tensor1, tensor2, value: -grad * (value * tensor1 / (tensor2 * tensor2)),
)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input + value * tensor1 / tensor2``.

    Errors: RuntimeError for an integer over an integer.
    """
    if tensor1._array.dtype.kind in "biu" and tensor2._array.dtype.kind in "biu":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division "
            "of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
            "torch.trunc(tensor1 / "
            "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float "
            "inputs. The "
            "future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all "
            "dtypes."
        )
    return _addcdiv(input, tensor1, tensor2, value=value)


addcdiv.op = _addcdiv.op  # type: ignore[attr-defined]
