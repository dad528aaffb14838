"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops.reshaping import _dense
from refgrad.engine.ops.slicing import written
from refgrad.engine.primitive import primitive, wrap
from refgrad.engine.views import view_primitive

__all__ = [
    "block_diag", "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "place_diagonal", "tril", "triu",
]  # fmt: skip


def _plane(dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    at = dims.wrap(dim1, ndim), dims.wrap(dim2, ndim)
    if at[0] == at[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return at


@view_primitive()
def diagonal(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal over ``dim1`` and ``dim2``, as the last dimension of the result.

    Errors: RuntimeError where they are one.
    """
    _plane(dim1, dim2, input.ndim)
    result = np.diagonal(input, offset, dim1, dim2)
    if input.flags.writeable:  # a gradient that was expanded from a number is not
        result.flags.writeable = True
    return result


diagonal.defvjp(lambda grad, input_shape, offset, dim1, dim2: ops.place_diagonal(grad, input_shape, offset, dim1, dim2))


@primitive(name="DiagonalBackwardBackward0")
def place_diagonal(input: Any, /, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    """Zeros of ``shape`` with ``input`` on a diagonal."""
    result = np.zeros(shape, input.dtype)
    window = np.diagonal(result, offset, dim1, dim2)
    window.flags.writeable = True
    window[...] = input
    return result


place_diagonal.defvjp(lambda grad, offset, dim1, dim2: ops.diagonal(grad, offset, dim1, dim2))


@primitive()
def tril(input: Any, /, diagonal: int = 0) -> Any:
    """The lower triangle."""
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return _dense(np.tril(input, diagonal))


tril.defvjp(lambda grad, diagonal: ops.tril(grad, diagonal))


@primitive()
def triu(input: Any, /, diagonal: int = 0) -> Any:
    """The upper triangle."""
    if input.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return _dense(np.triu(input, diagonal))


triu.defvjp(lambda grad, diagonal: ops.triu(grad, diagonal))


@primitive()
def diag_embed(input: Any, /, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last dimension of ``input`` on their diagonals.

    Errors: RuntimeError where ``dim1`` and ``dim2`` are one.
    """
    at = _plane(dim1, dim2, input.ndim + 1)
    shape = list(input.shape[:-1])
    for d in sorted(at):
        shape.insert(d, input.shape[-1] + (offset if offset > 0 else -offset))
    return place_diagonal.op.forward(input, tuple(shape), offset, *at)


diag_embed.defvjp(lambda grad, offset, dim1, dim2: ops.diagonal(grad, offset, dim1, dim2))


def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector as a diagonal matrix, or a matrix's diagonal.

    Errors: RuntimeError for other dimensions.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal) if input.ndim == 1 else ops.diagonal_copy(input, diagonal)


def diagflat(input: Any, offset: int = 0) -> Any:
    """All elements as the diagonal of a matrix."""
    return diag_embed(ops.reshape(input, (-1,)), offset)


@primitive()
def diagonal_scatter(input: Any, src: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of ``input`` with ``src`` as its diagonal."""
    result = np.array(input)
    written(diagonal.op.forward(result, offset, dim1, dim2), src)
    return result


diagonal_scatter.defvjp(
    lambda grad, src_shape, offset, dim1, dim2: ops.diagonal_scatter(
        grad, ops.zeros_as(grad, src_shape), offset, dim1, dim2
    ),
    lambda grad, offset, dim1, dim2: ops.diagonal(grad, offset, dim1, dim2),
)


@primitive(name="BlockDiagBackward0")
def _block_diag(*tensors: Any) -> Any:
    blocks = [np.atleast_2d(x) for x in tensors]
    kind = dtypes.result_type(tensors).numpy
    result = np.zeros(np.sum([x.shape for x in blocks], 0), kind)
    for corner, block in zip(_corners([x.shape for x in blocks]), blocks):
        result[corner] = block
    return result


def _corners(shapes: Any) -> list[Any]:
    """For each block on the diagonal, its key."""
    ends = np.cumsum(np.array(shapes), 0).tolist()
    return [np.s_[i - n : i, j - m : j] for (i, j), (n, m) in zip(ends, shapes)]


def _block_diag_vjp(grad: Any, tensors_shape: Any) -> Any:
    corners = _corners([(1, 1)[len(shape) :] + tuple(shape) for shape in tensors_shape])
    return [ops.reshape(grad[corner], shape) for corner, shape in zip(corners, tensors_shape)]


_block_diag.defvjp(tensors=_block_diag_vjp)


def block_diag(*tensors: Any) -> Any:
    """The matrix with the tensors on its diagonal; a vector is a row.

    Errors: RuntimeError beyond two dimensions.
    """
    for i, x in enumerate(tensors):
        if not isinstance(x, TensorBase):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
        if len(x._array.shape) > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {len(x._array.shape)} dimensions"
            )
    return _block_diag(*tensors) if tensors else wrap(np.zeros((1, 0), dtypes.get_default_dtype().numpy))
