"""The order in memory of a result: PyTorch's, where NumPy would choose another."""

from __future__ import annotations

from typing import Any

import numpy as np


def contiguous(result: Any, *arrays: Any) -> Any:
    """What PyTorch reduces is in rows, however its input lies."""
    return result if result.flags.c_contiguous else np.ascontiguousarray(result)


def ordered(result: Any, *arrays: Any) -> Any:
    """An elementwise result whose dimensions lie as its inputs' do; where those differ, as the first one's.

    NumPy falls back on rows there. Where all inputs are in rows both do the same, which is told fast.
    """
    flags = result.flags
    if flags.c_contiguous and flags.f_contiguous:  # no two dimensions are longer than 1: columns, rows
        return result
    for array in arrays:
        if array.__class__ is np.ndarray and not array.flags.c_contiguous:
            return arranged(result, [a for a in arrays if a.__class__ is np.ndarray])
    return result


def arranged(result: Any, arrays: list[Any]) -> Any:
    """``result`` with its dimensions in PyTorch's order, copied if they are not."""
    slowest_first = permutation(result.shape, [broadcast_strides(a, result.shape) for a in arrays])[::-1]
    strides, step = [0] * result.ndim, result.itemsize
    for dim in reversed(slowest_first):
        strides[dim], step = step, step * result.shape[dim]
    if all(n <= 1 or held == wanted for n, held, wanted in zip(result.shape, result.strides, strides)):
        return result
    memory = np.empty([result.shape[dim] for dim in slowest_first], result.dtype)
    copy = memory.transpose(np.argsort(slowest_first))
    copy[...] = result
    return copy


def broadcast_strides(array: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides with which ``array`` is read as if it had ``shape``: 0 where it is repeated."""
    missing = len(shape) - array.ndim
    held = zip(array.shape, array.strides, shape[missing:])
    return (*(0,) * missing, *(0 if n == 1 and n != wanted else stride for n, stride, wanted in held))


def permutation(shape: tuple[int, ...], strides: list[tuple[int, ...]]) -> list[int]:
    """The dimensions from the fastest to the slowest.

    Source: PyTorch's TensorIterator, ``reorder_dimensions``: an insertion sort that passes over ties.
    """
    order = list(range(len(shape)))[::-1]
    for i in range(1, len(order)):
        at = i
        for before in range(i - 1, -1, -1):
            sign = compared(order[before], order[at], shape, strides)
            if sign < 0:
                break
            if sign > 0:
                order[before], order[at], at = order[at], order[before], before
    return order


def compared(first: int, second: int, shape: tuple[int, ...], strides: list[tuple[int, ...]]) -> int:
    """Above 0 if dimension ``first`` is the slower one; the first input that can tell does, and 0 if none can."""
    for each in strides:
        if not (each[first] and each[second]):
            continue  # repeated along one of them
        if each[first] != each[second]:
            return 1 if each[first] > each[second] else -1
        if shape[first] > shape[second]:
            return 1
    return 0
