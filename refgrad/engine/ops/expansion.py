"""Elements repeated: in no memory of their own, or in copies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.reshaping import _dense, clone_contiguous, reshape, unsqueeze, view
from refgrad.engine.primitive import primitive, wrap
from refgrad.engine.views import view_primitive

__all__ = [
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "cartesian_prod", "combinations", "expand",
    "meshgrid", "repeat", "repeat_interleave", "sum_to_size", "tile",
]  # fmt: skip


@view_primitive()
def expand(input: Any, /, size: Any) -> Any:
    """The input repeated along new or singleton dimensions, in no memory of its own.

    Errors: RuntimeError where another dimension would have to grow.
    """
    if (
        not input.shape and input.dtype.kind != "V" and (not size or min(size) >= 0)
    ):  # most often: the gradient of a sum; 4 times faster than as_strided
        held = input if input.__class__ is np.ndarray else np.array(input)  # a NumPy scalar cannot be written into
        return np.ndarray(size, input.dtype, held, 0, (0,) * len(size))
    size = _expanded(input, size)
    lead = len(size) - input.ndim
    strides = (0,) * lead + tuple(
        0 if n != m else s for n, m, s in zip(input.shape, size[lead:], np.asarray(input).strides)
    )
    return np_as_strided(np.asarray(input), size, strides)


def _expanded(input: Any, size: Sequence[int]) -> tuple[int, ...]:
    shape = input.shape
    lead = len(size) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{dtypes.of(input.dtype).tensor_type}{{{list(shape)}}}, size={list(size)}): the number of "
            f"sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    for i, n in reversed(list(enumerate(shape))):
        if size[lead + i] not in (-1, n) and n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({size[lead + i]}) must match the existing size ({n}) at "
                f"non-singleton "
                f"dimension {lead + i}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}"
            )
    for i, n in enumerate(size[:lead]):
        if n < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {i}"
            )
    return tuple(size[:lead]) + tuple(n if m == -1 else m for n, m in zip(shape, size[lead:]))


expand.defvjp(lambda grad: grad)  # the traversal sums it back

expand.defjvp(lambda tangent, size: ops.expand(tangent, size))


def broadcast_to(input: Any, size: Any) -> Any:
    """The same as ``expand``."""
    return expand(input, tuple(size))


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that the shapes broadcast to.

    Errors: RuntimeError where they do not.
    """
    result: tuple[int, ...] = ()
    for at, shape in enumerate(shapes):
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        held = (1,) * (len(sizes) - len(result)) + result
        for i in range(-1, -len(sizes) - 1, -1):
            if sizes[i] != held[i] and 1 not in (sizes[i], held[i]):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {sizes[i]} at {i}! Mismatching argument at index "
                    f"{at} had "
                    f"{sizes}; but expected shape should be broadcastable to {list(result)}"
                )
        result = dims.broadcast(result, sizes)
    return dims.Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors expanded to their common shape."""
    shape: tuple[int, ...] = ()
    for x in tensors:
        shape = dims.broadcast(shape, tuple(x.shape))
    return tuple(x if tuple(x.shape) == shape else expand(x, shape) for x in tensors)


@primitive()
def repeat(input: Any, /, repeats: Any) -> Any:
    """The input tiled ``repeats`` times along each dimension."""
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    negative = [n * k for n, k in zip((1,) * (len(repeats) - input.ndim) + input.shape, repeats)]
    if any(n < 0 for n in repeats):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {next(n for n in negative if n < 0)}: {negative}"
        )
    return _dense(np.tile(input, repeats))


def _repeat_vjp(grad: Any, input_shape: Any, repeats: Any) -> Any:
    padded = (1,) * (len(repeats) - len(input_shape)) + tuple(input_shape)
    if 0 in repeats:
        return ops.zeros_as(grad, input_shape)
    folded = ops.reshape(grad, tuple(k for pair in zip(repeats, padded) for k in pair))
    return ops.reshape(ops.sum(folded, tuple(range(0, 2 * len(repeats), 2))) if repeats else folded, input_shape)


repeat.defvjp(_repeat_vjp)


def tile(input: Any, dims: Any) -> Any:
    """The same as ``repeat``, with missing repeats taken as 1."""
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element repeated ``repeats`` times in place; a tensor gives each its own number.

    Without ``repeats`` the input holds them, of the positions 0, 1, 2 ...
    Errors: RuntimeError for negative numbers, too many or few, or another ``output_size`` than they give.
    """
    if repeats is None:
        return _sources(input._array, int(input._array.size), 0)
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    if isinstance(repeats, TensorBase):
        return ops.index_select(input, dim, _sources(repeats._array, input.shape[dim], dim))
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    wide = expand(unsqueeze(input, dim + 1), (*shape[: dim + 1], repeats, *shape[dim + 1 :]))
    return view(clone_contiguous(wide), (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


def _sources(repeats: Any, size: int, dim: int) -> Any:
    """For each element of the result, the position that it comes from."""
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.size not in (1, size):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.size} and "
            f"input.size({dim}) = {size}"
        )
    if np.any(repeats < 0):
        raise RuntimeError("repeats can not be negative")
    return wrap(np.repeat(np.arange(size), np.broadcast_to(repeats.reshape(-1), (size,))))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Grids of coordinates, one a vector."""
    vectors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if indexing not in ("xy", "ij"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in vectors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x!r}")
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[0], order[1] = 1, 0
    shape = tuple(vectors[i].shape[0] if vectors[i].ndim else 1 for i in order)
    ones = (1,) * len(vectors)
    return tuple(
        expand(view(x, (*ones[: order.index(i)], -1, *ones[order.index(i) + 1 :])), shape)
        for i, x in enumerate(vectors)
    )


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of an element of each vector, a row each.

    Errors: RuntimeError for other than vectors.
    """
    for x in tensors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return ops.stack([ops.reshape(x, (-1,)) for x in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements of a vector, in order, a row each.

    Errors: RuntimeError for another tensor than a vector, or a negative number.
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return ops.zeros_as(input, (0,))
    places = np.meshgrid(*[np.arange(input.shape[0])] * r, indexing="ij")
    rising = np.less_equal if with_replacement else np.less
    mask = np.ones(places[0].shape, bool)
    for a, b in itertools.pairwise(places):
        mask &= rising(a, b)
    return ops.stack([ops.masked_select(x, wrap(mask)) for x in meshgrid(*[input] * r)], 1)


def sum_to_size(input: Any, size: Any) -> Any:
    """The sum over the dimensions that broadcasting ``size`` to the input's shape would give.

    Errors: RuntimeError where it would not.
    """
    shape, size = tuple(input.shape), tuple(size)
    if not size:
        return ops.sum(input)
    lead = len(shape) - len(size)
    if lead < 0 or any(n not in (1, m) for n, m in zip(size, shape[lead:])):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(shape)}}}.")
    spread = (*range(lead), *(lead + i for i, n in enumerate(size) if n == 1 and shape[lead + i] != 1))
    total = ops.sum(input, spread, True) if spread else input
    return view(total, size) if lead else total
