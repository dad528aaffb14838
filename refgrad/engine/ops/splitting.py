"""Tensors cut into pieces, which are views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.ops.slicing import _at
from refgrad.engine.views import view_primitive

__all__ = ["chunk", "split", "split_with_sizes", "unbind"]


@view_primitive(outputs=("outputs",))
def unbind(input: Any, /, dim: int = 0) -> Any:
    """The slices along ``dim``, as a tuple."""
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    moved = np.moveaxis(input, dims.wrap(dim, input.ndim), 0)
    return tuple(moved[i, ...] for i in range(moved.shape[0]))


unbind.defvjp(
    lambda grad, input_shape, input_dtype, dim: ops.stack(
        _filled(
            grad,
            [input_shape[:d] + input_shape[d + 1 :] for d in [dims.wrap(dim, len(input_shape))]] * input_shape[dim],
        ),
        dim,
    )
)


def _filled(grad: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Gradients of several outputs, zeros for those that got none; the gradient of a single output comes alone."""
    grads = grad if isinstance(grad, (list, tuple)) else [grad]
    some = next(g for g in grads if g is not None)
    return [ops.zeros_as(some, shape) if g is None else g for g, shape in zip(grads, shapes)]


@view_primitive(name="SplitBackward0", outputs=("outputs",))
def _split_even(input: Any, /, split_size: int, dim: int = 0) -> Any:
    if not input.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    return _pieces(input, _even(input.shape[dims.wrap(dim, input.ndim)], split_size), dim)


@view_primitive(name="SplitWithSizesBackward0", outputs=("outputs",))
def _split_sizes(input: Any, /, split_sizes: Any, dim: int = 0) -> Any:
    if not input.ndim:
        raise RuntimeError("split_with_sizes expects at least a 1-dimensional tensor")
    size = input.shape[dims.wrap(dim, input.ndim)]
    if any(n < 0 for n in split_sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(split_sizes)}"
        )
    if sum(split_sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
            f"{dim}), but got "
            f"split_sizes={list(split_sizes)}"
        )
    return _pieces(input, split_sizes, dim)


def _even(size: int, split_size: int) -> list[int]:
    if split_size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size}")
    if split_size == 0:
        if size:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
        return [0]
    return [min(split_size, size - i) for i in range(0, size, split_size)] or [0]


def _pieces(input: Any, sizes: Sequence[int], dim: int) -> tuple[Any, ...]:
    dim = dims.wrap(dim, input.ndim)
    ends = np.cumsum(sizes).tolist()
    return tuple(input[_at(np.s_[end - n : end], dim)] for n, end in zip(sizes, ends))


def _unsplit(grad: Sequence[Any], shape: tuple[int, ...], sizes: Sequence[int], dim: int) -> Any:
    dim = dims.wrap(dim, len(shape))
    return ops.cat(_filled(grad, [(*shape[:dim], n, *shape[dim + 1 :]) for n in sizes]), dim)


_split_even.defvjp(
    lambda grad, input_shape, split_size, dim: _unsplit(
        grad, input_shape, _even(input_shape[dims.wrap(dim, len(input_shape))], split_size), dim
    )
)

_split_sizes.defvjp(lambda grad, input_shape, split_sizes, dim: _unsplit(grad, input_shape, split_sizes, dim))


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    """The input cut along ``dim`` into pieces of one size, or of the sizes given."""
    if isinstance(split_size_or_sections, int):
        return _split_even(tensor, split_size_or_sections, dim)
    return split_with_sizes(tensor, split_size_or_sections, dim)


def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> Any:
    """The input cut along ``dim`` into pieces of the sizes given."""
    if not isinstance(split_sizes, (tuple, list)):
        name = type(split_sizes).__name__
        raise TypeError(f"split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, not {name}")
    return _split_sizes(input, tuple(split_sizes), dim)


def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """The input cut along ``dim`` into at most ``chunks`` pieces.

    Errors: RuntimeError for fewer than one.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    size = input.shape[dims.wrap(dim, input.ndim)]
    if not size:
        return split_with_sizes(input, (0,) * chunks, dim)
    return split(input, max(-(-size // chunks), 1), dim)
