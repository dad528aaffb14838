"""Interpolation: signals, images and volumes at another resolution."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.ops import pooling
from refgrad.engine.ops.resampling import Taps, ranges, resampler

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_MODES = {
    "nearest": {n: f"UpsampleNearest{n}DBackward0" for n in (1, 2, 3)},
    "nearest-exact": {n: f"UpsampleNearestExact{n}DBackward0" for n in (1, 2, 3)},
    "linear": {1: "UpsampleLinear1DBackward0"},
    "bilinear": {2: "UpsampleBilinear2DBackward0"},
    "bicubic": {2: "UpsampleBicubic2DBackward0"},
    "trilinear": {3: "UpsampleTrilinear3DBackward0"},
}
_RECORDED = {(mode, n): resampler(name) for mode, names in _MODES.items() for n, name in names.items()}
_ANTIALIASED = {mode: resampler(f"Upsample{mode.title()}2DAaBackward0") for mode in ("bilinear", "bicubic", "lanczos")}


# taps -----------------------------------------------------------------------------------------------------------------


def _scale(n: int, count: int, factor: float | None, align_corners: bool, kind: Any) -> Any:
    """How many input elements an output element moves."""
    if align_corners:
        return kind(n - 1) / kind(count - 1) if count > 1 else kind(0)
    return kind(1.0 / factor) if factor else kind(n) / kind(count)


def _positions(n: int, count: int, factor: float | None, align_corners: bool, kind: Any) -> Any:
    """Where the outputs lie in the input: corners on corners, or edges on edges."""
    place, scale = np.arange(count, dtype=kind), _scale(n, count, factor, align_corners, kind)
    return place * scale if align_corners else (place + kind(0.5)) * scale - kind(0.5)


def _nearest(n: int, count: int, factor: float | None, offset: float) -> Taps:
    scale = _scale(n, count, factor, False, np.float32)  # whatever the type of the input
    index = np.floor((np.arange(count, dtype=np.float32) + np.float32(offset)) * scale)
    index = np.minimum(index.astype(np.int64), n - 1)
    return Taps(index[:, None], np.ones((count, 1)), n)


def _linear(n: int, count: int, factor: float | None, align_corners: bool, kind: Any) -> Taps:
    place = np.maximum(_positions(n, count, factor, align_corners, kind), 0)
    low = np.minimum(place.astype(np.int64), n - 1)
    share = np.clip(place - low, 0, 1) if n != count else np.zeros(count)
    index = np.stack((low, np.minimum(low + 1, n - 1)), 1)
    return Taps(index, np.stack((1 - share, share), 1), n)


def _cubic(n: int, count: int, factor: float | None, align_corners: bool, kind: Any) -> Taps:
    place = _positions(n, count, factor, align_corners, kind)
    low = np.floor(place)
    index = np.clip(low.astype(np.int64)[:, None] + np.arange(-1, 3), 0, n - 1)
    return Taps(index, _keys((place - low)[:, None] - np.arange(-1, 3), -0.75), n)


def _keys(x: Any, a: float) -> Any:
    """The cubic convolution kernel. Source: R. Keys, "Cubic convolution interpolation" (1981), eq. 15."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


_FILTERS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "bilinear": (1, lambda x: np.maximum(1 - np.abs(x), 0)),
    "bicubic": (2, lambda x: _keys(x, -0.5)),
    "lanczos": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)),
}


def _filtered(mode: str, n: int, count: int, factor: float | None, align_corners: bool, kind: Any) -> Taps:
    """A filter as wide as the steps are, so that fine detail is averaged instead of sampled."""
    reach, function = _FILTERS[mode]
    scale = float(_scale(n, count, factor, align_corners, kind))
    width = max(scale, 1.0)
    center, shift = scale * (np.arange(count) + 0.5), 0.5 if align_corners else 0.0
    start = np.maximum((center - reach * width + 0.5 + shift).astype(np.int64), 0)
    stop = np.minimum((center + reach * width + 0.5 + shift).astype(np.int64), n)
    taps = ranges(start, stop, 1.0, n)
    weight = function((taps.index - center[:, None] + 0.5 - shift) / width) * taps.weight
    total = weight.sum(1, keepdims=True)
    return Taps(taps.index, np.divide(weight, total, out=weight, where=total != 0), n)


def _taps(mode: str, n: int, count: int, factor: float | None, align_corners: bool, kind: Any, antialias: bool) -> Taps:
    if antialias:
        return _filtered(mode, n, count, factor, align_corners, kind)
    if mode.startswith("nearest"):
        return _nearest(n, count, factor, 0.5 if mode == "nearest-exact" else 0.0)
    return (_cubic if mode == "bicubic" else _linear)(n, count, factor, align_corners, kind)


# sizes ----------------------------------------------------------------------------------------------------------------


def _sizes(input: Any, size: Any, scale_factor: Any) -> tuple[Sequence[int] | None, Sequence[float] | None]:
    """The sizes or the factors, whichever are given, once a dimension.

    Errors: ValueError where both or none are given, or for another number of dimensions; TypeError for a fraction.
    """
    ndim, shape = input.ndim - 2, list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None:
        return _size_of(size, ndim, shape), None
    if not isinstance(scale_factor, (list, tuple)):
        return None, (scale_factor,) * ndim
    if len(scale_factor) != ndim:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {shape} and scale_factor of shape {scale_factor}. Please provide input tensor in (N, C, d1, "
            "d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
        )
    return None, scale_factor


def _size_of(size: Any, ndim: int, shape: list[int]) -> Sequence[int]:
    if not isinstance(size, (list, tuple)):
        return (size,) * ndim
    if len(size) != ndim:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of "
            f"{shape} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and output "
            "size in (o1, o2, ...,oK) format."
        )
    if not all(isinstance(n, int) for n in size):
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size with "
            f"types {[type(n) for n in size]}"
        )
    return size


def _no_mode(input: Any, mode: str) -> NotImplementedError:
    needs = {"linear": 3, "bilinear": 4, "trilinear": 5}
    if mode in needs and input.ndim in (3, 4, 5):
        return NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {needs[mode]}D input")
    return NotImplementedError(
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest | linear | "
        f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
    )


def _check_result(input: Any, sizes: Sequence[int]) -> None:
    """Refuse nothing to take from, or nowhere to put it.

    Errors: RuntimeError.
    """
    shape, ndim = list(input.shape), len(sizes)
    if min([*shape[2:], *sizes]) < 1:
        given, got = (", ".join(f"{a}: {n}" for a, n in zip("DHW"[-ndim:], s)) for s in (shape[2:], sizes))
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({given}){' and' if ndim == 1 else ''} "
            f"output ({got})"
        )
    if not shape[1]:
        raise RuntimeError(f"Non-empty {ndim + 2}D data tensor expected but got a tensor with sizes {shape}")


def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Any:  # fmt: skip
    """``input`` at another resolution, given as sizes or as factors.

    Shapes: ``(N, C, L)``, ``(N, C, H, W)`` or ``(N, C, D, H, W)``.
    Errors: ValueError for arguments that exclude each other; NotImplementedError for a ``mode`` that is not for so many
    dimensions.
    """
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    sizes, factors = _sizes(input, size, scale_factor)
    if recompute_scale_factor and factors is None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if factors is not None:
        sizes = [math.floor(n * f) for n, f in zip(input.shape[2:], factors)]
    if antialias and not (mode in _ANTIALIASED and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    if mode == "area" and input.ndim in (3, 4, 5):
        area = (pooling.adaptive_avg_pool1d, pooling.adaptive_avg_pool2d, pooling.adaptive_avg_pool3d)
        return area[input.ndim - 3](input, sizes)
    factors = None if recompute_scale_factor else factors
    assert sizes is not None
    return _resample(input, sizes, factors, mode, bool(align_corners), antialias)


def _resample(
    input: Any, sizes: Sequence[int], factors: Sequence[float] | None, mode: str, align_corners: bool, antialias: bool
) -> Any:
    ndim = input.ndim - 2
    if mode == "lanczos" and input.ndim == 4:
        if align_corners:
            raise ValueError("Lanczos mode does not support align_corners=True")
        if not antialias:
            raise ValueError("Lanczos mode requires antialias=True")
    elif (mode, ndim) not in _RECORDED:
        raise _no_mode(input, mode)
    if not all(isinstance(n, int) for n in sizes):
        kernel = f"{'_' if antialias or mode == 'nearest-exact' else ''}upsample_{mode.replace('-', '_')}{ndim}d"
        flag = "" if mode.startswith("nearest") else "bool, "
        raise TypeError(
            f"{kernel}() received an invalid combination of arguments - got (Tensor, list, {flag}NoneType), but expected "
            "one of:"
        )
    _check_result(input, sizes)
    dtype = input._array.dtype
    if dtype.kind in "biu":
        kernel = f"upsample_{mode.replace('-exact', '_exact')}{ndim}d{'_channels_last' if ndim == 2 else ''}"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(dtype)}'")
    kind = np.float64 if dtype == np.float64 else np.float32  # PyTorch computes the positions in the input's type
    taps = tuple(
        _taps(mode, n, count, factor, align_corners, kind, antialias)
        for n, count, factor in zip(input.shape[2:], sizes, factors or (None,) * ndim)
    )
    return (_ANTIALIASED[mode] if antialias else _RECORDED[mode, ndim])(input, taps)


# the old names --------------------------------------------------------------------------------------------------------


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", UserWarning, stacklevel=3
    )


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """The old name of ``interpolate``."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """The old name of ``interpolate`` by the nearest element."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """The old name of bilinear ``interpolate``, corners on corners."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
