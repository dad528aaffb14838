"""Tensors joined along a dimension, or along a new one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.reshaping import _dense, atleast_1d, atleast_2d, atleast_3d
from refgrad.engine.primitive import primitive

__all__ = ["cat", "column_stack", "concat", "concatenate", "dstack", "hstack", "row_stack", "stack", "vstack"]


@primitive(name="CatBackward0")
def _cat(*tensors: Any, dim: int) -> Any:
    kind = dtypes.result_type(tensors).numpy
    parts = [x for x in tensors if x.shape != (0,)] or tensors  # an empty vector fits anything
    return _dense(np.concatenate([x.astype(kind, copy=False) for x in parts], dim))


def _cat_vjp(grad: Any, tensors_shape: Any, dim: int) -> Any:
    sizes = [0 if shape == (0,) else shape[dim] for shape in tensors_shape]
    starts = itertools.accumulate(sizes, initial=0)
    return [
        ops.zeros_as(grad, shape) if shape == (0,) else ops.narrow(grad, dim, start, n)
        for start, n, shape in zip(starts, sizes, tensors_shape)
    ]


_cat.defvjp(tensors=_cat_vjp)


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """The tensors joined along ``dim``.

    Errors: ValueError for none, RuntimeError for sizes that differ elsewhere, TypeError for no tensors.
    """
    dim = dim if axis is None else axis
    _check_list("cat", tensors)
    if not isinstance(tensors[0], TensorBase):
        return np.concatenate(tensors, dim)
    shapes = [tuple(x.shape) for x in tensors]
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    dim = dims.wrap(dim, len(first))
    for i, shape in enumerate(shapes):
        if shape != (0,):
            _check_cat(first, shape, dim, i)
    return _cat(*tensors, dim=dim)


def _check_list(name: str, tensors: Any) -> None:
    if not isinstance(tensors, (tuple, list)):
        kind = type(tensors).__name__
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}")
    if not tensors and name == "cat":
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")


def _check_cat(first: tuple[int, ...], shape: tuple[int, ...], dim: int, i: int) -> None:
    if len(first) != len(shape):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    for d, (n, m) in enumerate(zip(first, shape)):
        if d != dim and n != m:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for tensor "
                f"number {i} in the list."
            )


concat = concatenate = cat


@primitive(name="StackBackward0")
def _stack(*tensors: Any, dim: int) -> Any:
    kind = dtypes.result_type(tensors).numpy
    return _dense(np.stack([x.astype(kind, copy=False) for x in tensors], dim))


_stack.defvjp(tensors=lambda grad, dim: ops.unbind(grad, dim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """The tensors joined along a new dimension ``dim``.

    Errors: RuntimeError for none, or for shapes that differ.
    """
    _check_list("stack", tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tuple(tensors[0].shape)
    for i, x in enumerate(tensors):
        if tuple(x.shape) != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(x.shape)} "
                f"at entry {i}"
            )
    dim = dims.wrap(dim, len(first) + 1)
    if not isinstance(tensors[0], TensorBase):
        return np.stack(tensors, dim)
    return _stack(*tensors, dim=dim)


def hstack(tensors: Sequence[Any]) -> Any:
    """The tensors joined side by side."""
    tensors = [atleast_1d(x) for x in _some("hstack", tensors)]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """The tensors joined on top of each other."""
    return cat([atleast_2d(x) for x in _some("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Sequence[Any]) -> Any:
    """The tensors joined along a third dimension."""
    return cat([atleast_3d(x) for x in _some("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Any]) -> Any:
    """The tensors joined side by side; vectors as columns."""
    return hstack([ops.reshape(x, (-1, 1)) if x.ndim < 2 else x for x in _some("column_stack", tensors)])


def _some(name: str, tensors: Sequence[Any]) -> Sequence[Any]:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors
