"""Distances and directions: how far vectors are from one another, and how they point."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.ops import norms
from refgrad.engine.ops.forms import no_tangent, unwritten
from refgrad.engine.primitive import primitive

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """``input`` divided by its ``p``-norm over ``dim``, which counts as at least ``eps``."""
    size = ops.clamp_min(ops.norm(input, p, dim, True), eps)
    result = input / ops.expand(size, tuple(input.shape))
    return result if out is None else out.copy_(result)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-08) -> Any:
    """The cosine of the angle between vectors along ``dim``; a norm counts as at least ``eps``.

    Errors: RuntimeError for integers, and for shapes that do not broadcast.
    """
    kind = dtypes.result_type((x1._array, x2._array))
    if kind.category < dtypes.FLOATING or kind.is_complex:
        title = dtypes.scalar_title(kind.numpy)
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {title}")
    vectors = [x if x._array.dtype == kind.numpy else ops.to_copy(x, kind.numpy) for x in (x1, x2)]
    x1, x2 = ops.broadcast_tensors(*vectors)
    sizes = _norm(x1, dim, eps), _norm(x2, dim, eps)
    return ops.sum((x1 / sizes[0]) * (x2 / sizes[1]), dim)


def _norm(x: Any, dim: int, eps: float) -> Any:
    """The norm, raised to ``eps`` behind the gradient's back: below it the gradient is the unclamped norm's, as in torch."""
    size = ops.clone(ops.linalg_vector_norm(x, 2, (dims.wrap(dim, x.ndim),), True))
    with no_grad():
        size.clamp_min_(eps)
    return size


@primitive(name="NormBackward1")
def _norm_of(input: Any, /, ord: float, dim: Any, keepdim: bool, dtype: Any) -> Any:
    return norms._vector_norm.op.forward(input, ord, dim, keepdim, dtype)


_norm_of.defvjp(**norms._vector_norm.op.vjps)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Any:
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension."""
    difference = x1 - x2 + eps
    return _norm_of(difference, float(p), (difference.ndim - 1,), keepdim, None)


# all pairs of rows ----------------------------------------------------------------------------------------------------


def _differences(input: Any) -> Any:
    """Each row minus each later one."""
    first, second = np.triu_indices(len(input), 1)
    return input[first] - input[second]


@primitive(name="PdistBackward0")
def _pdist(input: Any, /, p: float) -> Any:
    size = np.abs(_differences(input))
    if not size.shape[1]:
        return np.zeros(len(size), input.dtype)
    if p == np.inf:
        return size.max(1)
    return (size != 0).sum(1).astype(input.dtype) if p == 0 else (size**p).sum(1) ** (1 / p)


def _slope(difference: Any, norm: Any, p: float) -> Any:
    """The gradient of a ``p``-norm; 0 at the origin, and for ``p`` below 1 where the vector is 0, as in torch."""
    if p == 1:
        return np.sign(difference)
    if p == 2:
        return np.where(norm == 0, 0, difference / norm)
    size = np.abs(difference)
    if p == np.inf:
        return np.where(size == norm, np.sign(difference), 0)
    flat = (norm == 0) | (difference == 0) if p < 1 else norm == 0
    return np.where(flat, 0, np.sign(difference) * (size / norm) ** (p - 1))


@primitive(name="PdistBackwardBackward0")
def _pdist_backward(grad: Any, input: Any, result: Any, /, p: float) -> Any:
    found = np.zeros(input.shape, input.dtype)
    if p and input.shape[1]:
        flow = grad[:, None] * _slope(_differences(input), result[:, None], p)
        first, second = np.triu_indices(len(input), 1)
        np.add.at(found, first, flow)
        np.subtract.at(found, second, flow)
    return found


_pdist_backward.defvjp(*(unwritten("_pdist_backward"),) * 3)
_pdist.defvjp(lambda grad, input, result, p: _pdist_backward(grad, input, result, p))
_pdist.defjvp(no_tangent("_pdist_forward"))


def pdist(input: Any, p: float = 2) -> Any:
    """The ``p``-norm of the difference of each pair of rows.

    Shapes: ``(N, M)`` to ``(N * (N - 1) / 2,)``, the pairs in order.
    Errors: RuntimeError for anything but a matrix of floats, or a negative ``p``.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if input._array.dtype.kind in "biu":
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    return _pdist(input, float(p))
