"""Fitting a gradient to what it is the gradient of: the broadcast and the promotion of the forward undone."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import ops


def fit_array(grad: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Undo the broadcast and the promotion that the forward made."""
    if grad.shape != shape:
        grad = sum_array_to(grad, shape)
    if grad.dtype is not dtype:
        grad = grad.real.astype(dtype) if grad.dtype.kind == "c" and dtype.kind != "c" else grad.astype(dtype)
    return grad


def fit_tensor(grad: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """As ``fit_array``, recorded."""
    if grad._array.shape != shape:
        grad = sum_to(grad, shape)
    if grad._array.dtype is not dtype:
        if grad._array.dtype.kind == "c" and dtype.kind != "c":
            grad = ops.real(grad)
        grad = ops.to_copy(grad, dtype)
    return grad


def sum_array_to(grad: Any, shape: tuple[int, ...]) -> Any:
    """As ``sum_to``, straight to NumPy."""
    if grad.itemsize <= 2:  # halves are summed in float32
        return sum_to(grad, shape)
    lead = grad.ndim - len(shape)
    if lead:
        grad = _add_up(grad, 0 if lead == 1 else tuple(range(lead)))
        if grad.shape == shape:
            return grad
    for dim, n in enumerate(shape):
        if n == 1 and grad.shape[dim] != 1:
            grad = _add_up(grad, dim, keepdims=True)
    return grad


_add_up = np.add.reduce  # np.sum without its wrapper


def sum_to(grad: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``grad`` down to ``shape``, undoing a broadcast."""
    if not shape:
        return ops.sum(grad)
    lead = len(grad.shape) - len(shape)
    dim = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and grad.shape[i + lead] != 1)
    if dim:
        grad = ops.sum(grad, dim, True)
    return ops.view(grad, shape) if lead else grad
