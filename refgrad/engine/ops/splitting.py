"""Tensors cut into pieces, which are views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.slicing import _at
from refgrad.engine.primitive import PrimitiveFunction, primitive
from refgrad.engine.views import view_primitive

__all__ = [
    "chunk", "dsplit", "hsplit", "split", "split_with_sizes", "tensor_split", "unbind", "unsafe_chunk",
    "unsafe_split", "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip


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
    return _in_chunks(input, chunks, dim, split, split_with_sizes)


def _in_chunks(input: Any, chunks: int, dim: int, even: Any, by_sizes: Any) -> Any:
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[dims.wrap(dim, input.ndim)]
    return even(input, -(-size // chunks), dim) if size else by_sizes(input, (0,) * chunks, dim)


# pieces that are nobody's views, though they share memory -------------------------------------------------------------


def _unsafe(view: PrimitiveFunction, name: str) -> PrimitiveFunction:
    """The form of ``view`` whose pieces may be written to, at the writer's own risk."""
    op = view.op

    def pieces(*args: Any) -> Any:
        return op.forward(*args)

    pieces.__name__, pieces.__doc__ = name, view.__doc__
    pieces.__signature__ = op.declared  # type: ignore[attr-defined]
    function = primitive(outputs=op.outputs)(pieces)
    function.op.vjps = op.vjps
    return function


unsafe_split, unsafe_split_with_sizes = (
    _unsafe(_split_even, "unsafe_split"),
    _unsafe(_split_sizes, "unsafe_split_with_sizes"),
)


def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """As ``chunk``; the pieces may be written to, at the writer's own risk."""
    return _in_chunks(input, chunks, dim, unsafe_split, unsafe_split_with_sizes)


# pieces of any number -------------------------------------------------------------------------------------------------


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    """The input cut along ``dim`` into so many pieces, sizes as even as they can be, or before the indices given.

    Errors: RuntimeError for a 0-d tensor, fewer than one piece, or indices that are no vector of int64.
    """
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = dims.wrap(dim, input.ndim)
    where, size = _cuts(indices_or_sections), int(input.shape[dim])
    if isinstance(where, int):
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        more, least = size % where, size // where
        where = [i * least + min(i, more) for i in range(1, where)]
    return tuple(ops.slice(input, dim, start, end) for start, end in zip((0, *where), (*where, None)))


def _cuts(where: Any) -> Any:
    """Sections or indices as numbers; they may be a tensor's."""
    if not isinstance(where, TensorBase):
        return where
    if where._array.dtype != np.int64:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
            f"{dtypes.scalar_title(where._array.dtype)}"
        )
    if where._array.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
            f"got a tensor with {where._array.ndim} dims"
        )
    return where._array.tolist()


def _cut_along(name: str, input: Any, where: Any, dim: int, least: int) -> Any:
    if input.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
            "dimensions!"
        )
    if isinstance(where, int) and (where <= 0 or input.shape[dim] % where):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {where}!"
        )
    return tensor_split(input, where, dim)


def hsplit(input: Any, indices_or_sections: Any) -> Any:
    """The input cut side by side: a vector along its only dimension."""
    return _cut_along("hsplit", input, indices_or_sections, 1 if input.ndim > 1 else 0, 1)


def vsplit(input: Any, indices_or_sections: Any) -> Any:
    """The input cut from top to bottom."""
    return _cut_along("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Any, indices_or_sections: Any) -> Any:
    """The input cut along its third dimension."""
    return _cut_along("dsplit", input, indices_or_sections, 2, 3)
