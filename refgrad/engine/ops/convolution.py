"""Convolutions of signals, images and volumes, and their transposes."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.modes import warn_once
from refgrad.engine.ops.padding import constant_pad_nd
from refgrad.engine.ops.sliding import Sizes, Windows
from refgrad.engine.ops.stencil import Stencil, convolve, convolve_transposed

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


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


_UNEVEN = "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of the input be created"


def _evened(input: Any, totals: Sizes) -> Any:
    """``input`` with what an odd total has at the far end more than at the near one."""
    if not any(total % 2 for total in totals):
        return input
    warn_once(_UNEVEN, stacklevel=5)
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
    result = convolve(batched, weight, bias, stencil, windows.count(size))
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
    result = convolve_transposed(batched, weight, bias, stencil, size)
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
