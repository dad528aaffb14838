"""Orderings along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims
from refgrad.engine.ops import return_types
from refgrad.engine.ops.extremum import check_nonempty, put_back
from refgrad.engine.primitive import primitive

__all__ = ["argsort", "kthvalue", "msort", "sort", "topk"]


def _order(input: Any, dim: int, descending: bool) -> Any:
    """The stable order along ``dim``; nan counts as the largest."""
    if not descending:
        return np.argsort(input, dim, kind="stable")
    backwards = np.flip(np.argsort(np.flip(input, dim), dim, kind="stable"), dim)
    return input.shape[dim] - 1 - backwards


def _sorted(input: Any, dim: int, descending: bool) -> tuple[Any, Any]:
    dim = dims.wrap(dim, input.ndim)
    if not input.ndim:
        return input.copy(), np.int64(0)
    indices = _order(input, dim, descending)
    return np.take_along_axis(input, indices, dim), indices


@primitive(name="SortBackward0", outputs=("values", "indices"))
def _sort(input: Any, /, dim: int, descending: bool) -> Any:
    return _sorted(input, dim, descending)


@primitive(name="SortBackward1", outputs=("values", "indices"))
def _sort_stable(input: Any, /, stable: bool, dim: int, descending: bool) -> Any:
    return _sorted(input, dim, descending)


for _op in (_sort, _sort_stable):  # the gradient follows the indices
    _op.defvjp(lambda grad, indices, input_shape, dim: put_back(grad, indices, input_shape, dim, True))


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """The elements in order along ``dim``, and where they were; equal ones keep their order."""
    found = _sort(input, dim, descending) if stable is None else _sort_stable(input, stable, dim, descending)
    return return_types.sort(*found)


def msort(input: Any) -> Any:
    """The elements in order along the first dimension."""
    return sort(input, 0)[0]


@primitive()
def argsort(input: Any, /, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """The indices that would sort the elements along ``dim``."""
    return _sorted(input, dim, descending)[1]


@primitive(name="TopkBackward0", outputs=("values", "indices"))
def _topk(input: Any, /, k: int, dim: int, largest: bool) -> Any:
    dim = dims.wrap(dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if not input.ndim:
        return input.copy(), np.int64(0)
    indices = np.take(_order(input, dim, largest), range(k), dim)
    return np.take_along_axis(input, indices, dim), indices


_topk.defvjp(lambda grad, indices, input_shape, dim: put_back(grad, indices, input_shape, dim, True))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest or smallest elements along ``dim``, in order, and where they were.

    Errors: RuntimeError where there are fewer.
    """
    return return_types.topk(*_topk(input, k, dim, largest))


def _selected(row: Any, k: int) -> Any:
    """Where the ``k``-th smallest element of a row was, by partitions around the median of three.

    Source: Hoare, "Algorithm 65: find" (1961), with Singleton's pivot, in whose steps PyTorch's takes equal elements.
    """
    order = [(value != value, value) for value in row.tolist()]  # nan is the largest
    places = list(range(len(order)))

    def swap(i: int, j: int) -> None:
        places[i], places[j] = places[j], places[i]

    def above(i: int, j: int) -> bool:
        return bool(order[places[i]] > order[places[j]])

    low, high = 0, len(places) - 1
    while high > low + 1:
        swap(low + (high - low) // 2, low + 1)
        for i, j in ((low + 1, high), (low, high), (low + 1, low)):
            if above(i, j):
                swap(i, j)
        i, j = low + 1, high
        while True:
            i = next(n for n in range(i + 1, len(places)) if not above(low, n))
            j = next(n for n in range(j - 1, -1, -1) if not above(n, low))
            if j < i:
                break
            swap(i, j)
        swap(low, j)
        low, high = (i if j <= k else low), (j - 1 if j >= k else high)
    if high == low + 1 and above(low, high):
        swap(low, high)
    return np.array([places[k]])


@primitive(name="KthvalueBackward0", outputs=("values", "indices"))
def _kthvalue(input: Any, /, k: int, dim: int, keepdim: bool) -> Any:
    dim = dims.wrap(dim, input.ndim)
    check_nonempty("kthvalue", input.shape, dim)
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    if not input.ndim:
        return input.copy(), np.int64(0)
    indices = np.take(_order(input, dim, False), [k - 1], dim)
    values = np.take_along_axis(input, indices, dim)
    equal = (input == values) | ((input != input) & (values != values))
    if np.any(np.sum(equal, dim) > 1):  # of equal ones PyTorch takes that which its way of selecting leaves there
        indices = np.apply_along_axis(_selected, dim, input, k - 1)
    return (values, indices) if keepdim else (np.squeeze(values, dim), np.squeeze(indices, dim))


_kthvalue.defvjp(lambda grad, indices, input_shape, dim, keepdim: put_back(grad, indices, input_shape, dim, keepdim))


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The ``k``-th smallest element along ``dim``, and where it was.

    Errors: RuntimeError where there are fewer.
    """
    return return_types.kthvalue(*_kthvalue(input, k, dim, keepdim))
