"""Convolutions: the sum of ``input[x] * weight[k] * output[y]`` over all windows, ``x = stride * y + dilation * k - padding``.

Input, weight and output are each a contraction of this form with the other two, so each of the three is the derivative of
another, to every order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.padding import constant_pad_nd
from refgrad.engine.ops.reduction import add_reduce
from refgrad.engine.ops.sliding import Sizes, Windows
from refgrad.engine.primitive import primitive

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
]  # fmt: skip


# the form, contracted -------------------------------------------------------------------------------------------------


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


@primitive(name="ConvolutionBackward0")
def _convolution(input: Any, weight: Any, bias: Any, /, stencil: Stencil, count: Sizes) -> Any:
    return _biased(_output.op.forward(input, weight, stencil, count), bias)


@primitive(name="ConvolutionBackward0")
def _transposed(input: Any, weight: Any, bias: Any, /, stencil: Stencil, size: Sizes) -> Any:
    return _biased(_input.op.forward(input, weight, stencil, size), bias)


_convolution.defvjp(**_output.op.vjps, bias=_bias_vjp)
_convolution.defjvp(**_output.op.jvps, bias=_bias_jvp)
_transposed.defvjp(
    lambda grad, weight, input_shape, stencil: _output(grad, weight, stencil, input_shape[2:]),
    lambda grad, input, weight_shape, stencil: _weight(grad, input, stencil, weight_shape[2:]),
    _bias_vjp,
)
_transposed.defjvp(
    lambda tangent, weight, stencil, size: _input(tangent, weight, stencil, size),
    lambda tangent, input, stencil, size: _input(input, tangent, stencil, size),
    _bias_jvp,
)


# the public functions -------------------------------------------------------------------------------------------------


def _sizes(name: str, value: Any, ndim: int, kernel: Sizes) -> Sizes:
    """``value`` once for each dimension of the kernel.

    Errors: RuntimeError for a list of another length.
    """
    given = (value,) * ndim if isinstance(value, int) else tuple(value)
    ndim = len(kernel)
    if len(given) not in (1, ndim):
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {ndim} values to match the convolution "
            f"dimensions, but got {name}={list(given)}"
        )
    return given if len(given) == ndim else given * ndim


def _total_padding(padding: str, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    """The padding of both ends together that ``"same"`` and ``"valid"`` stand for."""
    if padding not in ("same", "valid"):
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if padding == "valid":
        return (0,) * len(kernel)
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    return tuple(d * (k - 1) for k, d in zip(kernel, dilation))


def _evened(input: Any, totals: Sizes) -> Any:
    """``input`` with what an odd total has at the far end more than at the near one."""
    if not any(total % 2 for total in totals):
        return input
    return constant_pad_nd(input, tuple(n for total in reversed(totals) for n in (0, total % 2)))


def _check_numbers(stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> None:
    if any(d < 0 for d in dilation):
        raise RuntimeError("dilation should be greater than zero")
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError("non-positive dilation is not supported")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")


def _check_dims(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight{list(weight.shape)}, but "
            f"got {input.ndim}-dimensional input of size {list(input.shape)} instead"
        )


def _check_channels(input: Any, weight: Any, bias: Any, groups: int, transposed: bool) -> None:
    """Refuse a weight or bias of other channels than the input's.

    Errors: RuntimeError.
    """
    shape, of_input = list(weight.shape), list(input.shape)
    given = f"Given {'transposed' if transposed else 'groups'}={1 if transposed else groups}"
    if shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{shape} instead"
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"[{shape}] instead"
        )
    expected = shape[0] if transposed else shape[1] * groups
    if of_input[1] != expected:
        raise RuntimeError(
            f"{given}, weight of size {shape}, expected input{of_input} to have {expected} channels, but got "
            f"{of_input[1]} channels instead"
        )
    channels = shape[1] * groups if transposed else shape[0]
    if bias is not None and list(bias.shape) != [channels]:
        raise RuntimeError(
            f"Given {'transposed=1, ' if transposed else ''}weight of size {shape}, expected bias to be 1-dimensional "
            f"with {channels} elements, but got bias of size {list(bias.shape)} instead"
        )


def _check_types(input: Any, weight: Any, bias: Any) -> None:
    kind, of_weight, of_bias = (None if x is None else x._array.dtype for x in (input, weight, bias))
    if of_bias is not None and kind != of_bias:
        names = [dtypes.c_title(kind), dtypes.c_title(of_bias)]
        raise RuntimeError(f"Input type ({names[0]}) and bias type ({names[1]}) should be the same")
    if kind != of_weight and kind == np.float32:
        titles = [f"torch.{dtypes.of(k).tensor_type}" for k in (kind, of_weight)]
        raise RuntimeError(
            f"Input type ({titles[0]}) and weight type ({titles[1]}) should be the same or input should be a MKLDNN "
            "tensor and weight is a dense tensor"
        )
    if kind != of_weight:
        titles = [dtypes.scalar_title(k) for k in (kind, of_weight)]
        raise RuntimeError(f"expected scalar type {titles[0]} but found {titles[1]}")
    if kind == np.bool_:
        raise NotImplementedError("\"slow_conv2d_cpu\" not implemented for 'Bool'")


def _check_fits(windows: Windows, size: Sizes) -> None:
    padded = windows.padded(size)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(windows.kernel, windows.dilation))
    if any(n < k for n, k in zip(padded, reach)):
        shown = [" x ".join(map(str, sizes)) for sizes in (padded, reach)]
        raise RuntimeError(
            f"Calculated padded input size per channel: ({shown[0]}). Kernel size: ({shown[1]}). Kernel size can't be "
            "greater than actual input size"
        )


def _kernel(weight: Any) -> Sizes:
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    return tuple(weight.shape[2:])


def _batched(name: str, input: Any, ndim: int) -> Any:
    """``input`` with a batch dimension, put in where it has none.

    Errors: RuntimeError for another number of dimensions.
    """
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {name}, but got input of size: "
            f"{list(input.shape)}"
        )
    return input if input.ndim == ndim + 2 else ops.unsqueeze(input, 0)


def _convolve(
    name: str, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    ndim = int(name[-2])
    batched, kernel = _batched(name, input, ndim), _kernel(weight)
    if isinstance(padding, str):
        _check_dims(batched, weight)
    stride, dilation = _sizes("stride", stride, ndim, kernel), _sizes("dilation", dilation, ndim, kernel)
    if isinstance(padding, str):
        totals = _total_padding(padding, kernel, stride, dilation)
        batched, pads = _evened(batched, totals), tuple(total // 2 for total in totals)
    else:
        pads = _sizes("padding", padding, ndim, kernel)
    _check_dims(batched, weight)
    _check_numbers(stride, pads, dilation, groups)
    _check_channels(batched, weight, bias, groups, False)
    stencil = Stencil(stride, pads, dilation, groups)
    windows, size = stencil.windows(kernel), tuple(batched.shape[2:])
    _check_fits(windows, size)
    _check_types(input, weight, bias)
    result = _convolution(batched, weight, bias, stencil, windows.count(size))
    return result if input.ndim == ndim + 2 else ops.squeeze(result, 0)


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The products of ``weight`` with the windows of a signal, summed.

    Shapes: input ``(N, C, L)`` or ``(C, L)``, weight ``(out, C / groups, K)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve("conv1d", input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The products of ``weight`` with the windows of an image, summed.

    Shapes: input ``(N, C, H, W)`` or ``(C, H, W)``, weight ``(out, C / groups, KH, KW)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve("conv2d", input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The products of ``weight`` with the windows of a volume, summed.

    Shapes: input ``(N, C, D, H, W)`` or ``(C, D, H, W)``, weight ``(out, C / groups, KD, KH, KW)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve("conv3d", input, weight, bias, stride, padding, dilation, groups)


def _check_output_padding(extra: Sizes, stride: Sizes, dilation: Sizes) -> None:
    if any(e < 0 for e in extra):
        raise RuntimeError("negative output_padding is not supported")
    if all(e < s or e < d for e, s, d in zip(extra, stride, dilation)):
        return
    axes = ("depth", "height", "width")[-len(extra) :] if len(extra) > 1 else ("height", "width")
    told = {"output_padding": extra, "stride": stride, "dilation": dilation}
    if len(extra) == 1:  # PyTorch has lifted it to a plane, one high
        told = {"output_padding": (0, *extra), "stride": (1, *stride), "dilation": (1, *dilation)}
    listed = " ".join(f"{name}_{axis}: {n}" for name, values in told.items() for axis, n in zip(axes, values))
    raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got {listed}")


def _convolve_transposed(
    name: str, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, extra: Any, groups: int, dilation: Any
) -> Any:
    ndim = int(name[-2])
    batched, kernel = _batched(name, input, ndim), _kernel(weight)
    stride, dilation = _sizes("stride", stride, ndim, kernel), _sizes("dilation", dilation, ndim, kernel)
    padding, extra = _sizes("padding", padding, ndim, kernel), _sizes("output_padding", extra, ndim, kernel)
    _check_dims(batched, weight)
    stencil = Stencil(stride, padding, dilation, groups)
    _check_numbers(stride, stencil.padding, dilation, groups)
    _check_channels(batched, weight, bias, groups, True)
    _check_output_padding(extra, stride, dilation)
    _check_types(input, weight, bias)
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(batched.shape[2:], stride, padding, dilation, kernel, extra)
    )
    if min(size) < 1:
        raise RuntimeError(
            f"Given input size per channel: {list(batched.shape[2:])}. Calculated output size per channel: "
            f"{list(size)}. Output size is too small"
        )
    result = _transposed(batched, weight, bias, stencil, size)
    return result if batched is input else ops.squeeze(result, 0)


def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """The transpose of ``conv1d``: what its gradient does to the input.

    Shapes: input ``(N, C, L)`` or ``(C, L)``, weight ``(C, out / groups, K)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve_transposed(
        "conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """The transpose of ``conv2d``: what its gradient does to the input.

    Shapes: input ``(N, C, H, W)`` or ``(C, H, W)``, weight ``(C, out / groups, KH, KW)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve_transposed(
        "conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """The transpose of ``conv3d``: what its gradient does to the input.

    Shapes: input ``(N, C, D, H, W)`` or ``(C, D, H, W)``, weight ``(C, out / groups, KD, KH, KW)``, bias ``(out,)``.
    Errors: RuntimeError for shapes or types that do not fit.
    """
    return _convolve_transposed(
        "conv_transpose3d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )
