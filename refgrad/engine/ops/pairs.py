"""Distances: of two tensors as points, and of all pairs of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.forms import unwritten
from refgrad.engine.ops.matrices import mT
from refgrad.engine.ops.norms import norm_jvp, norm_of, norm_vjp
from refgrad.engine.primitive import primitive

__all__ = ["cdist", "cdist_backward", "dist"]


@primitive(promotes="yes")
def dist(input: Any, other: Any, /, p: float = 2) -> Any:
    """The ``p``-norm of the difference.

    Errors: RuntimeError for integers.
    """
    if input.dtype.kind in "biu":
        title = dtypes.scalar_title(input.dtype)
        raise RuntimeError(f"norm(): input dtype should be either floating point or complex. Got {title} instead.")
    return norm_of(np.abs(input - other), float(p), None, False)


def _dist_vjp(grad: Any, input: Any, other: Any, input_dtype: Any, result: Any, p: float) -> Any:
    difference = input - other
    return norm_vjp(grad, difference, input_dtype, tuple(difference.shape), result, p, None, False)


def _negative(value: Any) -> Any:
    return None if value is None else -value


dist.defvjp(
    _dist_vjp,
    lambda grad, input, other, input_dtype, result, p: _negative(_dist_vjp(grad, input, other, input_dtype, result, p)),
)


def _dist_jvp(tangent: Any, input: Any, other: Any, input_dtype: Any, result: Any, p: float) -> Any:
    difference = input - other
    tangent = ops.expand(tangent, tuple(difference.shape))
    return norm_jvp(tangent, difference, input_dtype, tuple(difference.shape), result, p, None, False)


dist.defjvp(
    _dist_jvp,
    lambda tangent, input, other, input_dtype, result, p: -_dist_jvp(tangent, input, other, input_dtype, result, p),
)


# between all pairs ----------------------------------------------------------------------------------------------------


@primitive(name="CdistBackward0")
def _cdist_forward(x1: Any, x2: Any, /, p: float) -> Any:
    return norm_of(np.abs(x1[..., :, None, :] - x2[..., None, :, :]), p, -1, False)


@primitive(name="CdistBackwardBackward0")
def cdist_backward(grad: Any, x1: Any, x2: Any, cdist: Any, /, p: float) -> Any:
    """The gradient of ``cdist`` for its first points; 0 where two points meet, whole for each of tied coordinates."""
    difference = x1[..., :, None, :] - x2[..., None, :, :]
    size, distance = np.abs(difference), cdist[..., None]
    if p == 0:
        return np.zeros(np.broadcast_shapes(x1.shape, difference.shape[:-2] + x1.shape[-1:]), x1.dtype)
    if np.isinf(p):
        share = size == distance
    else:
        share = np.where((size == 0) | (distance == 0), 0, size ** (p - 1) / distance ** (p - 1))
    return np.sum(np.sign(difference) * share * grad[..., None], -2).astype(x1.dtype)


cdist_backward.defvjp(*(unwritten("_cdist_backward"),) * 4)
_cdist_forward.defvjp(
    lambda grad, x1, x2, result, p: ops.cdist_backward(grad, x1, x2, result, p),
    lambda grad, x1, x2, result, p: ops.cdist_backward(mT(grad), x2, x1, mT(result), p),
)


def _no_tangent(tangent: Any) -> Any:
    raise NotImplementedError(
        "Trying to use forward AD with _cdist_forward that does not support it because it has not been implemented yet."
    )


_cdist_forward.defjvp(_no_tangent, _no_tangent)


@primitive()
def _euclidean_dist(x1: Any, x2: Any, /) -> Any:
    """By one product of matrices: ``|a|^2 - 2 a b + |b|^2``."""
    first, second = (np.sum(x * x, -1, keepdims=True) for x in (x1, x2))
    left = np.concatenate([-2 * x1, first, np.ones_like(first)], -1)
    right = np.concatenate([x2, np.ones_like(second), second], -1)
    return np.sqrt(np.maximum(left @ np.swapaxes(right, -1, -2), 0))


def _euclidean_vjp(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
    ratio = ops.masked_fill(grad / result, result == 0, 0)
    return x1 * ops.sum(ratio, -1, True) - ops.matmul(ratio, x2)


_euclidean_dist.defvjp(_euclidean_vjp, lambda grad, x1, x2, result: _euclidean_vjp(mT(grad), x2, x1, mT(result)))

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
_MANY = 25  # points, from which on torch multiplies matrices


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = _MODES[0]) -> Any:
    """The ``p``-norms of the differences of all pairs of rows.

    Errors: RuntimeError for a negative ``p``, integers, and rows of different lengths.
    """
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    _check_points(x1, x2, p)
    many = x1.shape[-2] > _MANY or x2.shape[-2] > _MANY
    batch = dims.broadcast(x1.shape[:-2], x2.shape[:-2])
    if p == 2 and (compute_mode == _MODES[1] or (compute_mode == _MODES[0] and many)):
        return ops.view(_euclidean_dist(x1, x2), (*batch, x1.shape[-2], x2.shape[-2]))
    return _cdist_forward(x1, x2, float(p))


def _check_points(x1: Any, x2: Any, p: float) -> None:
    arrays = [getattr(x, "_array", x) for x in (x1, x2)]
    for x, name in zip(arrays, ("X1", "X2")):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    titles = [dtypes.scalar_title(x.dtype) for x in arrays]
    for x, name, title in zip(arrays, ("X1", "X2"), titles):
        if x.dtype.kind not in "fV":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {title}")
    columns = [x.shape[-1] for x in arrays]
    if columns[0] != columns[1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {columns[0]} X2: {columns[1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if titles[0] != titles[1]:
        raise RuntimeError(f"expected scalar type {titles[0]} but found {titles[1]}")
