"""``Tensor.grad_dtype``: the type that a leaf's gradient is to have, where it is not the leaf's own."""

from __future__ import annotations

from typing import Any

from refgrad.engine import dtypes
from refgrad.engine.graph import OWN_DTYPE, accumulator


def grad_dtype(tensor: Any) -> dtypes.dtype | None:
    """The type of ``tensor.grad``; None allows any.

    Errors: RuntimeError for a tensor that is no leaf.
    """
    if not tensor.is_leaf:
        raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
    chosen = OWN_DTYPE if tensor._hooks is None else tensor._hooks.grad_dtype
    return tensor.dtype if chosen is OWN_DTYPE else chosen  # type: ignore[no-any-return]


def set_grad_dtype(tensor: Any, dtype: Any) -> None:
    """Choose the type of ``tensor.grad``.

    Errors: RuntimeError for a tensor that is no leaf, for anything but a dtype or None, and where a gradient of another
    type is held already.
    """
    if dtype is not None and not isinstance(dtype, dtypes.dtype):
        raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(dtype).__name__}")
    if not tensor.is_leaf:
        raise RuntimeError("grad_dtype can only be set on leaf tensors.")
    held = tensor._grad
    if dtype is not None and held is not None and held.dtype is not dtype:
        raise RuntimeError(
            f"Cannot set grad_dtype to '{dtypes.scalar_title(dtype.numpy)}' because there is already a gradient with "
            f"dtype "
            f"'{c_name(held)}'. Please clear the gradient (.grad = None) before changing grad_dtype, or ensure the new "
            "grad_dtype matches the existing gradient's dtype."
        )
    tensor._leaf_hooks().grad_dtype = dtype
    if tensor._requires_grad:
        accumulator(tensor).dtype = (dtype or tensor.dtype).numpy


def check_grad_dtype(tensor: Any, value: Any) -> None:
    """Refuse a ``.grad`` of another type.

    Errors: RuntimeError.
    """
    wanted = grad_dtype(tensor) if tensor.is_leaf else tensor.dtype
    if wanted is not None and value.dtype is not wanted:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{c_name(value)}' to a tensor with grad_dtype "
            f"'{dtypes.scalar_title(wanted.numpy)}'. The gradient must match the tensor's grad_dtype (defaults to the "
            f"tensor's "
            "dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. "
            "Set "
            "grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream systems "
            "that assume "
            "they match."
        )


def c_name(tensor: Any) -> str:
    """The type's name in C++."""
    return dtypes.c_title(tensor._array.dtype)
