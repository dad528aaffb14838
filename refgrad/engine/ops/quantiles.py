"""Quantiles, and the element that is met most often."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops import return_types
from refgrad.engine.ops.extremum import check_nonempty, put_back
from refgrad.engine.primitive import primitive, wrap

__all__ = ["mode", "nanquantile", "quantile"]


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The values below which the shares ``q`` of the elements lie along ``dim``; nan where there is one.

    Errors: RuntimeError for shares outside [0, 1], types other than float and double, or another interpolation.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """As ``quantile``, of what is not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(name: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Any:
    if not isinstance(q, (TensorBase, int, float)):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got (Tensor, {type(q).__name__}), but expected "
            "one of:"
        )
    if not isinstance(q, TensorBase):
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        q = wrap(np.asarray(q, input._array.dtype)[()])
    _check_quantile(input, q, interpolation)
    at = None if dim is None else dims.wrap(dim, input.ndim)
    ordered = _ordered(input, at, keepdim)
    values = _interpolated(ordered, _ranks(name, ordered, q), interpolation)
    return values.squeeze_(-1) if not q.ndim else values.unsqueeze_(0).transpose_(0, -1).squeeze_(-1)


def _check_quantile(input: Any, q: Any, interpolation: str) -> None:
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if input._array.dtype not in (np.float32, np.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if q._array.dtype != input._array.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not np.all((q._array >= 0) & (q._array <= 1)):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")


def _ordered(input: Any, dim: int | None, keepdim: bool) -> Any:
    """The elements in order along a last dimension, behind the shape of the result."""
    shape = list(input.shape) if dim is not None and input.ndim else [1] * input.ndim * keepdim
    if dim is not None and input.ndim:
        shape[dim : dim + 1] = [1] * keepdim
    if dim is None:
        ordered = ops.sort(ops.flatten(input))[0]
    elif dim == input.ndim - 1:
        ordered = ops.sort(input)[0]
    else:
        ordered = ops.sort(ops.transpose(ops.unsqueeze(input, -1), dim, -1))[0]
    return ops.view(ordered, (*shape, int(ordered.shape[-1])))


def _ranks(name: str, ordered: Any, q: Any) -> Any:
    """Where in the order each share lies."""
    if name == "nanquantile":
        ranks = q * (ops.sum(ops.logical_not(ops.isnan(ordered)), -1, True) - 1)
        return ops.masked_fill(ranks, ranks < 0, 0)
    last = int(ordered.shape[-1]) - 1
    ranks, unknown = ops.broadcast_tensors(q * last, ops.any(ops.isnan(ordered), -1, True))
    return ops.masked_fill(ranks, unknown, last)


def _interpolated(ordered: Any, ranks: Any, interpolation: str) -> Any:
    rounded: dict[str, Any] = {"lower": ops.floor, "higher": ops.ceil, "nearest": ops.round}
    if interpolation in rounded:
        return ops.gather(ordered, -1, _whole(rounded[interpolation](ranks)))
    below = _whole(ranks)
    weights = ranks - below if interpolation == "linear" else ops.ones_as(ranks, tuple(ranks.shape)) * 0.5
    values, above = ops.gather(ordered, -1, below), ops.gather(ordered, -1, _whole(ops.ceil(ranks)))
    return ops.lerp(values, above, weights)


def _whole(ranks: Any) -> Any:
    return ops.to_copy(ranks, dtypes.int64.numpy)


# mode -----------------------------------------------------------------------------------------------------------------


@primitive(name="ModeBackward0", outputs=("values", "indices"))
def _mode(input: Any, /, dim: int, keepdim: bool) -> Any:
    dim = dims.wrap(dim, input.ndim)
    check_nonempty("mode", input.shape, dim)
    if not input.ndim:
        return input.copy(), np.int64(0)
    rows = np.moveaxis(input, dim, -1)
    found = np.array([_most_often(row) for row in rows.reshape(-1, rows.shape[-1])], np.int64)
    indices = np.expand_dims(found.reshape(rows.shape[:-1]), dim)
    values = np.take_along_axis(input, indices, dim)
    return (values, indices) if keepdim else (np.squeeze(values, dim), np.squeeze(indices, dim))


def _most_often(row: Any) -> int:
    """The last position of the element that is met most often; of several such, the smallest."""
    values, counts = np.unique(row, return_counts=True, equal_nan=False)
    matches = np.flatnonzero(row == values[np.argmax(counts)])
    return int(matches[-1]) if matches.size else 0


_mode.defvjp(lambda grad, indices, input_shape, dim, keepdim: put_back(grad, indices, input_shape, dim, keepdim))


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The element that is met most often along ``dim``, the smallest of several, and where it was last."""
    return return_types.mode(*_mode(input, dim, keepdim))
