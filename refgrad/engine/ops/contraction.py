"""Einstein's summation."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from refgrad.engine import ops

__all__ = ["einsum"]

_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_ELLIPSIS = "."  # in a list of subscripts, where the equation has three of them


def einsum(*args: Any) -> Any:
    """The sum over subscripts that the output does not have, of the products of the operands' elements.

    It takes an equation and operands, or operands each with a list of subscripts and the output's list last.

    Errors: RuntimeError, ValueError for an equation that says nothing or does not fit its operands.
    """
    equation, operands = _read(args)
    inputs, output = _parse(equation, len(operands))
    labels = [_spelled(i, subscripts, x.ndim) for i, (subscripts, x) in enumerate(zip(inputs, operands))]
    dots = max((sum(d.startswith("...") for d in names) for names in labels), default=0)
    target = _target(inputs, output, labels, dots)
    rest = [d for d in dict.fromkeys(d for names in labels for d in names) if d not in target]
    order = [*target, *sorted(rest)]
    aligned = [_aligned(i, x, names, order) for i, (x, names) in enumerate(zip(operands, labels))]
    _check_sizes(aligned, labels, order)
    return _contracted(aligned, len(target))


# reading --------------------------------------------------------------------------------------------------------------


def _read(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its "
            "subscripts list"
        )
    if not isinstance(args[0], str):
        equation = ",".join(map(_written, args[1::2]))
        if len(args) % 2:
            equation += "->" + _written(args[-1])
        return equation, list(args[: len(args) - len(args) % 2 : 2])
    operands = args[1:]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return args[0], list(operands)


def _written(subscripts: Sequence[Any]) -> str:
    return "".join("..." if s is Ellipsis else _letter(s) for s in subscripts)


def _letter(number: int) -> str:
    if not 0 <= number < len(_LETTERS):
        raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
    return _LETTERS[number]


def _parse(equation: str, count: int) -> tuple[list[list[str]], list[str] | None]:
    """The subscripts of each operand, and of the output where it is stated."""
    left, arrow, right = equation.partition("->")
    inputs: list[list[str]] = [[]]
    start = 0
    for part in left.split(","):
        if start:
            inputs.append([])
            if len(inputs) > count:
                raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
        inputs[-1] = _subscripts(part, start, f"for operand {len(inputs) - 1}", _FOR_OPERAND)
        start += len(part) + 1
    if len(inputs) < count:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    return inputs, _subscripts(right, len(left) + 2, "for output", _FOR_OUTPUT) if arrow else None


_FOR_OPERAND = ("that is not part of any ellipsis", "for which an ellipsis was already found")
_FOR_OUTPUT = ("that is not part of any ellipsis (...)", "but an ellipsis (...) was already found")


def _subscripts(text: str, start: int, where: str, told: tuple[str, str]) -> list[str]:
    found: list[str] = []
    i = 0
    while i < len(text):
        if text[i] == ".":
            if _ELLIPSIS in found:
                raise RuntimeError(f"einsum(): found '.' {where} {told[1]}")
            if text[i : i + 3] != "...":
                raise RuntimeError(f"einsum(): found '.' {where} {told[0]}")
            found.append(_ELLIPSIS)
            i += 3
            continue
        if text[i] != " ":
            if text[i] not in _LETTERS:
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {start + i} in the equation string, subscripts must be in "
                    "[a-zA-Z]"
                )
            found.append(text[i])
        i += 1
    return found


def _spelled(i: int, subscripts: list[str], ndim: int) -> list[str]:
    """A name for each dimension of an operand; those under the ellipsis are counted from the back."""
    named = [s for s in subscripts if s != _ELLIPSIS]
    if _ELLIPSIS not in subscripts and len(named) != ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(named)}) does not match the number of dimensions "
            f"({ndim}) for operand {i} and no ellipsis was given"
        )
    if len(named) > ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(named)}) is more than the number of dimensions "
            f"({ndim}) for operand {i}"
        )
    dots = [f"...{k}" for k in reversed(range(ndim - len(named)))]
    return [d for s in subscripts for d in (dots if s == _ELLIPSIS else [s])]


def _target(inputs: list[list[str]], output: list[str] | None, labels: list[list[str]], dots: int) -> list[str]:
    """The dimensions of the output: by default what is under the ellipsis, and the subscripts that occur once."""
    under = [f"...{k}" for k in reversed(range(dots))]
    if output is None:
        every = [s for subscripts in inputs for s in subscripts if s != _ELLIPSIS]
        return under + sorted(s for s in every if every.count(s) == 1)
    for s in output:
        if s != _ELLIPSIS and output.count(s) > 1:
            raise RuntimeError(f"einsum(): output subscript {s} appears more than once in the output")
        if s != _ELLIPSIS and not any(s in names for names in labels):
            raise RuntimeError(f"einsum(): output subscript {s} does not appear in the equation for any input operand")
    return [d for s in output for d in (under if s == _ELLIPSIS else [s])]


# computing ------------------------------------------------------------------------------------------------------------


def _aligned(i: int, operand: Any, names: list[str], order: list[str]) -> Any:
    """``operand`` with its dimensions in the common ``order``, of size 1 where it has none, diagonals taken."""
    names = list(names)
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first, second = [d for d, n in enumerate(names) if n == name][:2]
            sizes = operand.shape[second], operand.shape[first]
            if sizes[0] != sizes[1]:
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for operand {i} but the sizes don't match, {sizes[0]} != "
                    f"{sizes[1]}"
                )
            operand = ops.movedim(ops.diagonal(operand, 0, first, second), -1, first)
            names.pop(second)
    missing = [name for name in order if name not in names]
    for _ in missing:
        operand = ops.unsqueeze(operand, -1)
    names += missing
    return ops.permute(operand, tuple(names.index(name) for name in order))


def _check_sizes(operands: list[Any], labels: list[list[str]], order: list[str]) -> None:
    seen = dict.fromkeys(order, 1)
    for i, (x, names) in enumerate(zip(operands, labels)):
        for d, name in enumerate(dict.fromkeys(names)):
            size = x.shape[order.index(name)]
            if size != 1 and seen[name] not in (1, size):
                raise RuntimeError(f"einsum(): {_clash(name, d, size, i, seen[name])}")
            seen[name] = size if size != 1 else seen[name]


def _clash(name: str, d: int, size: int, i: int, seen: int) -> str:
    if not name.startswith("..."):
        return f"subscript {name} has size {size} for operand {i} which does not broadcast with previously seen size {seen}"
    return (  # without a space, as PyTorch has it
        f"dimension {d} covered by ellipsis in operand {i}has size {size} which does not broadcast with previously seen "
        f"ellipsis with size {seen} for the respective dimension"
    )


def _contracted(operands: list[Any], kept: int) -> Any:
    """The product of all, from left to right; a dimension is summed with the last operand that has it."""
    ndim = operands[0].ndim
    result = operands[0]
    if len(operands) == 1:
        extra = tuple(range(kept, ndim))
        return ops.sum(result, extra) if extra else result
    for i, other in enumerate(operands[1:], 1):
        later = operands[i + 1 :]
        done = [d for d in range(kept, ndim) if all(x.shape[d] == 1 for x in later)]
        result, both = _summed_alone(result, other, done)
        other, _ = _summed_alone(other, result, done)
        result = _pair(result, other, both)
    return ops.view(result, tuple(result.shape[:kept])) if ndim > kept else result


def _summed_alone(x: Any, other: Any, done: list[int]) -> tuple[Any, list[int]]:
    """``x`` summed over those of the dimensions that only it has, and those that both have."""
    alone = tuple(d for d in done if x.shape[d] != 1 and other.shape[d] == 1)
    both = [d for d in done if x.shape[d] != 1 and other.shape[d] != 1]
    return (ops.sum(x, alone, True) if alone else x), both


def _pair(left: Any, right: Any, summed: list[int]) -> Any:
    """The product of two, summed over some dimensions: one batched product of matrices."""
    if not summed:
        return left * right
    pairs = list(enumerate(zip(left.shape, right.shape)))
    free = [(d, sizes) for d, sizes in pairs if d not in summed]
    shared = [d for d, (m, n) in free if (m == 1) == (n == 1)]
    rows = [d for d, (m, n) in free if m != 1 and n == 1]
    columns = [d for d, (m, n) in free if m == 1 and n != 1]
    if rows and columns and columns[-1] < rows[0]:
        return _pair(right, left, summed)  # so that the result's rows come first in memory
    batch = [left.shape[d] for d in shared]
    outer, inner = [left.shape[d] for d in rows], [right.shape[d] for d in columns]
    size = math.prod(left.shape[d] for d in summed)
    a = ops.reshape(ops.permute(left, (*shared, *rows, *summed, *columns)), (math.prod(batch), math.prod(outer), size))
    b = ops.reshape(ops.permute(right, (*shared, *summed, *columns, *rows)), (math.prod(batch), size, math.prod(inner)))
    shape = (*batch, *outer, *(1 for _ in summed), *inner)
    order = (*shared, *rows, *summed, *columns)
    back = tuple(order.index(d) for d in range(len(order)))
    return ops.permute(ops.view(ops.bmm(a, b), shape), back)
