"""Windows of an image as columns of a matrix, and their sum back into an image."""

from __future__ import annotations

import math
from typing import Any

from refgrad.engine import dims, dtypes
from refgrad.engine.ops.sliding import Sizes, Windows
from refgrad.engine.primitive import primitive

__all__ = ["fold", "unfold"]


@primitive(name="Im2ColBackward0")
def _unfold(input: Any, /, windows: Windows) -> Any:
    *lead, channels = input.shape[:-2]
    columns = windows.view(input)
    return columns.reshape(*lead, channels * math.prod(windows.kernel), math.prod(columns.shape[-2:]))


@primitive(name="Col2ImBackward0")
def _fold(input: Any, /, windows: Windows, size: Sizes) -> Any:
    *lead, rows, _ = input.shape
    shape = (*lead, rows // math.prod(windows.kernel), *windows.kernel, *windows.count(size))
    return windows.scatter(input.reshape(shape), size)


_unfold.defvjp(lambda grad, input_shape, windows: _fold(grad, windows, input_shape[-2:]))
_unfold.defjvp(lambda tangent, windows: _unfold(tangent, windows))
_fold.defvjp(lambda grad, windows: _unfold(grad, windows))
_fold.defjvp(lambda tangent, windows, size: _fold(tangent, windows, size))


def _two(name: str, value: Any) -> Sizes:
    if isinstance(value, int):
        return (value, value)
    if len(value) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(value)}")
    return tuple(value)


def _windows(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    """The windows of these arguments.

    Errors: RuntimeError for numbers that make no windows.
    """
    kernel, steps, pads, strides = (
        _two(name, value)
        for name, value in (
            ("kernel_size", kernel_size), ("dilation", dilation), ("padding", padding), ("stride", stride),
        )
    )  # fmt: skip
    for name, short, sizes in (("kernel size", "kernel", kernel), ("dilation", "dilation", steps)):
        if min(sizes) < 1:
            raise RuntimeError(_not_positive(name, short, sizes))
    if min(pads) < 0:
        raise RuntimeError(f"padding should be non-negative, but got pad_height: {pads[0]} pad_width: {pads[1]}")
    if min(strides) < 1:
        raise RuntimeError(_not_positive("stride", "stride", strides))
    return Windows(kernel, strides, tuple((p, p) for p in pads), steps)


def _not_positive(name: str, short: str, sizes: Sizes) -> str:
    return f"{name} should be greater than zero, but got {short}_height: {sizes[0]} {short}_width: {sizes[1]}"


def _shown(windows: Windows) -> str:
    pads = tuple(before for before, _ in windows.padding)
    return f"kernel_size={windows.kernel}, dilation={windows.dilation}, padding={pads}"


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of an image, each a column.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)`` to ``(N, C * places, windows)``.
    Errors: RuntimeError for windows that do not fit.
    """
    windows = _windows(kernel_size, dilation, padding, stride)
    dims.wrap(2, input.ndim)
    shape = list(input.shape)
    if input.ndim not in (3, 4) or not math.prod(shape[-3:]):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {shape}"
        )
    size = tuple(shape[-2:])
    count = windows.count(size)
    if min(count) < 1:
        raise RuntimeError(
            f"Given input with spatial size {size}, {_shown(windows)}, calculated shape of the array of sliding blocks as "
            f"{count}, but its components must be at least one."
        )
    if input._array.dtype.kind in "iu":
        title = dtypes.scalar_title(input._array.dtype)
        raise NotImplementedError(f"\"im2col_out_cpu\" not implemented for '{title}'")
    return _unfold(input, windows)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The sum of columns as windows of an image: the transpose of ``unfold``.

    Shapes: ``(N, C * places, windows)`` or ``(C * places, windows)`` to ``(N, C, *output_size)``.
    Errors: RuntimeError for columns that are not so many windows.
    """
    size = _two("output_size", output_size)
    windows = _windows(kernel_size, dilation, padding, stride)
    _check_columns(input, windows, size)
    return _fold(input, windows, size)


def _check_columns(input: Any, windows: Windows, size: Sizes) -> None:
    shape, kernel = list(input.shape), windows.kernel
    if input.ndim not in (2, 3) or not math.prod(shape[-2:]):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
            f"but got: {shape}"
        )
    if shape[-2] % math.prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)="
            f"{shape[-2]} and kernel_size={kernel}."
        )
    rows, columns = windows.count(size)
    told = f"Given output_size={size}, {_shown(windows)}, stride={windows.stride}, "
    if shape[-1] != rows * columns:
        raise RuntimeError(
            f"{told}expected size of input's dimension 2 to match the calculated number of sliding blocks {rows} * "
            f"{columns} = {rows * columns}, but got input.size(2)={shape[-1]}."
        )
    if min(rows, columns) < 1:
        raise RuntimeError(
            f"{told}calculated shape of the array of sliding blocks as ({rows}, {columns}), which is too small (non-positive)"
        )
