"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.ops.reshaping import _dense
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = ["diag", "diag_embed", "diagonal", "diagonal_copy", "place_diagonal", "tril", "triu"]


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
    return diag_embed(input, diagonal) if input.ndim == 1 else diagonal_copy(input, diagonal)


@primitive(name="DiagonalBackward0_copy")
def diagonal_copy(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of the diagonal."""
    return np.diagonal(input, offset, dim1, dim2).copy()


diagonal_copy.defvjp(
    lambda grad, input_shape, offset, dim1, dim2: ops.place_diagonal(grad, input_shape, offset, dim1, dim2)
)
