"""Pooling by averages: over sliding windows, over as many as are wanted, and of powers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.resampling import Taps, ranges, resampler
from refgrad.engine.ops.sliding import Sizes

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "lp_pool1d", "lp_pool2d", "lp_pool3d",
]  # fmt: skip

_NUMBERS = {1: "one", 2: "two", 3: "three"}


# sizes, for all kinds of pooling --------------------------------------------------------------------------------------


def sizes_of(name: str, argument: str, value: Any, ndim: int) -> Sizes:
    """An argument once for each dimension.

    Errors: RuntimeError for a list of another length.
    """
    if isinstance(value, int):
        return (value,) * ndim
    given = tuple(value)
    if len(given) not in (1, ndim):
        raise RuntimeError(
            f"{name}: {argument} {_verb(name, argument)}a single int, or a tuple of {_NUMBERS[ndim]} ints"
        )
    return given if len(given) == ndim else given * ndim


def _verb(name: str, argument: str) -> str:
    """How PyTorch says that an argument must be something; each kernel in its own words."""
    if name == "avg_pool3d":
        return "must be omitted, " if argument == "stride" else "must be "
    if argument == "dilation":
        return "must be either "
    return "must either be omitted, " if argument == "stride" else "must either be "


def is_default(stride: Any) -> bool:
    """Whether a stride is left out: then it is the kernel's size."""
    return stride is None or (not isinstance(stride, int) and len(stride) == 0)


def one_int(name: str, argument: str, value: Any) -> int:
    """An argument of one dimension.

    Errors: RuntimeError for a list of more.
    """
    if isinstance(value, int):
        return value
    if len(value) != 1:
        raise RuntimeError(f"{name}() argument '{argument}' should contain one int (got {len(value)})")
    return int(value[0])


def check_pool(kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> None:
    """Refuse windows that make no sense.

    Errors: RuntimeError.
    """
    if 0 in stride:
        raise RuntimeError("stride should not be zero")
    if 0 in kernel:
        axes = ("T", "H", "W")[-len(kernel) :]
        listed = " ".join(f"k{axis}: {k}" for axis, k in zip(axes, kernel))
        raise RuntimeError(f"kernel size should be greater than zero, but got {listed}")
    for k, p, d in zip(kernel, padding, dilation):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )


def pooled_size(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    """How many windows there are; rounded up, only those that start within the input or the padding before it."""
    count = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
    return count - 1 if ceil_mode and (count - 1) * s >= n + p else count


def check_pooled(shape: Sizes, result: Sizes) -> None:
    """Refuse windows larger than the input.

    Errors: RuntimeError.
    """
    ndim = len(result)
    if min(result) < 1:
        planes = shape[-ndim - 1]
        given, got = ("x".join(map(str, (planes, *sizes))) for sizes in (shape[-ndim:], result))
        raise RuntimeError(f"Given input size: ({given}). Calculated output size: ({got}). Output size is too small")


def check_signal(name: str, input: Any) -> None:
    """Refuse what is no signal, or batch of signals.

    Errors: RuntimeError.
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            f"checking arguments for {name})"
        )


def lifted(function: Any, name: str, input: Any, *args: Any) -> Any:
    """A pooling of planes, applied to signals: planes one high."""
    check_signal(name, input)
    return ops.squeeze(function(ops.unsqueeze(input, -2), *args), -2)


# average --------------------------------------------------------------------------------------------------------------

_AVERAGES = {2: resampler("AvgPool2DBackward0", keeps_input=True), 3: resampler("AvgPool3DBackward0", keeps_input=True)}
_ADAPTIVE = {
    2: resampler("AdaptiveAvgPool2DBackward0", keeps_input=True),
    3: resampler("AdaptiveAvgPool3DBackward0", keeps_input=True),
}


def _windows(n: int, count: int, k: int, s: int, p: int, padding_counts: bool, divides: bool) -> Taps:
    start = np.arange(count) * s - p
    stop = np.minimum(start + k, n + p)
    width = stop - start
    start, stop = np.maximum(start, 0), np.minimum(stop, n)
    share = 1.0 / (width if padding_counts else np.maximum(stop - start, 1)) if divides else 1.0
    return ranges(start, np.maximum(stop, start), share, n)


def _average(
    name: str, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: int | None,
) -> Any:  # fmt: skip
    ndim = int(name[-2])
    kernel = sizes_of(name, "kernel_size", kernel_size, ndim)
    strides = kernel if is_default(stride) else sizes_of(name, "stride", stride, ndim)
    pads = sizes_of(name, "padding", padding, ndim)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    check_batch(input, ndim, kernel, strides, pads, (1,) * ndim)
    shape = tuple(input.shape)
    if ndim == 3:
        check_filled(f"{name}()", input)
        _check_covers(shape[-3:], kernel, pads)
    counts = tuple(pooled_size(n, k, s, p, 1, ceil_mode) for n, k, s, p in zip(shape[-ndim:], kernel, strides, pads))
    check_pooled(shape, counts)
    _check_average(name, input)
    taps = [
        _windows(n, c, k, s, p, count_include_pad, divisor_override is None)
        for n, c, k, s, p in zip(shape[-ndim:], counts, kernel, strides, pads)
    ]
    if divisor_override is not None:
        taps[-1] = Taps(taps[-1].index, taps[-1].weight / divisor_override, taps[-1].size)
    return _AVERAGES[ndim](input, tuple(taps))


def check_batch(input: Any, ndim: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> None:
    """Refuse inputs of other dimensions, or with nothing in them but for an empty batch.

    Errors: RuntimeError.
    """
    check_pool(kernel, stride, padding, dilation)
    shape = tuple(input.shape)
    if ndim == 2 and not (input.ndim in (3, 4) and math.prod(shape[-3:])):
        raise RuntimeError(
            f"Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:{list(shape)}"
        )
    if ndim == 3 and input.ndim not in (4, 5):
        raise RuntimeError("non-empty 4D or 5D (batch mode) tensor expected for input")


def check_filled(name: str, input: Any) -> None:
    """Refuse a volume with nothing in it.

    Errors: RuntimeError.
    """
    shape = list(input.shape)
    if 0 in shape[-4:]:
        raise RuntimeError(
            f"{name}: Expected input's non-batch dimensions to have positive length, but input has a shape of {shape} and "
            "non-batch dimension 0 has length zero!"
        )


def _check_covers(size: Sizes, kernel: Sizes, padding: Sizes) -> None:
    if any(n + 2 * p < k for n, k, p in zip(size, kernel, padding)):
        image, window = (
            " ".join(f"{k}{a}: {n}" for a, n in zip("THW", sizes)) for k, sizes in (("", size), ("k", kernel))
        )
        raise RuntimeError(f"input image ({image}) smaller than kernel size ({window})")


def _check_average(name: str, input: Any) -> None:
    kind = input._array.dtype
    refused = "bui" if kind != np.int64 else "b"
    if kind.kind in refused or (name == "avg_pool3d" and kind.itemsize == 2):
        kernel = "avg_pool3d_out_frame" if name == "avg_pool3d" else name
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(kind)}'")


def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """The averages over windows of a signal.

    Shapes: ``(N, C, L)`` or ``(C, L)``.
    Errors: RuntimeError for windows larger than the input, or padding larger than half a window.
    """
    kernel = one_int("avg_pool1d", "kernel_size", kernel_size)
    step = kernel if is_default(stride) else one_int("avg_pool1d", "stride", stride)
    pad = one_int("avg_pool1d", "padding", padding)
    return lifted(
        avg_pool2d, "avg_pool1d", input, (1, kernel), (1 if step else 0, step), (0, pad), ceil_mode, count_include_pad
    )


def avg_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """The averages over windows of an image.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    Errors: RuntimeError for windows larger than the input, or padding larger than half a window.
    """
    return _average("avg_pool2d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """The averages over windows of a volume.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    Errors: RuntimeError for windows larger than the input, or padding larger than half a window.
    """
    return _average("avg_pool3d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


# adaptive -------------------------------------------------------------------------------------------------------------


def adaptive_bounds(n: int, count: int) -> tuple[Any, Any]:
    """Where each of ``count`` windows over ``n`` elements starts and stops."""
    place = np.arange(count)
    return place * n // max(count, 1), -((-(place + 1) * n) // max(count, 1))


def with_default(output_size: Any, input: Any, ndim: int) -> Sizes:
    """``output_size`` for each dimension; None leaves a dimension as it is.

    Errors: ValueError for fewer dimensions than sizes.
    """
    if isinstance(output_size, int):
        return (output_size,) * ndim
    if input.ndim <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    defaults = tuple(input.shape)[-len(output_size) :]
    return tuple(d if n is None else n for n, d in zip(output_size, defaults))


def _adaptive(name: str, input: Any, output_size: Any) -> Any:
    ndim = int(name[-2])
    sizes = with_default(output_size, input, ndim)
    if len(sizes) != ndim:
        raise RuntimeError(f"{name}: output_size must be {ndim}")
    if min(sizes) < 0:
        listed = ", ".join(map(str, sizes[:2])) + "".join(f",{n}" for n in sizes[2:])
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received {{{listed}}}"
        )
    if sizes == (1,) * ndim:
        for d in (-1, -2):
            dims.wrap(d, input.ndim)
        return ops.mean(input, tuple(range(-ndim, 0)), True)
    _check_adaptive(name, input, ndim)
    taps = []
    for n, count in zip(tuple(input.shape)[-ndim:], sizes):
        start, stop = adaptive_bounds(n, count)
        taps.append(ranges(start, stop, 1.0 / np.maximum(stop - start, 1), n))
    return _ADAPTIVE[ndim](input, tuple(taps))


def _check_adaptive(name: str, input: Any, ndim: int) -> None:
    shape = list(input.shape)
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(f"{name}(): Expected {ndim + 1}D or {ndim + 2}D tensor, but got {shape}")
    for d in range(-ndim, 0):
        if not shape[d]:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                f"{shape} with dimension {d + input.ndim} being empty"
            )
    if input._array.dtype.kind in "biu":
        title = dtypes.scalar_title(input._array.dtype)
        raise NotImplementedError(
            f"\"adaptive_avg_pool{ndim}d{'_cpu' if ndim == 3 else ''}\" not implemented for '{title}'"
        )


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """``output_size`` averages over windows that cover a signal.

    Shapes: ``(N, C, L)`` or ``(C, L)``.
    Errors: RuntimeError for other numbers of dimensions.
    """
    size = one_int("adaptive_avg_pool1d", "output_size", output_size)
    return lifted(adaptive_avg_pool2d, "adaptive_avg_pool1d", input, (1, size))


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """``output_size`` averages over windows that cover an image; None keeps a dimension's size.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    Errors: RuntimeError for other numbers of dimensions.
    """
    return _adaptive("adaptive_avg_pool2d", input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """``output_size`` averages over windows that cover a volume; None keeps a dimension's size.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    Errors: RuntimeError for other numbers of dimensions.
    """
    return _adaptive("adaptive_avg_pool3d", input, output_size)


# powers ---------------------------------------------------------------------------------------------------------------


def _power_pool(ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    from refgrad.engine.ops import max_pooling  # which takes its checks from here

    average = (avg_pool1d, avg_pool2d, avg_pool3d)[ndim - 1]
    if norm_type in (math.inf, -math.inf):
        largest = (max_pooling.max_pool1d, max_pooling.max_pool2d, max_pooling.max_pool3d)[ndim - 1]
        size = ops.abs(input)
        if norm_type > 0:
            return largest(size, kernel_size, stride, 0, 1, ceil_mode)
        return -largest(-size, kernel_size, stride, 0, 1, ceil_mode)
    mean = average(ops.pow(input, norm_type), kernel_size, stride, 0, ceil_mode)
    count = kernel_size**ndim if isinstance(kernel_size, int) else math.prod(kernel_size)
    return ops.pow(ops.sign(mean) * ops.relu(ops.abs(mean)) * count, 1.0 / norm_type)


def lp_pool1d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type`` norms over windows of a signal."""
    return _power_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type`` norms over windows of an image."""
    return _power_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type`` norms over windows of a volume."""
    return _power_pool(3, input, norm_type, kernel_size, stride, ceil_mode)
