"""Channels into pixels and back, and channels among groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine.primitive import primitive

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


@primitive()
def _pixel_shuffle(input: Any, /, upscale_factor: int) -> Any:
    *lead, channels, height, width = input.shape
    r = upscale_factor
    parts = input.reshape(*lead, channels // r**2, r, r, height, width)
    ndim = len(lead)
    order = (*range(ndim + 1), ndim + 3, ndim + 1, ndim + 4, ndim + 2)
    return np.array(parts.transpose(order), order="C").reshape(*lead, channels // r**2, height * r, width * r)


@primitive()
def _pixel_unshuffle(input: Any, /, downscale_factor: int) -> Any:
    *lead, channels, height, width = input.shape
    r = downscale_factor
    parts = input.reshape(*lead, channels, height // r, r, width // r, r)
    ndim = len(lead)
    order = (*range(ndim + 1), ndim + 2, ndim + 4, ndim + 1, ndim + 3)
    return np.array(parts.transpose(order), order="C").reshape(*lead, channels * r**2, height // r, width // r)


_pixel_shuffle.defvjp(lambda grad, upscale_factor: _pixel_unshuffle(grad, upscale_factor))
_pixel_shuffle.defjvp(lambda tangent, upscale_factor: _pixel_shuffle(tangent, upscale_factor))
_pixel_unshuffle.defvjp(lambda grad, downscale_factor: _pixel_shuffle(grad, downscale_factor))
_pixel_unshuffle.defjvp(lambda tangent, downscale_factor: _pixel_unshuffle(tangent, downscale_factor))


def _check(name: str, factor: str, value: int, input: Any) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if value < 1:
        raise RuntimeError(f"{name} expects a positive {factor}, but got {value}")


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Channels spread over an image that is larger by ``upscale_factor``.

    Shapes: ``(..., C * r**2, H, W)`` to ``(..., C, H * r, W * r)``.
    Errors: RuntimeError for channels that do not divide.
    """
    _check("pixel_shuffle", "upscale_factor", upscale_factor, input)
    square = upscale_factor**2
    if input.shape[-3] % square:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={input.shape[-3]} is not divisible by {square}"
        )
    return _pixel_shuffle(input, upscale_factor)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """The inverse of ``pixel_shuffle``.

    Shapes: ``(..., C, H * r, W * r)`` to ``(..., C * r**2, H, W)``.
    Errors: RuntimeError for an image that does not divide.
    """
    _check("pixel_unshuffle", "downscale_factor", downscale_factor, input)
    for axis, d in (("height", -2), ("width", -1)):
        if input.shape[d] % downscale_factor:
            raise RuntimeError(
                f"pixel_unshuffle expects {axis} to be divisible by downscale_factor, but input.size({d})="
                f"{input.shape[d]} is not divisible by {downscale_factor}"
            )
    return _pixel_unshuffle(input, downscale_factor)


@primitive(name="ChannelShuffleBackward0")
def _channel_shuffle(input: Any, /, groups: int) -> Any:
    batch, channels = input.shape[:2]
    parts = input.reshape(batch, groups, channels // groups, math.prod(input.shape[2:]))
    return np.array(parts.swapaxes(1, 2), order="C").reshape(input.shape)


_channel_shuffle.defvjp(lambda grad, input_shape, groups: _channel_shuffle(grad, input_shape[1] // groups))
_channel_shuffle.defjvp(lambda tangent, groups: _channel_shuffle(tangent, groups))


def channel_shuffle(input: Any, groups: int) -> Any:
    """The channels of ``groups`` groups, one of each group in turn.

    Errors: RuntimeError for channels that do not divide.
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups < 1:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    return _channel_shuffle(input, groups)
