"""Convolution as a form: the sum of ``input[x] * weight[k] * output[y]`` over all windows, ``x = stride * y + dilation * k - padding``.

Input, weight and output are each a contraction of this form with the other two, so each of the three is the derivative of
another, to every order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.reduction import add_reduce
from refgrad.engine.ops.sliding import Sizes, Windows
from refgrad.engine.primitive import primitive


@dataclass(frozen=True, slots=True)
class Stencil:
    """How a kernel moves over an input, whose channels it sees in ``groups``."""

    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int

    def windows(self, kernel: Sizes) -> Windows:
        """The windows of a kernel of this size."""
        return Windows(kernel, self.stride, tuple((p, p) for p in self.padding), self.dilation)


def _wide(array: Any) -> Any:
    """16-bit floats in float32, which PyTorch multiplies them in."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind in "fV" else array


def _columns(input: Any, kernel: Sizes, count: Sizes, stencil: Stencil) -> Any:
    """The first ``count`` windows over ``input``, one a column. Shapes: ``(N, groups, channels * places, windows)``."""
    windows = stencil.windows(kernel).view(_wide(input), 0, count)
    channels = input.shape[1] // stencil.groups
    return windows.reshape(input.shape[0], stencil.groups, channels * math.prod(kernel), math.prod(count))


def _rows(output: Any, groups: int) -> Any:
    """``output`` with one row a channel. Shapes: ``(N, groups, channels, windows)``."""
    shape = output.shape
    return _wide(output).reshape(shape[0], groups, shape[1] // groups, math.prod(shape[2:]))


def _kernels(weight: Any, groups: int) -> Any:
    """``weight`` with one row an output channel. Shapes: ``(groups, out, channels * places)``."""
    return _wide(weight).reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:]))


@primitive()
def _output(input: Any, weight: Any, /, stencil: Stencil, count: Sizes) -> Any:
    result = _kernels(weight, stencil.groups) @ _columns(input, weight.shape[2:], count, stencil)
    return result.reshape(input.shape[0], weight.shape[0], *count).astype(input.dtype, copy=False)


@primitive()
def _input(output: Any, weight: Any, /, stencil: Stencil, size: Sizes) -> Any:
    shape, kernel = output.shape, weight.shape[2:]
    columns = _kernels(weight, stencil.groups).swapaxes(-1, -2) @ _rows(output, stencil.groups)
    windows = columns.reshape(shape[0], stencil.groups * weight.shape[1], *kernel, *shape[2:])
    return stencil.windows(kernel).scatter(windows, size).astype(output.dtype, copy=False)


@primitive()
def _weight(input: Any, output: Any, /, stencil: Stencil, kernel: Sizes) -> Any:
    columns, groups = _columns(input, kernel, output.shape[2:], stencil), stencil.groups
    result = add_reduce(_rows(output, groups) @ columns.swapaxes(-1, -2), 0)
    return result.reshape(output.shape[1], input.shape[1] // groups, *kernel).astype(input.dtype, copy=False)


_output.defvjp(
    lambda grad, weight, input_shape, stencil: _input(grad, weight, stencil, input_shape[2:]),
    lambda grad, input, weight_shape, stencil: _weight(input, grad, stencil, weight_shape[2:]),
)
_output.defjvp(
    lambda tangent, weight, stencil, count: _output(tangent, weight, stencil, count),
    lambda tangent, input, stencil, count: _output(input, tangent, stencil, count),
)
_input.defvjp(
    lambda grad, weight, output_shape, stencil: _output(grad, weight, stencil, output_shape[2:]),
    lambda grad, output, weight_shape, stencil: _weight(grad, output, stencil, weight_shape[2:]),
)
_input.defjvp(
    lambda tangent, weight, stencil, size: _input(tangent, weight, stencil, size),
    lambda tangent, output, stencil, size: _input(output, tangent, stencil, size),
)
_weight.defvjp(
    lambda grad, output, input_shape, stencil: _input(output, grad, stencil, input_shape[2:]),
    lambda grad, input, output_shape, stencil: _output(input, grad, stencil, output_shape[2:]),
)
_weight.defjvp(
    lambda tangent, output, stencil, kernel: _weight(tangent, output, stencil, kernel),
    lambda tangent, input, stencil, kernel: _weight(input, tangent, stencil, kernel),
)


# with a bias: what is recorded ----------------------------------------------------------------------------------------


def _biased(result: Any, bias: Any) -> Any:
    return result if bias is None else result + bias.reshape(-1, *(1,) * (result.ndim - 2))


def _bias_vjp(grad: Any) -> Any:
    return ops.sum(grad, (0, *range(2, grad.ndim)))


def _bias_jvp(tangent: Any, result: Any) -> Any:
    return ops.expand(ops.reshape(tangent, (-1, *(1,) * (result.ndim - 2))), tuple(result.shape))


@primitive(name="ConvolutionBackward0", joint=("input", "weight"))
def convolve(input: Any, weight: Any, bias: Any, /, stencil: Stencil, count: Sizes) -> Any:
    return _biased(_output.op.forward(input, weight, stencil, count), bias)


@primitive(name="ConvolutionBackward0", joint=("input", "weight"))
def convolve_transposed(input: Any, weight: Any, bias: Any, /, stencil: Stencil, size: Sizes) -> Any:
    return _biased(_input.op.forward(input, weight, stencil, size), bias)


convolve.defvjp(**_output.op.vjps, bias=_bias_vjp)
convolve.defjvp(**_output.op.jvps, bias=_bias_jvp)
convolve_transposed.defvjp(
    lambda grad, weight, input_shape, stencil: _output(grad, weight, stencil, input_shape[2:]),
    lambda grad, input, weight_shape, stencil: _weight(grad, input, stencil, weight_shape[2:]),
    _bias_vjp,
)
convolve_transposed.defjvp(
    lambda tangent, weight, stencil, size: _input(tangent, weight, stencil, size),
    lambda tangent, input, stencil, size: _input(input, tangent, stencil, size),
    _bias_jvp,
)
