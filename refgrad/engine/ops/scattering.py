"""Reductions into positions along a dimension: ``scatter_reduce`` and ``index_reduce``, of which one rule serves both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.ops.forms import _is_array, recorded
from refgrad.engine.ops.gathering import _lifted, _scatter_key, check_types
from refgrad.engine.ops.selection import _check_index_add
from refgrad.engine.primitive import primitive

__all__ = ["index_reduce", "scatter_reduce"]

_REDUCTIONS: dict[str, tuple[Any, Any]] = {
    "sum": (np.add, lambda kind: 0),
    "mean": (np.add, lambda kind: 0),
    "prod": (np.multiply, lambda kind: 1),
    "amax": (np.maximum, lambda kind: _lowest(kind)),
    "amin": (np.minimum, lambda kind: -_lowest(kind) if kind.kind in "fV" else ~_lowest(kind)),
}


def _lowest(kind: Any) -> Any:
    """What any element of a type is at least."""
    if kind.kind in "fV":
        return -np.inf
    return np.False_ if kind.kind == "b" else kind.type(np.iinfo(kind).min)


def _reduced(input: Any, key: Any, src: Any, reduce: str, include_self: bool) -> Any:
    """A copy of ``input`` with ``src`` reduced into the positions of a NumPy key."""
    ufunc, identity = _REDUCTIONS[reduce]
    result = np.array(input, order="C")
    whole = result if result.ndim else result.reshape(1)
    if not include_self:
        whole[key] = identity(input.dtype)
    ufunc.at(whole, key, src)
    if reduce == "mean":
        count = np.full(whole.shape, include_self, np.int64)
        np.add.at(count, key, 1)
        count[count == 0] = 1
        whole[...] = whole / count if whole.dtype.kind in "fcV" else whole // count.astype(whole.dtype)
    return result


# one rule, two ways to address ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Addressing:
    """How an op reads, adds to and clears positions, and what it does with its own reduction."""

    read: Callable[..., Any]
    add: Callable[..., Any]
    clear: Callable[..., Any]
    reduce: Callable[..., Any]


def _gradients(at: Addressing, grad: Any, call: Any) -> tuple[Any, Any]:
    """The gradients of input and source."""
    input, dim, index, src, reduce, include_self, result = call
    if reduce == "sum":
        to_input, to_src = grad, at.read(grad, dim, index)
    elif reduce == "mean":
        to_input, to_src = _of_mean(at, grad, dim, index, src, include_self)
    elif reduce == "prod":
        to_input, to_src = _of_prod(at, grad, call)
    else:
        to_input, to_src = _of_extreme(at, grad, input, dim, index, src, result)
    return (to_input if include_self else at.clear(to_input, dim, index)), to_src


def _of_mean(at: Addressing, grad: Any, dim: int, index: Any, src: Any, include_self: bool) -> tuple[Any, Any]:
    own = ops.ones_as(grad, tuple(grad.shape)) if include_self else ops.zeros_like(grad)
    count = at.add(own, dim, index, ops.ones_as(src, tuple(src.shape)))
    count = ops.masked_fill(count, count == 0, 1)
    return grad / count, at.read(grad, dim, index) / at.read(count, dim, index)


def _of_prod(at: Addressing, grad: Any, call: Any) -> tuple[Any, Any]:
    """Of a zero the gradient is the product of the others; a second zero at the same position makes that 0."""
    input, dim, index, src, reduce, include_self, result = call
    whole = ops.masked_fill(input, input == 0, 1)
    to_input = grad * at.reduce(whole, dim, index, src, reduce, include_self) / whole
    zero = src == 0
    ones = ops.masked_fill(ops.zeros_like(src), zero, 1)
    zeros = at.read(at.add(ops.zeros_like(input), dim, index, ones), dim, index)
    single = ops.logical_and(zero, zeros == 1)
    others = at.reduce(input, dim, index, ops.masked_fill(src, single, 1), reduce, include_self)
    quotient = at.read(grad * result, dim, index) / ops.masked_fill(src, zero, 1)
    return to_input, ops.where(single, at.read(grad * others, dim, index), quotient)


def _of_extreme(at: Addressing, grad: Any, input: Any, dim: int, index: Any, src: Any, result: Any) -> tuple[Any, Any]:
    # at a tie torch splits evenly between all equals, the input's own element included
    own = ops.masked_fill(ops.zeros_like(input), input == result, 1)
    sources = ops.masked_fill(ops.zeros_like(src), src == at.read(result, dim, index), 1)
    share = grad / at.add(own, dim, index, sources)
    return own * share, sources * at.read(share, dim, index)


def _rules(at: Addressing) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def to_input(
        grad: Any, input: Any, src: Any, index: Any, result: Any, dim: int, reduce: str, include_self: bool
    ) -> Any:
        return _gradients(at, grad, (input, dim, index, src, reduce, include_self, result))[0]

    def to_src(
        grad: Any, input: Any, src: Any, index: Any, result: Any, dim: int, reduce: str, include_self: bool
    ) -> Any:
        return _gradients(at, grad, (input, dim, index, src, reduce, include_self, result))[1]

    return to_input, to_src


# the two ops ----------------------------------------------------------------------------------------------------------


@primitive(name="ScatterReduceBackward0")
def _scatter_reduce(input: Any, src: Any, index: Any, /, dim: int, reduce: str, include_self: bool) -> Any:
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    check_types(input, src)
    dim = dims.wrap(dim, input.ndim)
    key = _scatter_key(input, index, src, dim)
    if not index.size:
        return np.array(input, order="C")
    (values,) = _lifted(src)
    return _reduced(input, key, values[tuple(np.s_[:n] for n in np.shape(index) or (1,))], reduce, include_self)


@recorded
def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """A copy of ``input`` with ``src`` reduced (``sum``, ``prod``, ``mean``, ``amax``, ``amin``) at ``index``.

    Errors: RuntimeError for another reduction; as ``scatter``.
    """
    if not _is_array(src):
        raise TypeError(f"scatter_reduce(): argument 'src' (position 4) must be Tensor, not {type(src).__name__}")
    return _scatter_reduce, (input, src, index), (dim, reduce, include_self)


@primitive(name="IndexReduceBackward0")
def _index_reduce(input: Any, src: Any, index: Any, /, dim: int, reduce: str, include_self: bool) -> Any:
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    dim = dims.wrap(dim, input.ndim)
    _check_index_add(input, src, index, dim, "index_reduce_")
    return _reduced(input, (np.s_[:],) * dim + (index.reshape(-1),), src, reduce, include_self)


@recorded
def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """A copy of ``input`` with ``source`` reduced (``prod``, ``mean``, ``amax``, ``amin``) into the slices at ``index``.

    Errors: RuntimeError for another reduction; as ``index_add``.
    """
    return _index_reduce, (input, source, index), (dim, reduce, include_self)


_scatter_reduce.defvjp(
    *_rules(
        Addressing(
            lambda x, dim, index: ops.gather(x, dim, index),
            lambda x, dim, index, src: ops.scatter_add(x, dim, index, src),
            lambda x, dim, index: ops.scatter(x, dim, index, 0.0),
            lambda x, dim, index, src, reduce, own: _scatter_reduce(x, src, index, dim, reduce, own),
        )
    )
)
_index_reduce.defvjp(
    *_rules(
        Addressing(
            lambda x, dim, index: ops.index_select(x, dim, index),
            lambda x, dim, index, src: ops.index_add(x, dim, index, src),
            lambda x, dim, index: ops.index_fill(x, dim, index, 0.0),
            lambda x, dim, index, src, reduce, own: _index_reduce(x, src, index, dim, reduce, own),
        )
    )
)
