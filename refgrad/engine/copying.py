"""Copies of tensors: ``copy.copy`` shares memory, ``copy.deepcopy`` copies whole storages, pickle carries values."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from refgrad.engine.graph import TensorBase, wrap
from refgrad.engine.views import address, own_array

_NON_LEAF = (
    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you "
    "were "
    "attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
    "https://github.com/pytorch/pytorch/pull/103001"
)


def rebuilt(cls: type, array: Any, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    """A leaf of class ``cls`` around ``array``, with the attributes that the user gave it.

    Its version is 1 from the start: PyTorch gives a new tensor its storage in place.
    """
    tensor = wrap(array, requires_grad)
    tensor.__class__ = cls  # subclasses add no slots
    tensor._counter = [1]
    tensor.__dict__.update(attributes)
    return tensor


def shallow(tensor: Any) -> Any:
    """A new leaf over the same memory."""
    return rebuilt(type(tensor), own_array(tensor), tensor.requires_grad, vars(tensor))


def deep(tensor: Any, memo: dict[int, Any]) -> Any:
    """A leaf over a copy of the memory; what shared memory shares it in the copy too.

    Errors: RuntimeError for a tensor with a history.
    """
    if id(tensor) in memo:
        return memo[id(tensor)]
    if not tensor.is_leaf:
        raise RuntimeError(_NON_LEAF)
    result = memo[id(tensor)] = rebuilt(type(tensor), copied(own_array(tensor), memo), tensor._requires_grad, {})
    result._grad = copy.deepcopy(tensor._grad, memo)
    result.__dict__.update(copy.deepcopy(vars(tensor), memo))
    return result


def copied(array: Any, memo: dict[int, Any]) -> Any:
    """``array`` in a copy of the storage it lies in, made once for all arrays there."""
    root = owner(array)
    if not array.size:
        return array.copy()
    if not (root.flags.c_contiguous or root.flags.f_contiguous):
        return as_strided(span(array), array.shape, array.strides)
    if id(root) not in memo:
        memo[id(root)] = root.copy(order="K")
    storage = memo[id(root)].reshape(-1, order="A").view(np.uint8)
    offset = address(array) - address(root)
    return window(storage[offset:], array.dtype, array.shape, array.strides)


def owner(array: Any) -> Any:
    """The array that owns the memory that ``array`` looks at."""
    root, base = array, array.base
    while base is not None:
        root = base if isinstance(base, np.ndarray) else root
        base = getattr(base, "base", None)
    return root


def span(array: Any) -> Any:
    """A copy of the elements from the first to the last of ``array``, gaps included, in one dimension."""
    if not array.size:
        return np.empty(0, array.dtype)
    extent = 1 + sum((n - 1) * stride for n, stride in zip(array.shape, array.strides)) // array.itemsize
    return as_strided(array, (extent,), (array.itemsize,)).copy()


def window(storage: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """The array of ``shape`` and ``strides`` (in bytes) at the start of ``storage``, which holds bytes."""
    extent = dtype.itemsize + sum((n - 1) * stride for n, stride in zip(shape, strides))
    return as_strided(storage[:extent].view(dtype), shape, strides)


def reduced(tensor: Any) -> tuple[Any, ...]:
    """What pickle stores: the values and how they lie in memory; no gradient, no history, no hooks."""
    _warn_of_hooks(tensor)
    array = own_array(tensor)
    return unpickled, (type(tensor), span(array), array.shape, array.strides, tensor.requires_grad, dict(vars(tensor)))


def unpickled(
    cls: type,
    flat: Any,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool,
    attributes: dict[str, Any],
) -> Any:
    """The tensor that ``reduced`` described."""
    return rebuilt(cls, as_strided(flat, shape, strides), requires_grad, attributes)


def _warn_of_hooks(tensor: TensorBase) -> None:
    for hook in () if tensor._hooks is None else tensor._hooks.pre.values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                f"function "
                "with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=3,
            )
