"""Grids: images and volumes sampled where a grid says, and the grids that affine maps make."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import no_tangent
from refgrad.engine.ops.planes import add_at, take
from refgrad.engine.ops.sliding import Sizes
from refgrad.engine.primitive import PrimitiveFunction, primitive, wrap

__all__ = ["affine_grid", "grid_sample"]

_ALIGNMENT = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)


def _array(x: Any) -> Any:
    return np.asarray(getattr(x, "_array", x))


def _like(value: Any, x: Any) -> Any:
    """``value`` as what ``x`` is: a tensor, or an array."""
    return wrap(np.asarray(value)) if hasattr(x, "_array") else value


# where a place in the grid lies in the input --------------------------------------------------------------------------


def _unnormalized(place: Any, n: int, align_corners: bool) -> tuple[Any, float]:
    """From [-1, 1] to positions, and their slope: the ends are the outer corners, or those elements' centers."""
    return ((place + 1) * ((n - 1) / 2), (n - 1) / 2) if align_corners else (((place + 1) * n - 1) / 2, n / 2)


def _clipped(place: Any, n: int) -> tuple[Any, Any]:
    """``place`` brought onto the input; its slope is 0 where it was off it, and on the outer elements."""
    array = _array(place)
    live = (array > 0) & (array < n - 1)
    return ops.where(_like(live, place), place, _like(np.clip(array, 0, n - 1), place)), live.astype(array.dtype)


def _reflected(place: Any, n: int, align_corners: bool) -> tuple[Any, Any]:
    """``place`` reflected at the borders until it is between them, and its slope."""
    low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
    array = _array(place)
    if span <= 0:
        return place * 0, np.zeros_like(array)
    below = array < low
    offset = ops.where(_like(below, place), low - place, place - low)
    flips = np.floor(_array(offset) / span)
    extra, even = offset - _like((flips * span).astype(array.dtype), place), flips % 2 == 0
    slope = np.where(even != below, 1, -1).astype(array.dtype)
    return ops.where(_like(even, place), extra + low, span - extra + low), slope


def _source(place: Any, n: int, mode: str, padding_mode: str, align_corners: bool) -> tuple[Any, Any]:
    """The position of a place in the grid, and its slope; of a cubic it is the neighbours that are brought inside."""
    place, slope = _unnormalized(place, n, align_corners)
    if padding_mode == "zeros" or mode == "bicubic":
        return place, slope
    if padding_mode == "reflection":
        place, turned = _reflected(place, n, align_corners)
        slope = slope * turned
    place, live = _clipped(place, n)
    return place, slope * live


# what a position is made from -----------------------------------------------------------------------------------------


def _neighbours(place: Any, mode: str) -> list[tuple[Any, Any, Any]]:
    """The elements of a dimension around a position, each with its weight and the weight's slope."""
    array = _array(place)
    if mode == "nearest":
        return [(np.rint(array), _like(np.ones_like(array), place), _like(np.zeros_like(array), place))]
    low = np.floor(array)
    share = place - _like(low, place)
    if mode == "bilinear":
        one = _like(np.ones_like(array), place)
        return [(low, 1 - share, -one), (low + 1, share, one)]
    return [(low + k, *_cubic(share - k)) for k in range(-1, 3)]


def _cubic(x: Any) -> tuple[Any, Any]:
    """The cubic convolution kernel with a = -0.75, and its slope. Source: R. Keys (1981), eq. 15."""
    a, size, close = -0.75, ops.abs(x), _like(np.abs(_array(x)) <= 1, x)
    near = ((a + 2) * size - (a + 3)) * size * size + 1
    far = ((a * size - 5 * a) * size + 8 * a) * size - 4 * a
    near_slope = (3 * (a + 2) * size - 2 * (a + 3)) * size
    far_slope = (3 * a * size - 10 * a) * size + 8 * a
    return ops.where(close, near, far), ops.sgn(x) * ops.where(close, near_slope, far_slope)


def _index(elements: tuple[Any, ...], size: Sizes, padding_mode: str, align_corners: bool) -> tuple[Any, Any]:
    """Where elements lie in a plane, and whether they lie in it at all."""
    index, inside = np.zeros(elements[0].shape, np.int64), np.ones(elements[0].shape, bool)
    for element, n in zip(elements, size):
        if padding_mode == "reflection":
            element = _reflected(element, n, align_corners)[0]
        if padding_mode != "zeros":
            element = np.clip(element, 0, n - 1)
        known = (element >= 0) & (element <= n - 1)
        index, inside = index * n + np.where(known, element, 0).astype(np.int64), inside & known
    return index, inside


def _cells(input: Any, grid: Any, mode: str, padding_mode: str, align_corners: bool) -> Iterator[tuple[Any, ...]]:
    """Each corner of the cells around the places: its elements of the input, and for each dimension weight and slope."""
    size, channels = tuple(input.shape[2:]), input.shape[1]
    ndim = len(size)
    sources = [
        _source(ops.select(grid, -1, ndim - 1 - d), size[d], mode, padding_mode, align_corners) for d in range(ndim)
    ]
    for corner in itertools.product(*(_neighbours(place, mode) for place, _ in sources)):
        index, inside = _index(tuple(element for element, *_ in corner), size, padding_mode, align_corners)
        index = np.broadcast_to(index[:, None], (len(index), channels, *index.shape[1:]))
        known = _like(inside.astype(_array(grid).dtype), grid)
        slopes = [
            slope * (_like(factor, grid) if isinstance(factor, np.ndarray) else factor)
            for (*_, slope), (_, factor) in zip(corner, sources)
        ]
        yield _like(index, input), known, [weight for _, weight, _ in corner], slopes


def _product(factors: Any) -> Any:
    return functools.reduce(operator.mul, factors)


def _sampled(input: Any, grid: Any, mode: str, padding_mode: str, align_corners: bool) -> Any:
    ndim = input.ndim - 2
    return functools.reduce(operator.add, (
        take(input, index, ndim) * ops.unsqueeze(_product([known, *weights]), 1)
        for index, known, weights, _ in _cells(input, grid, mode, padding_mode, align_corners)
    ))  # fmt: skip


def _input_vjp(
    grad: Any, input: Any, input_shape: Sizes, grid: Any, mode: str, padding_mode: str, align_corners: bool
) -> Any:
    return functools.reduce(operator.add, (
        add_at(grad * ops.unsqueeze(_product([known, *weights]), 1), index, input_shape[2:])
        for index, known, weights, _ in _cells(input, grid, mode, padding_mode, align_corners)
    ))  # fmt: skip


def _everywhere(grid: Any) -> Any:
    return _like(np.ones(tuple(grid.shape), bool), grid)


def _grid_vjp(grad: Any, input: Any, grid: Any, mode: str, padding_mode: str, align_corners: bool) -> Any:
    if mode == "nearest":  # flat, though not out of the graph
        return ops.masked_fill(grid, _everywhere(grid), 0)
    ndim, flows = input.ndim - 2, [0.0] * (input.ndim - 2)
    for index, known, weights, slopes in _cells(input, grid, mode, padding_mode, align_corners):
        felt = ops.sum(grad * take(input, index, ndim), 1)
        for d in range(ndim):
            others = [weights[e] for e in range(ndim) if e != d]
            flows[d] = flows[d] + _product([felt, known, slopes[d], *others])
    return ops.cat([ops.unsqueeze(flow, -1) for flow in reversed(flows)], -1)


def _sampler(ndim: int) -> PrimitiveFunction:
    @primitive(name=f"GridSampler{ndim}DBackward0")
    def sample(input: Any, grid: Any, /, mode: str, padding_mode: str, align_corners: bool) -> Any:
        if input.dtype != grid.dtype:
            titles = [dtypes.scalar_title(x.dtype) for x in (input, grid)]
            raise RuntimeError(f"expected scalar type {titles[0]} but found {titles[1]}")
        return np.ascontiguousarray(_sampled(input, grid, mode, padding_mode, align_corners), input.dtype)

    sample.defvjp(_input_vjp, _grid_vjp)
    sample.defjvp(*(no_tangent(f"grid_sampler_{ndim}d"),) * 2)
    return sample


_SAMPLERS = {ndim: _sampler(ndim) for ndim in (2, 3)}


def _check_grid(input: Any, grid: Any, mode: str) -> None:
    """Refuse a grid that is not for the input.

    Errors: RuntimeError.
    """
    shapes = [list(x.shape) for x in (input, grid)]
    ndim = input.ndim - 2
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{shapes[0]} and grid with sizes {shapes[1]}"
        )
    if grid.shape[-1] != ndim:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {ndim} in last dimension, but got grid with sizes {shapes[1]}"
        )
    for d in range(2, input.ndim):
        if not input.shape[d]:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                f"{shapes[0]} with dimension {d} being empty"
            )
    if ndim not in _SAMPLERS or grid.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{shapes[0]} and grid with sizes {shapes[1]}"
        )
    if mode == "bicubic" and ndim == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """The values of ``input`` at the places in ``grid``, which run from -1 to 1 over each dimension, the last one first.

    Shapes: input ``(N, C, H, W)`` with grid ``(N, h, w, 2)``, or ``(N, C, D, H, W)`` with ``(N, d, h, w, 3)``.
    Errors: ValueError for modes that there are not; RuntimeError for shapes that do not fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(_ALIGNMENT, UserWarning, stacklevel=2)
    _check_grid(input, grid, mode)
    return _SAMPLERS[input.ndim - 2](input, grid, mode, padding_mode, bool(align_corners))


# affine maps ----------------------------------------------------------------------------------------------------------


def _base(size: Sizes, align_corners: bool, kind: Any) -> Any:
    """The places of a grid of ``size``, the last dimension first, each with a 1 behind. Shapes: ``(places, ndim + 1)``."""
    axes = []
    for n in size:
        if align_corners:
            axes.append(np.linspace(-1, 1, n, dtype=kind) if n > 1 else np.zeros(n, kind))
        else:
            axes.append(((2 * np.arange(n) + 1) / n - 1).astype(kind))
    places = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], -1).reshape(-1, len(size))
    return np.concatenate((places, np.ones((len(places), 1), kind)), 1)


@primitive(name="AffineGridGeneratorBackward0")
def _affine_grid(theta: Any, /, size: Sizes, align_corners: bool) -> Any:
    result = _base(size, align_corners, theta.dtype) @ theta.swapaxes(1, 2)
    return result.reshape(len(theta), *size, len(size))


@primitive()
def _affine_sum(grid: Any, /, size: Sizes, align_corners: bool) -> Any:
    """The transpose of ``_affine_grid``."""
    flat = grid.reshape(len(grid), math.prod(size), len(size))
    return (_base(size, align_corners, grid.dtype).T @ flat).swapaxes(1, 2)


_affine_grid.defvjp(lambda grad, size, align_corners: _affine_sum(grad, size, align_corners))
_affine_sum.defvjp(lambda grad, size, align_corners: _affine_grid(grad, size, align_corners))


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The grid for ``grid_sample`` that samples as the affine maps ``theta`` say.

    Shapes: theta ``(N, 2, 3)`` for a size ``(N, C, H, W)``, or ``(N, 3, 4)`` for ``(N, C, D, H, W)``.
    Errors: ValueError for shapes that do not fit; NotImplementedError for another number of dimensions.
    """
    if align_corners is None:
        warnings.warn(_ALIGNMENT, UserWarning, stacklevel=2)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    ndim = len(size) - 2
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (ndim, ndim + 1):
        raise ValueError(
            f"Expected a batch of {ndim}D affine matrices of shape Nx{ndim}x{ndim + 1} for size {size}. Got {theta.shape}."
        )
    spatial = tuple(size[2:])
    if align_corners and min(spatial) == 1:
        warnings.warn(_UNIT, UserWarning, stacklevel=2)
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {[size[0], ndim + 1]} but got: "
            f"{[theta.shape[0], ndim + 1]}."
        )
    return _affine_grid(theta, spatial, bool(align_corners))


_UNIT = (
    "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an "
    "intended use case of affine_grid. See the documentation of affine_grid for details."
)
