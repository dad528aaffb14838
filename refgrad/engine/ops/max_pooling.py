"""Pooling by the largest element: over sliding windows, or over as many as are wanted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.planes import chooser, first_largest, flat
from refgrad.engine.ops.pooling import (
    adaptive_bounds,
    check_batch,
    check_filled,
    check_pooled,
    check_signal,
    is_default,
    lifted,
    one_int,
    pooled_size,
    sizes_of,
    with_default,
)
from refgrad.engine.ops.sliding import Sizes, Windows

__all__ = [
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip


# sliding windows ------------------------------------------------------------------------------------------------------


def _slide(input: Any, windows: Windows) -> Any:
    ndim = len(windows.kernel)
    size = input.shape[-ndim:]
    plane = np.arange(math.prod(size)).reshape(size)
    places = windows.view(plane, -1)
    count = places.shape[ndim:]
    taps = math.prod(windows.kernel)
    values = windows.view(input).reshape(*input.shape[:-ndim], taps, *count)
    return first_largest(values, places.reshape(taps, *count), -1 - ndim)


_SLIDING = {
    2: chooser("MaxPool2DWithIndicesBackward0", _slide),
    3: chooser("MaxPool3DWithIndicesBackward0", _slide),
}


def _max_pool(
    name: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Any, Any]:
    ndim = int(name[-2])
    kernel = sizes_of(name, "kernel_size", kernel_size, ndim)
    strides = kernel if is_default(stride) else sizes_of(name, "stride", stride, ndim)
    pads, steps = (sizes_of(name, n, v, ndim) for n, v in (("padding", padding), ("dilation", dilation)))
    if min(steps) < 1:
        axes = ("T", "H", "W")[-ndim:]
        listed = " ".join(f"dilation{axis}: {d}" for axis, d in zip(axes, steps))
        raise RuntimeError(f"dilation should be greater than zero, but got {listed}")
    check_batch(input, ndim, kernel, strides, pads, steps)
    if ndim == 3:
        check_filled("max_pool3d_with_indices_out_cpu_template()", input)
    size = tuple(input.shape)[-ndim:]
    counts = tuple(pooled_size(*args, ceil_mode) for args in zip(size, kernel, strides, pads, steps))
    check_pooled(tuple(input.shape), counts)
    if input._array.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'")
    after = (
        max((c - 1) * s + d * (k - 1) + 1 - n - p, 0)
        for c, s, d, k, n, p in zip(counts, strides, steps, kernel, size, pads)
    )
    windows = Windows(kernel, strides, tuple(zip(pads, after)), steps)
    values, indices = _SLIDING[ndim](input, ndim, windows)
    return values, indices


def _one(argument: str, value: Any) -> int:
    if isinstance(value, int):
        return value
    if len(value) != 1:
        none, comma = ("None, ", ",") if argument == "stride" else ("", "," if argument == "padding" else "")
        raise RuntimeError(
            f"max_pool1d() {argument} must be {none}an int, list of ints{comma} or tuple of ints of size 1 but got size "
            f"{len(value)}"
        )
    return int(value[0])


def _check_signal(input: Any, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> None:
    """Refuse what PyTorch refuses before it goes on in planes.

    Errors: RuntimeError.
    """
    shape = list(input.shape)
    if input.ndim not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            f"max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:{shape}"
        )
    for name, n in (("kernel_size", kernel), ("stride", stride)):
        if n < 1:
            raise RuntimeError(f"max_pool1d() {name} must be greater than zero, but got {n}")
    if padding < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {padding}")
    if padding > kernel // 2:
        raise RuntimeError(
            f"max_pool1d() padding should be at most half of kernel size, but got padding={padding} and "
            f"kernel_size={kernel}"
        )
    if dilation < 1:
        raise RuntimeError(f"max_pool1d() dilation must be greater than zero, but got {dilation}")
    count = pooled_size(shape[-1], kernel, stride, padding, dilation, ceil_mode)
    if count < 1:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {count}")
    if input._array.dtype.kind in "biu":
        title = dtypes.scalar_title(input._array.dtype)
        raise NotImplementedError(f"\"max_pool1d_impl\" not implemented for '{title}'")


def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements in windows of a signal; of equals, the first gets the gradient.

    Shapes: ``(N, C, L)`` or ``(C, L)``.
    Errors: RuntimeError for windows that do not fit.
    """
    kernel = _one("kernel_size", kernel_size)
    step = kernel if is_default(stride) else _one("stride", stride)
    pad, within = _one("padding", padding), _one("dilation", dilation)
    if not return_indices:
        _check_signal(input, kernel, step, pad, within, ceil_mode)
    elif input.ndim not in (2, 3):
        check_signal("max_pool1d", input)
    found = _max_pool("max_pool2d", ops.unsqueeze(input, -2), (1, kernel), (1, step), (0, pad), (1, within), ceil_mode)
    values, indices = (ops.squeeze(x, -2) for x in found)
    return (values, indices) if return_indices else values


def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements in windows of an image; of equals, the first gets the gradient.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    Errors: RuntimeError for windows that do not fit.
    """
    found = _max_pool("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


def max_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements in windows of a volume; of equals, the first gets the gradient.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    Errors: RuntimeError for windows that do not fit.
    """
    found = _max_pool("max_pool3d", input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


# adaptive -------------------------------------------------------------------------------------------------------------


def _cover(input: Any, sizes: Sizes) -> Any:
    ndim = len(sizes)
    size = input.shape[-ndim:]
    bounds = [list(zip(*adaptive_bounds(n, count))) for n, count in zip(size, sizes)]
    result = np.zeros((*input.shape[:-ndim], *sizes), np.int64)
    plane = np.arange(math.prod(size)).reshape(size)
    for place in np.ndindex(*sizes):
        window = tuple(slice(*bounds[d][i]) for d, i in enumerate(place))
        result[(..., *place)] = first_largest(flat(input[(..., *window)], ndim), plane[window].ravel(), -1)
    return result


_COVERING = {
    2: chooser("AdaptiveMaxPool2DBackward0", _cover),
    3: chooser("AdaptiveMaxPool3DBackward0", _cover),
}


def _adaptive(name: str, input: Any, output_size: Any) -> tuple[Any, Any]:
    ndim = int(name[-2])
    sizes = with_default(output_size, input, ndim)
    _check_adaptive(name, input, ndim)
    if len(sizes) != ndim:
        raise RuntimeError(f"{name}(): internal error: output_size.size() must be {ndim}")
    if min(sizes) < 0:
        shape = [*input.shape[:-ndim], *sizes]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {shape}")
    if input._array.dtype.kind in "biu":
        kernel, title = (
            f"adaptive_max_pool{ndim}d{'_cpu' if ndim == 3 else ''}",
            dtypes.scalar_title(input._array.dtype),
        )
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{title}'")
    values, indices = _COVERING[ndim](input, ndim, sizes)
    return values, indices


def _check_adaptive(name: str, input: Any, ndim: int) -> None:
    shape = list(input.shape)
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(f"{name}(): Expected {ndim + 1}D or {ndim + 2}D tensor, but got: {shape}")
    for d in range(input.ndim - ndim, input.ndim):
        if not shape[d]:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {shape} "
                f"with dimension {d} being empty"
            )


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements in ``output_size`` windows that cover a signal.

    Shapes: ``(N, C, L)`` or ``(C, L)``.
    """
    size = one_int("adaptive_max_pool1d", "output_size", output_size)
    if input.ndim in (2, 3) and not input.shape[-1]:
        raise RuntimeError(
            "adaptive_max_pool1d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(input.shape)} with dimension {input.ndim - 1} being empty"
        )
    planes: list[Any] = []
    values = lifted(_keep_indices, "adaptive_max_pool1d", input, (1, size), planes)
    return (values, ops.squeeze(planes[0], -2)) if return_indices else values


def _keep_indices(input: Any, output_size: Any, indices: list[Any]) -> Any:
    values, found = _adaptive("adaptive_max_pool2d", input, output_size)
    indices.append(found)
    return values


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements in ``output_size`` windows that cover an image; None keeps a dimension's size.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    """
    found = _adaptive("adaptive_max_pool2d", input, output_size)
    return found if return_indices else found[0]


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements in ``output_size`` windows that cover a volume; None keeps a dimension's size.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    """
    found = _adaptive("adaptive_max_pool3d", input, output_size)
    return found if return_indices else found[0]
