"""Adding to ``.grad``: a first gradient is taken over or copied, a later one added in place."""

from __future__ import annotations

import threading
from sys import getrefcount
from typing import Any

import numpy as np

from refgrad.engine import dims
from refgrad.engine.graph import wrap
from refgrad.engine.inplace import bump
from refgrad.engine.modes import modes
from refgrad.engine.views import check_overlap, is_dense


def add_to_grad(tensor: Any, grad: Any) -> None:
    """``tensor.grad += grad``, in place; a first gradient is copied, so that nobody else holds it."""
    _acquire()
    try:
        held = tensor._grad
        if held is None:
            tensor._grad = wrap(like_leaf(grad, tensor._array))
        else:
            _add_in_place(held, grad)
    finally:
        _release()


# passes in several threads may share a leaf, and NumPy lets another thread in while it adds
_accumulating = threading.RLock()
_acquire, _release = _accumulating.acquire, _accumulating.release  # half the price of a with block


def _add_in_place(held: Any, grad: Any) -> None:
    array = held._array
    if array.shape != grad.shape:
        dims.broadcast(array.shape, grad.shape)
    if array.__class__ is not np.ndarray:
        held._array = array + grad  # a scalar that nobody shares
    elif array.size == 1:
        array[...] = array + grad  # NumPy adds one element in place by a way that is twice as long
    else:
        check_overlap(array)
        array += grad
    bump(held)


def add_tensor_to_grad(tensor: Any, grad: Any) -> None:
    """As ``add_to_grad``, recorded where grad mode is on: then a new tensor takes the place of the old."""
    with _accumulating:
        held = tensor._grad
        if held is None:
            new = modes.created(wrap(np.empty_like(grad._array)), grad)
            tensor._grad = new.copy_(grad if modes.grad_enabled else grad.detach())
        else:
            tensor._grad = held + grad if modes.grad_enabled else held.add_(grad)


def give_to_grad(tensor: Any, buffers: dict[Any, Any], key: Any) -> None:
    """``add_to_grad`` of ``buffers.pop(key)``; as a first gradient it is taken over, not copied, if only the buffer holds it.

    PyTorch does so too. For a weight matrix the copy would take as long as a tenth of the step.
    """
    if tensor._grad is None and _may_be_taken(tensor._array, buffers[key]) and getrefcount(buffers[key]) == _ALONE:
        tensor._grad = wrap(buffers.pop(key))
    else:
        add_to_grad(tensor, buffers.pop(key))


_ALONE = 2  # the buffer's reference, and that of getrefcount's own argument


def _may_be_taken(leaf: Any, grad: Any) -> bool:
    """Whether ``grad`` owns its memory, and lies in it as ``leaf`` does."""
    if grad.__class__ is not np.ndarray or grad.base is not None or leaf.__class__ is not np.ndarray:
        return False
    return bool(grad.flags.c_contiguous and leaf.flags.c_contiguous)


def like_leaf(grad: Any, leaf: Any) -> Any:
    """A copy of ``grad`` in the memory layout of ``leaf``."""
    if type(grad) is not np.ndarray:
        return grad
    if leaf.shape != grad.shape or leaf.__class__ is not np.ndarray or leaf.flags.c_contiguous:
        return grad.copy()
    if is_dense(leaf):
        copy = np.empty_like(leaf, dtype=grad.dtype)
    else:
        copy = np.empty(grad.shape, grad.dtype)
    copy[...] = grad
    return copy


def retain(tensor: Any, grad: Any, graph: bool) -> None:
    """Note the gradient of a tensor that asked for it with ``retain_grad``."""
    if tensor is None or grad is None:
        return
    held = tensor._grad
    if held is None or graph:
        add_tensor_to_grad(tensor, grad) if graph else add_to_grad(tensor, grad._array)
    else:  # a new tensor each time, unlike a leaf's
        tensor._grad = wrap(held._array + grad._array)
