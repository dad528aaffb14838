"""Resampling along dimensions: averages over windows and interpolation are one linear map a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.primitive import PrimitiveFunction, primitive


@dataclass(frozen=True, slots=True)
class Taps:
    """A linear map of ``size`` elements: output ``o`` is the sum over ``k`` of ``weight[o, k] * input[index[o, k]]``.

    An index of -1 stands for no tap, where an output has fewer than others.
    """

    index: Any
    weight: Any
    size: int

    def transposed(self) -> Taps:
        """The transpose of the map, which is what its gradient does."""
        row, k = np.nonzero(self.index >= 0)
        column = self.index[row, k]
        order = np.argsort(column, kind="stable")
        uses = np.bincount(column, minlength=self.size)
        slot = np.arange(len(column)) - np.repeat(np.cumsum(uses) - uses, uses)
        index = np.full((self.size, max(uses.max(initial=0), 1)), -1)
        weight = np.zeros(index.shape)
        index[column[order], slot], weight[column[order], slot] = row[order], self.weight[row, k][order]
        return Taps(index, weight, len(self.index))

    def apply(self, array: Any, axis: int) -> Any:
        """``array`` with the dimension ``axis`` mapped."""
        count, taps = self.index.shape
        lead, rest = array.shape[:axis], array.shape[axis + 1 :]
        flat = array.reshape(int(np.prod(lead)), self.size, int(np.prod(rest)))
        if not self.size or not count:
            return np.zeros((*lead, count, *rest), array.dtype)
        taken = flat[:, self.index]
        if (self.index < 0).any():
            taken = np.where(self.index[:, :, None] < 0, array.dtype.type(0), taken)
        weight = self.weight.astype(array.dtype)
        mapped = taken[:, :, 0] * weight[:, 0, None] if taps == 1 else np.einsum("aokb,ok->aob", taken, weight)
        return mapped.reshape(*lead, count, *rest)


def ranges(start: Any, stop: Any, share: Any, size: int) -> Taps:
    """The taps of outputs that are ``share`` times the sum of the inputs from ``start`` to ``stop``."""
    width = max((stop - start).max(initial=0), 1)
    index = start[:, None] + np.arange(width)
    live = index < stop[:, None]
    return Taps(np.where(live, index, -1), np.where(live, np.broadcast_to(share, start.shape)[:, None], 0.0), size)


def _apply(input: Any, taps: tuple[Taps, ...]) -> Any:
    kind = input.dtype
    wide = kind.kind in "iu" or (kind.kind in "fV" and kind.itemsize == 2)
    result = input.astype(np.float64 if kind.kind in "iu" else np.float32) if wide else input
    for axis, tap in enumerate(taps, input.ndim - len(taps)):
        result = tap.apply(result, axis)
    if kind.kind in "iu":  # averages of integers are cut, once what binary fractions added is off
        result = np.round(result, 9)
    return np.ascontiguousarray(result, kind)


def _transposed(taps: tuple[Taps, ...]) -> tuple[Taps, ...]:
    return tuple(tap.transposed() for tap in taps)


def resampler(name: str, *, keeps_input: bool = False) -> PrimitiveFunction:
    """The primitive that maps the last dimensions of an array by taps, recorded as ``name``.

    ``keeps_input`` is for those whose gradient, in PyTorch, is a function of the input too: a constant one.
    """

    @primitive(name=name)
    def resample(input: Any, /, taps: tuple[Taps, ...]) -> Any:
        return _apply(input, taps)

    if keeps_input:
        resample.defvjp(lambda grad, input, taps: _backward(grad, input, _transposed(taps)))
    else:
        resample.defvjp(lambda grad, taps: _resample(grad, _transposed(taps)))
    resample.defjvp(lambda tangent, taps: _resample(tangent, taps))
    return resample


@primitive()
def _backward(grad_output: Any, input: Any, /, taps: tuple[Taps, ...]) -> Any:
    return _apply(grad_output, taps)


_backward.defvjp(
    lambda grad, taps: _resample(grad, _transposed(taps)),
    lambda grad, input_shape: ops.zeros_as(grad, input_shape),
)
_resample = resampler("ResampleBackward0")
