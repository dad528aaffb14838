"""Pooling at random windows, and the way back from pooling by the largest element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, ops, random
from refgrad.engine.ops.planes import chooser, first_largest, flat, take
from refgrad.engine.ops.sliding import Sizes
from refgrad.engine.primitive import primitive, wrap

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d"]


# at random ------------------------------------------------------------------------------------------------------------


def _starts(sample: Any, n: int, count: int, kernel: int) -> Any:
    """Where ``count`` windows over ``n`` elements start, for each sample in [0, 1).

    Source: B. Graham, "Fractional max-pooling" (2014), section 2.1, pseudorandom sequences.
    """
    step = sample.dtype.type((n - kernel) / (count - 1)) if count > 1 else sample.dtype.type(0)
    starts = ((np.arange(count) + sample[..., None]) * step).astype(np.int64) - (sample * step).astype(np.int64)[
        ..., None
    ]
    starts[..., -1:] = n - kernel
    return starts


def _scatter_windows(input: Any, how: tuple[Sizes, Sizes, Any]) -> Any:
    kernel, counts, samples = how
    ndim, size = len(kernel), input.shape[-len(kernel) :]
    order = range(ndim) if ndim == 3 else (1, 0)  # of a plane the width is drawn first
    places: Any = 0
    for d, sample in enumerate(order):
        at = _starts(samples[..., sample], size[d], counts[d], kernel[d])
        shape = [1] * (2 * ndim)
        shape[d] = kernel[d]
        within = np.arange(kernel[d]).reshape(shape)
        shape = [1] * (2 * ndim)
        shape[ndim + d] = counts[d]
        at = at.reshape(*at.shape[:-1], *shape)
        places = places + (at + within) * math.prod(size[d + 1 :])
    lead = input.shape[:-ndim]
    places = places.reshape(*lead, math.prod(kernel), *counts)
    values = np.take_along_axis(flat(input, ndim), flat(places, ndim + 1), -1).reshape(places.shape)
    return first_largest(values, places, -1 - ndim)


_RANDOM = {
    2: chooser("FractionalMaxPool2DBackward0", _scatter_windows),
    3: chooser("FractionalMaxPool3DBackward0", _scatter_windows),
}


def _fractional(
    ndim: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Any, Any]:
    name = f"fractional_max_pool{ndim}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if output_size is None:
        if ndim == 2 and len(output_ratio) > 2:  # of a plane PyTorch takes no single ratio
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
        ratios = (output_ratio,) * ndim if isinstance(output_ratio, (int, float)) else output_ratio
        output_size = [int(n * ratio) for n, ratio in zip(tuple(input.shape)[-ndim:], ratios)]
    kernel, counts = ((v,) * ndim if isinstance(v, int) else tuple(v) for v in (kernel_size, output_size))
    size = tuple(input.shape)[-ndim:]
    dims.wrap(-ndim - 1, input.ndim)
    batch = 1 if input.ndim == ndim + 1 else input.shape[0]
    if samples is None:
        drawn = random.uniform(random.default_generator, (batch, input.shape[-ndim - 1], ndim), input._array.dtype)
        samples = wrap(drawn)
    _check_fractional(name, input, kernel, counts, size)
    given = samples._array if input.ndim == ndim + 2 else samples._array[0]
    values, indices = _RANDOM[ndim](input, ndim, (kernel, counts, given))
    return values, indices


def _check_fractional(name: str, input: Any, kernel: Sizes, counts: Sizes, size: Sizes) -> None:
    """Refuse windows that do not fit.

    Errors: RuntimeError.
    """
    ndim = len(size)
    if input.ndim not in (ndim + 1, ndim + 2) or 0 in tuple(input.shape)[-ndim - 1 :]:
        raise RuntimeError(
            f"{name}(): Expected {ndim + 1}D or {ndim + 2}D tensor with non-zero size for non-batch dimensions, but got: "
            f"{list(input.shape)}"
        )
    axes = ("time", "height", "width")[-ndim:]
    for axis, n, k, count in zip(axes, size, kernel, counts):
        if count + k - 1 > n:
            raise RuntimeError(f"{name}(): pool {axis} {k} too large relative to input {axis} {n}")


def fractional_max_pool2d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """The largest elements in windows of an image whose places are drawn at random.

    Shapes: ``(N, C, H, W)`` or ``(C, H, W)``.
    Errors: ValueError without a size of the output; RuntimeError for windows that do not fit.
    """
    found = _fractional(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


def fractional_max_pool3d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """The largest elements in windows of a volume whose places are drawn at random.

    Shapes: ``(N, C, D, H, W)`` or ``(C, D, H, W)``.
    Errors: ValueError without a size of the output; RuntimeError for windows that do not fit.
    """
    found = _fractional(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


# the way back ---------------------------------------------------------------------------------------------------------


@primitive(name="MaxUnpool2DBackward0")
def _unpool2d(input: Any, indices: Any, /, size: Sizes) -> Any:
    return _placed(input, indices, size)


@primitive(name="MaxUnpool3DBackward0")
def _unpool3d(input: Any, indices: Any, /, size: Sizes) -> Any:
    return _placed(input, indices, size)


for _op in (_unpool2d, _unpool3d):  # of several values for one place the last is kept, and all get its gradient
    _op.defvjp(input=lambda grad, indices, size: take(grad, indices, len(size)))
    _op.defjvp(input=lambda tangent, indices, size: _unpool2d(tangent, indices, size))


def _placed(input: Any, indices: Any, size: Sizes) -> Any:
    ndim, total = len(size), math.prod(size)
    wrong = indices[(indices < 0) | (indices >= total)]
    if wrong.size:
        raise RuntimeError(
            f"Found an invalid max index: {wrong.flat[-1]} (output volumes are of size {'x'.join(map(str, size))})"
        )
    lead = input.shape[:-ndim]
    result = np.zeros((*lead, total), input.dtype)
    np.put_along_axis(result, flat(indices, ndim), flat(input, ndim), -1)
    return result.reshape(*lead, *size)


def _unpool(ndim: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Any:
    kernel, pads = ((v,) * ndim if isinstance(v, int) else tuple(v) for v in (kernel_size, padding))
    steps = kernel if stride is None else (stride,) * ndim if isinstance(stride, int) else tuple(stride)
    shape = tuple(input.shape)
    default = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(shape[-ndim:], steps, kernel, pads)]
    size = _unpooled_size(default, steps, output_size)
    if ndim == 1:
        input, indices, size = ops.unsqueeze(input, -1), ops.unsqueeze(indices, -1), (*size, 1)
    if tuple(input.shape) != tuple(indices.shape):
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}"
        )
    result = (_unpool3d if ndim == 3 else _unpool2d)(input, indices, tuple(size))
    return ops.squeeze(result, -1) if ndim == 1 else result


def _unpooled_size(default: list[int], stride: Sizes, output_size: Any) -> Sizes:
    """The size that was pooled: the smallest that fits, or the one that is given.

    Errors: ValueError for one that does not fit.
    """
    ndim = len(default)
    if output_size is None:
        return tuple(default)
    size = output_size[2:] if len(output_size) == ndim + 2 else output_size
    if len(size) != ndim:
        raise ValueError(
            f"output_size should be a sequence containing {ndim} or {ndim + 2} elements, but it has a length of "
            f"'{len(size)}'"
        )
    for d, (n, low, high) in enumerate((n, m - s, m + s) for n, m, s in zip(size, default, stride)):
        if not low < n < high:
            raise ValueError(f'invalid output_size "{size}" (dim {d} must be between {low} and {high})')
    return tuple(size)


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Zeros with the largest elements that ``max_pool1d`` found back in their places.

    Errors: ValueError for a size that cannot have been pooled to the input's.
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Zeros with the largest elements that ``max_pool2d`` found back in their places.

    Errors: ValueError for a size that cannot have been pooled to the input's.
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Zeros with the largest elements that ``max_pool3d`` found back in their places.

    Errors: ValueError for a size that cannot have been pooled to the input's.
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)
