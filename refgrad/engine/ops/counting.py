"""Counts of elements, in bins and of equals; these have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import no_derivative, unwritten
from refgrad.engine.primitive import primitive, wrap

__all__ = ["bincount", "histc", "histogram", "unique", "unique_consecutive"]


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each integer from 0 on is met, or the sum of its weights.

    Errors: RuntimeError for other than a vector of integers from 0 on, weights that do not fit, or a negative length.
    """
    array = np.asarray(input._array)
    if array.dtype.kind not in "iu":
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{dtypes.scalar_title(array.dtype)}'")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if array.ndim != 1 or np.any(array < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return wrap(np.bincount(array, None, minlength))
    if weights._array.shape != array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = np.float32 if weights._array.dtype == np.float32 else np.float64
    return wrap(np.bincount(array, weights._array.astype(np.float64), minlength).astype(kind))


def _range(name: str, array: Any, low: Any, high: Any, margin: float) -> tuple[Any, Any]:
    """The outer edges of the bins; those of the elements where none are given, ``margin`` away where they are one."""
    if low == high == 0 and array.size:
        low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return (low - margin, high + margin) if low == high else (low, high)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements are in each of ``bins`` bins of one width between ``min`` and ``max``.

    Errors: RuntimeError for no bins or a range that is none.
    """
    array = np.asarray(input._array)
    if array.dtype.kind not in "f":
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{dtypes.scalar_title(array.dtype)}'")
    _check_bins(bins)
    low, high = (array.dtype.type(edge) for edge in _range("torch.histc", array, min, max, 1))
    inside = array[(array >= low) & (array <= high)].reshape(-1)
    places = np.minimum(((inside - low) * array.dtype.type(bins) / (high - low)).astype(np.int64), bins - 1)
    return wrap(np.bincount(places, minlength=bins).astype(array.dtype))


def _check_bins(bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


@primitive(name="NotImplemented", outputs=("hist", "bin_edges"))
def _histogram(input: Any, weight: Any, /, bins: Any, range: Any, density: bool) -> Any:
    array = np.reshape(input, -1)
    if array.dtype.kind != "f":
        raise NotImplementedError(f"\"histogramdd\" not implemented for '{dtypes.scalar_title(array.dtype)}'")
    edges = bins
    if isinstance(bins, int):
        _check_bins(bins)
        low, high = range or (0, 0)
        edges = np.linspace(*_range("torch.histogram()", array, low, high, 0.5), bins + 1, dtype=array.dtype)
    sums = None if weight is None else np.reshape(weight, -1)
    found = np.histogram(array, np.asarray(edges), weights=sums, density=density)[0]
    return found.astype(array.dtype), np.array(edges, array.dtype)


_histogram.defvjp(no_derivative("histogram"), no_derivative("histogram"))


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """How many elements (or of what weight) are in each bin, and the edges of the bins, which may be given."""
    edges = bins._array if isinstance(bins, TensorBase) else bins
    return return_types.histogram(*_histogram(input, weight, edges, None if range is None else tuple(range), density))


# equals ---------------------------------------------------------------------------------------------------------------


def _distinct(input: Any, dim: int | None) -> tuple[Any, Any, Any]:
    axis = None if dim is None else dims.wrap(dim, input.ndim)
    _check_slices(input, axis)
    rows = np.reshape(input, -1) if axis is None else np.moveaxis(input, axis, 0)
    kept, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True, axis=0, equal_nan=False)
    return _placed(kept, axis), np.reshape(inverse, np.shape(input) if dim is None else -1), counts


def _check_slices(array: Any, axis: int | None) -> None:
    if axis is not None and not array.size and array.shape[axis]:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")


def _placed(rows: Any, axis: int | None) -> Any:
    return rows if axis is None else np.moveaxis(rows, 0, axis)


_PARTS = ("output", "inverse", "counts")


@primitive(name="Unique2Backward0", outputs=_PARTS)
def _unique2(input: Any, /) -> Any:
    return _distinct(input, None)


@primitive(name="UniqueDimBackward0", outputs=_PARTS)
def _unique_dim(input: Any, /, dim: int) -> Any:
    return _distinct(input, dim)


@primitive(name="UniqueConsecutiveBackward0", outputs=_PARTS)
def _unique_consecutive(input: Any, /, dim: int | None) -> Any:
    axis = None if dim is None else dims.wrap(dim, input.ndim)
    _check_slices(input, axis)
    rows = np.reshape(input, -1) if axis is None else np.moveaxis(input, axis, 0)
    changes = np.any(rows[1:] != rows[:-1], axis=tuple(range(1, rows.ndim)))
    new = np.concatenate((np.ones(min(len(rows), 1), bool), changes))
    inverse = np.reshape(np.cumsum(new) - 1, np.shape(input) if dim is None else -1)
    return _placed(rows[new], axis), inverse, np.diff(np.append(np.flatnonzero(new), len(rows)))


for _op in (_unique2, _unique_dim, _unique_consecutive):
    _op.defvjp(unwritten(_op.__name__ if _op is _unique2 else _op.__name__.strip("_")))


def _wanted(found: tuple[Any, Any, Any], return_inverse: bool, return_counts: bool) -> Any:
    parts = (found[0], *[found[1]] * return_inverse, *[found[2]] * return_counts)
    return parts if len(parts) > 1 else parts[0]


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct elements (or slices along ``dim``) in order; its derivative is an error, as in PyTorch."""
    found = _unique2(input) if dim is None else _unique_dim(input, dim)
    return _wanted(found, return_inverse, return_counts)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (or slices along ``dim``) that differ from the one before; its derivative is an error."""
    return _wanted(_unique_consecutive(input, dim), return_inverse, return_counts)
