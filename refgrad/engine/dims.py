"""Dimensions: wrapping negative ones, reading size arguments, and the shape that broadcasting gives."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any, cast


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as ``torch.Size([...])``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements in a tensor of this shape."""
        return prod(self)

    def __getitem__(self, key: Any) -> Any:
        item = tuple.__getitem__(self, key)
        return Size(item) if isinstance(key, slice) else item

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return Size(tuple.__add__(other, self))

    def __mul__(self, count: Any) -> Any:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__


def wrap(dim: int, ndim: int) -> int:
    """``dim`` counted from the front.

    Errors: IndexError where the tensor has no such dimension.
    """
    bound = ndim or 1  # a 0-d tensor accepts -1 and 0
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim % bound


def axes(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The dimensions that a reduction runs over; none given means all.

    Errors: RuntimeError where one is named twice.
    """
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = index(cast(int, dim))
        return (wrap(dim, ndim),) if ndim else _nothing(wrap(dim, ndim))
    wrapped = tuple(wrap(d, ndim) for d in dim)
    for i, d in enumerate(wrapped):
        if d in wrapped[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return (wrapped or tuple(range(ndim))) if ndim else ()


def _nothing(_: int) -> tuple[int, ...]:
    return ()


def sizes(args: Sequence[Any]) -> tuple[int, ...]:
    """Read ``(2, 3)``, ``([2, 3],)`` and ``(Size,)`` alike."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = args[0]
    return tuple(index(n) for n in args)


def infer(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """``shape`` with its one ``-1`` filled in.

    Errors: RuntimeError where the elements do not fit.
    """
    for i, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    known = prod(n for n in shape if n != -1)
    holes = sum(n == -1 for n in shape)
    if holes > 1:
        raise RuntimeError("only one dimension can be inferred")
    if holes and known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    fits = numel % known == 0 if holes and known else known == numel
    if not fits:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(numel // known if n == -1 else n for n in shape)


def broadcast(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The shape that ``a`` and ``b`` broadcast to.

    Errors: RuntimeError naming the first dimension, from the back, that does not match.
    """
    ndim = max(len(a), len(b))
    left, right = (1,) * (ndim - len(a)) + tuple(a), (1,) * (ndim - len(b)) + tuple(b)
    for i in reversed(range(ndim)):
        if left[i] != right[i] and 1 not in (left[i], right[i]):
            raise RuntimeError(
                f"The size of tensor a ({left[i]}) must match the size of tensor b ({right[i]}) at non-singleton "
                f"dimension {i}"
            )
    return tuple(m if n == 1 else n for n, m in zip(left, right))


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a new tensor, in elements; those of nothing too, which NumPy has as zeros."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def permutation_inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes ``permutation``."""
    inverse = [0] * len(permutation)
    for i, d in enumerate(permutation):
        inverse[d] = i
    return tuple(inverse)
