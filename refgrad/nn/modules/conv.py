"""Convolutions, and the windows of images as columns."""

from __future__ import annotations

import math
from typing import Any

from refgrad.engine.creation import empty
from refgrad.nn import functional as F
from refgrad.nn import init
from refgrad.nn.modules.module import Module
from refgrad.nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Fold", "Unfold"]

_MODES = {"zeros", "reflect", "replicate", "circular"}


def each(value: Any, ndim: int) -> tuple[int, ...]:
    """``value`` once for each dimension."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * ndim


class _Conv(Module):
    """Weight and bias of a convolution over ``ndim`` dimensions, and how it moves.

    Errors: ValueError for groups that do not divide the channels, and for padding that there is not.
    """

    ndim = 0
    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        _check(in_channels, out_channels, groups, padding, stride, padding_mode)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation, self.output_padding = (
            each(value, self.ndim) for value in (kernel_size, stride, dilation, output_padding)
        )
        self.padding: Any = padding if isinstance(padding, str) else each(padding, self.ndim)
        self.groups, self.padding_mode = groups, padding_mode
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(empty((first, second // groups, *self.kernel_size), device=device, dtype=dtype))
        values = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", values)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values: uniform within one over the root of the number of inputs of an output."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            inputs, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if inputs:
                init.uniform_(self.bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))

    def extra_repr(self) -> str:
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros, ones = (0,) * self.ndim, (1,) * self.ndim
        for name, default in (("padding", zeros), ("dilation", ones), ("output_padding", zeros), ("groups", 1)):
            if getattr(self, name) != default:
                shown += f", {name}={getattr(self, name)}"
        shown += ", bias=False" if self.bias is None else ""
        return shown + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")

    def _around(self) -> tuple[int, ...]:
        """The padding before and after each dimension, the last first."""
        if self.padding == "valid":
            return (0,) * (2 * self.ndim)
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return tuple(n for total in reversed(totals) for n in (total // 2, total - total // 2))
        return tuple(n for p in reversed(self.padding) for n in (p, p))

    def forward(self, input: Any) -> Any:
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.ndim - 1]
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._around(), mode=self.padding_mode), 0
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


def _check(in_channels: int, out_channels: int, groups: int, padding: Any, stride: Any, mode: str) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups:
        raise ValueError("out_channels must be divisible by groups")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
        if padding == "same" and any(s != 1 for s in each(stride, 1)):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if mode not in _MODES:
        raise ValueError(f"padding_mode must be one of {_MODES}, but got padding_mode='{mode}'")


class _Straight(_Conv):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class Conv1d(_Straight):
    """The products of learned kernels with the windows of a signal, summed.

    Shapes: ``(N, C, L)`` or ``(C, L)``.
    """

    ndim = 1


class Conv2d(_Straight):
    """The products of learned kernels with the windows of an image, summed.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.
    """

    ndim = 2


class Conv3d(_Straight):
    """The products of learned kernels with the windows of a volume, summed.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    """

    ndim = 3


class _Transposed(_Conv):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip

    def forward(self, input: Any, output_size: Any = None) -> Any:
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.ndim - 1]
        extra = self.output_padding if output_size is None else self._extra(input, tuple(output_size))
        return convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Any, size: tuple[int, ...]) -> tuple[int, ...]:
        """The output padding that gives ``size``.

        Errors: ValueError for a size that no padding gives.
        """
        ndim = self.ndim
        size = size[len(size) - ndim :] if len(size) == input.ndim else size
        if len(size) != ndim:
            raise ValueError(
                f"{type(self).__name__}: for {input.ndim}D input, output_size must have {ndim} or {input.ndim} elements "
                f"(got {len(size)})"
            )
        steps = zip(tuple(input.shape)[-ndim:], self.stride, self.padding, self.kernel_size, self.dilation)
        low = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, k, d in steps]
        high = [n + s - 1 for n, s in zip(low, self.stride)]
        if any(not m <= n <= h for n, m, h in zip(size, low, high)):
            raise ValueError(
                f"requested an output size of {size}, but valid sizes range from {low} to {high} (for an input of "
                f"{input.shape[2:]})"
            )
        return tuple(n - m for n, m in zip(size, low))


class ConvTranspose1d(_Transposed):
    """The transpose of ``Conv1d``: it makes signals longer."""

    ndim = 1


class ConvTranspose2d(_Transposed):
    """The transpose of ``Conv2d``: it makes images larger."""

    ndim = 2


class ConvTranspose3d(_Transposed):
    """The transpose of ``Conv3d``: it makes volumes larger."""

    ndim = 3


class Unfold(Module):
    """The windows of an image, each a column."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        names = ("kernel_size", "dilation", "padding", "stride")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class Fold(Module):
    """The sum of columns as windows of an image."""

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        names = ("output_size", "kernel_size", "dilation", "padding", "stride")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)
