"""A tensor's storage, resized and replaced under it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from refgrad.engine import dims
from refgrad.engine.graph import TensorBase
from refgrad.engine.inplace import bump, check_inference, check_inplace
from refgrad.engine.modes import modes
from refgrad.engine.ops.striding import _storage
from refgrad.engine.primitive import Primitive
from refgrad.engine.views import own_array, wants_grad

__all__ = ["resize_", "resize_as_", "set_"]


def resize_(self: Any, *size: Any, memory_format: Any = None) -> Any:
    """Let the tensor be of another size, over the same elements; new ones have no value that may be relied on.

    Errors: RuntimeError where it requires grad.
    """
    if wants_grad(self):
        raise RuntimeError("cannot resize variables that require grad")
    shape = dims.sizes(size)
    if shape != self._array.shape:
        self._array = _resized(own_array(self), shape)
        bump(self)
    return self


def _resized(array: Any, shape: tuple[int, ...]) -> Any:
    root, offset = _storage(array, 0)
    held, wanted = root.size - offset, math.prod(shape)
    strides = tuple(s * array.itemsize for s in dims.contiguous_strides(shape))
    flat = as_strided(root, (root.size,), (root.itemsize,))[offset:] if root.size else root.reshape(-1)
    if wanted > held:
        flat = np.concatenate((flat, np.zeros(wanted - held, array.dtype)))
    return as_strided(flat, shape, strides)


def resize_as_(self: Any, the_template: Any, *, memory_format: Any = None) -> Any:
    """As ``resize_``, to the size of another tensor."""
    return resize_(self, tuple(the_template.shape))


_C_NAMES = {"float32": "float", "float64": "double", "int32": "int", "int64": "long int"}


def _underived(grad: Any) -> Any:
    raise RuntimeError("derivative for set_ is not implemented")


_SET = Primitive(lambda input, source, /: source, promotes="no", name="NotImplemented", outputs=())
_SET.vjps = dict.fromkeys(_SET.inputs, _underived)


def set_(self: Any, source: Any = None) -> Any:
    """Let the tensor look at the memory of ``source``, or at none; how it was computed is not followed.

    Errors: RuntimeError for a leaf that requires grad, and for a source of another type.
    """
    if source is not None and source._array.dtype != self._array.dtype:
        held, got = (_C_NAMES.get(x.dtype.name, x.dtype.name) for x in (self, source))
        raise RuntimeError(f"Could not set tensor of type {got} to a tensor of type {held}")
    tracked = modes.grad_enabled and (wants_grad(self) or (source is not None and wants_grad(source)))
    check_inplace(self, tracked)
    check_inference(self)
    self._array = np.zeros(0, self._array.dtype) if source is None else own_array(source)
    bump(self)
    if tracked:
        self._grad_fn = _untold(self, source)
    return self


def _untold(self: Any, source: Any) -> Any:
    """The node of a write whose derivative is an error."""
    inputs = (self, source)
    key = 3 * (3 + (2 if wants_grad(self) else 1)) + (2 if isinstance(source, TensorBase) and wants_grad(source) else 1)
    return _SET.plan(key).attach(inputs, [x._array for x in inputs], (), None, self._array.shape, self._array.dtype)
