"""The same elements in another shape: views where the strides allow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.memory_format import laid_out
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "clone_as", "clone_contiguous", "contiguous", "flatten", "ravel",
    "reshape", "squeeze", "unflatten", "unsqueeze", "view",
]  # fmt: skip


@view_primitive()
def view(input: Any, /, size: Any) -> Any:
    """The same elements in another shape, in the same memory.

    Errors: RuntimeError where the strides do not allow it.
    """
    shape = dims.infer(size, input.size)
    result = input.reshape(shape)
    if type(input) is np.ndarray and input.size and not np.may_share_memory(result, input):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return result


view.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))

view.defjvp(lambda tangent, size: ops.reshape(tangent, size))


@primitive()
def _unsafe_view(input: Any, /, size: Any) -> Any:
    """As ``view``, of a tensor that nobody else holds."""
    return input.reshape(size)


_unsafe_view.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


@view_primitive(name="ReshapeAliasBackward0")
def _reshape_alias(input: Any, /, size: Any) -> Any:
    """As ``view``, of a tensor that is not contiguous."""
    return input.reshape(size)


_reshape_alias.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


def reshape(input: Any, shape: Any) -> Any:
    """The same elements in another shape: a view where the strides allow, else a copy."""
    if not isinstance(input, TensorBase):
        return input.reshape(shape)
    array = input._array
    size = dims.infer(tuple(shape), array.size)
    if type(array) is not np.ndarray or array.flags.c_contiguous:
        return view(input, size)
    if np.may_share_memory(array.reshape(size), array):
        return _reshape_alias(input, size)
    return _unsafe_view(clone_contiguous(input), size)


@view_primitive()
def unsqueeze(input: Any, /, dim: int) -> Any:
    """The input with a dimension of size 1 put in at ``dim``."""
    dim = dims.wrap(dim, input.ndim + 1)
    return input.reshape((*input.shape[:dim], 1, *input.shape[dim:]))


unsqueeze.defvjp(lambda grad, dim: ops.squeeze(grad, dim))

unsqueeze.defjvp(lambda tangent, dim: ops.unsqueeze(tangent, dim))


@view_primitive(name="SqueezeBackward0")
def _squeeze_all(input: Any, /) -> Any:
    return input.squeeze()


@view_primitive(name="SqueezeBackward1")
def _squeeze_dim(input: Any, /, dim: int) -> Any:
    dim = dims.wrap(dim, input.ndim)
    return input.squeeze(dim) if input.ndim and input.shape[dim] == 1 else input[...]


@view_primitive(name="SqueezeBackward2")
def _squeeze_dims(input: Any, /, dim: Any) -> Any:
    return input.squeeze(tuple(d for d in dims.axes(dim, input.ndim) if input.shape[d] == 1) if dim else ())


for _op in (_squeeze_all, _squeeze_dim, _squeeze_dims):
    _op.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


def squeeze(input: Any, dim: Any = None) -> Any:
    """The input without its dimensions of size 1, or without those of ``dim`` that are."""
    if dim is None:
        return _squeeze_all(input)
    return _squeeze_dims(input, tuple(dim)) if isinstance(dim, (tuple, list)) else _squeeze_dim(input, dim)


squeeze.forms = (_squeeze_all, _squeeze_dim, _squeeze_dims)  # type: ignore[attr-defined]


def _dense(array: Any) -> Any:
    """``array`` with its elements in order, copied only if they are not."""
    return array if array.flags.c_contiguous else np.array(array, order="C")


def contiguous(input: Any) -> Any:
    """The input, copied only if its elements do not lie in order."""
    array = input._array if isinstance(input, TensorBase) else input
    return input if type(array) is not np.ndarray or array.flags.c_contiguous else ops.clone_contiguous(input)


@primitive(name="CloneBackward0")
def clone_contiguous(input: Any, /) -> Any:
    """A copy with its elements in order."""
    return np.array(input, order="C")


@primitive(name="CloneBackward0")
def clone_as(input: Any, /, format: Any) -> Any:
    """A copy in a memory format."""
    laid = laid_out(np.asarray(input), format)
    return laid.copy("K") if laid is input else laid


clone_contiguous.defvjp(lambda grad: grad)
clone_as.defvjp(lambda grad: grad)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from ``start_dim`` to ``end_dim`` as one.

    Errors: RuntimeError where they are in the wrong order.
    """
    start, end = dims.wrap(start_dim, input.ndim), dims.wrap(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not input.ndim:
        return reshape(input, (1,))
    if start == end:
        return input
    shape = tuple(input.shape)
    return reshape(input, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """The dimension ``dim`` as several of ``sizes``."""
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        inner = dims.infer(tuple(sizes), shape[dim])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[dim]}) in "
            f"the input tensor"
        ) from None
    return view(input, shape[:dim] + inner + shape[dim + 1 :])


def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    return view(contiguous(input), (-1,))


def _each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """``function``, of one tensor, of several, or of a list of them."""

    @functools.wraps(function)
    def of_all(*tensors: Any) -> Any:
        if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
            return function(tensors[0])
        return tuple(map(function, tensors[0] if len(tensors) == 1 else tensors))

    return of_all


@_each
def atleast_1d(input: Any) -> Any:
    """The input, with one dimension if it had none."""
    return input if input.ndim else reshape(input, (1,))


@_each
def atleast_2d(input: Any) -> Any:
    """The input, with two dimensions if it had fewer."""
    if input.ndim >= 2:
        return input
    return unsqueeze(input, 0) if input.ndim else reshape(input, (1, 1))


@_each
def atleast_3d(input: Any) -> Any:
    """The input, with three dimensions if it had fewer; a vector lies along the second."""
    if input.ndim >= 2:
        return input if input.ndim >= 3 else unsqueeze(input, -1)
    return unsqueeze(unsqueeze(input, 0), -1) if input.ndim else reshape(input, (1, 1, 1))
