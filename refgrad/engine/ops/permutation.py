"""Dimensions in another order, and elements along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.ops.reshaping import _dense
from refgrad.engine.primitive import primitive
from refgrad.engine.views import view_primitive

__all__ = [
    "flip", "fliplr", "flipud", "movedim", "permute", "roll", "rot90", "swapaxes", "swapdims", "t", "transpose",
]  # fmt: skip


@view_primitive()
def transpose(input: Any, /, dim0: int, dim1: int) -> Any:
    """The input with two dimensions exchanged."""
    dim0, dim1 = dims.wrap(dim0, input.ndim), dims.wrap(dim1, input.ndim)
    return input.swapaxes(dim0, dim1) if input.ndim else input[...]


transpose.defvjp(lambda grad, dim0, dim1: ops.transpose(grad, dim0, dim1))

transpose.defjvp(lambda tangent, dim0, dim1: ops.transpose(tangent, dim0, dim1))


@view_primitive()
def t(input: Any, /) -> Any:
    """The transpose of a matrix; vectors stay as they are.

    Errors: RuntimeError beyond two dimensions.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


t.defvjp(lambda grad: ops.t(grad))

t.defjvp(lambda tangent: ops.t(tangent))


@view_primitive(name="PermuteBackward0")
def permute(input: Any, /, dims: Any) -> Any:
    """The input with its dimensions in the order ``dims``."""
    return input.transpose(_order(dims, input.ndim))


def _order(order: Sequence[int], ndim: int) -> tuple[int, ...]:
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            "ordering "
            f"of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    wrapped = tuple(dims.wrap(d, ndim) for d in order)
    if len(set(wrapped)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return wrapped


permute.defvjp(lambda grad, dims: ops.permute(grad, _inverse(dims)))

permute.defjvp(lambda tangent, dims: ops.permute(tangent, dims))


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    return dims.permutation_inverse(_order(order, len(order)))


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """The input with dimensions ``source`` moved to ``destination``."""
    ndim = input.ndim
    source, destination = (tuple(d) if isinstance(d, (tuple, list)) else (d,) for d in (source, destination))
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same "
            f"number of dims as "
            f"destination ({list(destination)} dims)"
        )
    source, destination = _distinct("source", source, ndim), _distinct("destination", destination, ndim)
    order = [d for d in range(ndim) if d not in source]
    for to, from_ in sorted(zip(destination, source)):
        order.insert(to, from_)
    return permute(input, tuple(order))


def _distinct(name: str, order: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    wrapped = tuple(dims.wrap(d, ndim) for d in order)
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(order)})")
    return wrapped if ndim else ()


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """The same as ``transpose``."""
    return transpose(input, axis0, axis1)


swapdims = swapaxes


@primitive()
def flip(input: Any, /, dims: Any) -> Any:
    """The input in reverse order along ``dims``."""
    return np.flip(input, _axes(dims, input.ndim)).copy("K")


def _axes(order: Any, ndim: int) -> tuple[int, ...]:
    """``order``, checked; empty for none, and for a 0-d tensor."""
    order = tuple(order) if isinstance(order, (tuple, list)) else (order,)
    return dims.axes(order, ndim) if order else ()


flip.defvjp(lambda grad, dims: ops.flip(grad, dims))

flip.defjvp(lambda tangent, dims: ops.flip(tangent, dims))


def fliplr(input: Any) -> Any:
    """The columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


def flipud(input: Any) -> Any:
    """The rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


@primitive(name="RollBackward0")
def _roll(input: Any, /, shifts: Any, dims: Any) -> Any:
    return _dense(np.asarray(np.roll(input, shifts, dims or None)))


_roll.defvjp(lambda grad, shifts, dims: _roll(grad, tuple(-s for s in reversed(shifts)), tuple(reversed(dims))))


def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    """The input rolled along ``dims``; without them, over the flattened elements.

    Errors: RuntimeError for shifts and dims of different length.
    """
    shifts = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,)
    if not shifts:
        raise RuntimeError("`shifts` required")
    order = _unique(dims, input.ndim) if dims is not None and dims != () else ()
    if len(shifts) != len(order) and (order or len(shifts) != 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(order)}")
    return _roll(input, shifts, order)


def _unique(order: Any, ndim: int) -> tuple[int, ...]:
    return tuple(dims.wrap(d, ndim) for d in (order if isinstance(order, (tuple, list)) else (order,)))


@primitive()
def rot90(input: Any, /, k: int = 1, dims: Any = (0, 1)) -> Any:
    """The input turned by 90 degrees ``k`` times, from the first towards the second of ``dims``.

    Errors: RuntimeError for other than two different dimensions.
    """
    first, second = _turning(tuple(dims), input.ndim)
    if k % 4 == 0:
        return np.array(input, order="C")
    if k % 4 == 2:
        return np.flip(input, (first, second)).copy("K")
    return np.flip(input, second if k % 4 == 1 else first).copy("K").swapaxes(first, second)


def _turning(order: tuple[int, ...], ndim: int) -> tuple[int, int]:
    if len(order) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(order)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    first, second = (dims.wrap(d, ndim) for d in order)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {order[0]} and dim1 = {order[1]}")
    return first, second


rot90.defvjp(lambda grad, k, dims: ops.rot90(grad, -k, dims))
