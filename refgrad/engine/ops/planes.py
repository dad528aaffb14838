"""Elements of planes by index, the planes being the last dimensions counted as one: what max pooling picks, and puts back.

Whichever way its windows are chosen, the gradient of a pooling by the largest element goes to the indices that it gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.sliding import Sizes
from refgrad.engine.primitive import PrimitiveFunction, primitive


def flat(array: Any, ndim: int) -> Any:
    """``array`` with its last ``ndim`` dimensions as one."""
    return array.reshape(*array.shape[: array.ndim - ndim], math.prod(array.shape[array.ndim - ndim :]))


@primitive()
def take(input: Any, indices: Any, /, ndim: int) -> Any:
    """The elements at ``indices`` into the last ``ndim`` dimensions."""
    return np.take_along_axis(flat(input, ndim), flat(indices, ndim), -1).reshape(indices.shape)


@primitive()
def add_at(input: Any, indices: Any, /, size: Sizes) -> Any:
    """Zeros of ``size`` with ``input`` added at ``indices``: the transpose of ``take``."""
    lead = input.shape[: input.ndim - len(size)]
    result = np.zeros((math.prod(lead), math.prod(size)), input.dtype)
    row, taken = np.arange(len(result))[:, None], flat(indices, len(size))
    shape = (len(result), taken.shape[-1])
    np.add.at(result, (row, taken.reshape(shape)), input.reshape(shape))
    return result.reshape(*lead, *size)


take.defvjp(
    input=lambda grad, indices, input_shape, ndim: add_at(grad, indices, input_shape[len(input_shape) - ndim :])
)
add_at.defvjp(input=lambda grad, indices, size: take(grad, indices, len(size)))


def chooser(name: str, choose: Callable[[Any, Any], Any]) -> PrimitiveFunction:
    """The primitive, recorded as ``name``, that gives the elements at the indices that ``choose(input, how)`` gives."""

    @primitive(name=name, outputs=("values", "indices"))
    def chosen(input: Any, /, ndim: int, how: Any) -> Any:
        indices = choose(input, how)
        return take.op.forward(input, indices, ndim), indices

    chosen.defvjp(lambda grad, input, indices, ndim: _backward(grad, input, indices, ndim))
    return chosen


@primitive(saves=("indices",))
def _backward(grad_output: Any, input: Any, indices: Any, /, ndim: int) -> Any:
    return add_at.op.forward(grad_output, indices, input.shape[input.ndim - ndim :])


_backward.defvjp(
    grad_output=lambda grad, indices, ndim: take(grad, indices, ndim),
    # PyTorch's rule is a function of the input, a constant one
    input=lambda grad, input_shape: ops.zeros_as(grad, input_shape),
)


def first_largest(values: Any, places: Any, axis: int) -> Any:
    """The place of the largest of ``values`` along ``axis``: of equals the first, but the last nan.

    A place of -1 is padding, lower than everything. Source: torch 2.13.0, MaxPoolKernel.cpp.
    """
    axis, places = axis % values.ndim, np.broadcast_to(places, values.shape)
    if (places < 0).any():
        lowest = -np.inf if values.dtype.kind in "fV" else np.iinfo(values.dtype).min
        values = np.where(places < 0, values.dtype.type(lowest), values)
        first = np.argmax(places >= 0, axis, keepdims=True)  # where all are as low as padding
        best = np.argmax(values, axis, keepdims=True)
        best = np.where(np.take_along_axis(places, best, axis) < 0, first, best)
    else:
        best = np.argmax(values, axis, keepdims=True)
    if values.dtype.kind in "fV" and (nan := np.isnan(values)).any():
        last = values.shape[axis] - 1 - np.argmax(np.flip(nan, axis), axis, keepdims=True)
        best = np.where(nan.any(axis, keepdims=True), last, best)
    return np.take_along_axis(places, best, axis).squeeze(axis)
