"""Normalization: mean 0 and variance 1 over layers, groups, batches or instances; and by size alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.activation import require_floating
from refgrad.engine.ops.copies import hang
from refgrad.engine.ops.entropy import _constant
from refgrad.engine.ops.padding import pad
from refgrad.engine.ops.pooling import avg_pool2d, avg_pool3d
from refgrad.engine.ops.reduction import add_reduce
from refgrad.engine.ops.sliding import Sizes
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm",
]  # fmt: skip


Names = tuple[str, ...]

# the one primitive ----------------------------------------------------------------------------------------------------


def moments(input: Any, dim: Sizes, eps: float) -> tuple[Any, Any]:
    """Mean and reciprocal standard deviation of an array over ``dim``; 16-bit floats in float32."""
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    count = math.prod(wide.shape[d] for d in dim) or math.nan
    mean = add_reduce(wide, dim, None, None, True) / count
    centered = wide - mean
    return mean, 1 / np.sqrt(add_reduce(centered * centered, dim, None, None, True) / count + eps)


def _standardized(input: Any, dim: Sizes, eps: float) -> tuple[Any, Any]:
    """As recorded: ``input`` with mean 0 and variance 1, and what it was scaled by."""
    centered = input - ops.mean(input, dim, True)
    centered = centered - ops.mean(centered, dim, True)  # what the first mean was rounded by counts where all are close
    scale = ops.rsqrt(ops.mean(centered * centered, dim, True) + eps)
    return centered * scale, scale


def require_vector(shape: Sizes) -> None:
    """Refuse a number in the place of a vector of one channel, where PyTorch reads it as a vector.

    Errors: RuntimeError.
    """
    if not shape:
        raise RuntimeError("TensorAccessor expected 1 dims but tensor has 0")


def _scaled(grad: Any, weight: Any, affine: Sizes) -> Any:
    """The gradient before the weight was multiplied with."""
    if weight is None:
        return grad
    require_vector(weight.shape)
    return grad * ops.reshape(weight, affine)


def _of_affine(value: Any, affine: Sizes, shape: Sizes) -> Any:
    """The gradient of a weight that was broadcast as ``affine``."""
    lead = value.ndim - len(affine)
    dim = (*range(lead), *(lead + d for d, n in enumerate(affine) if n == 1 and value.shape[lead + d] != 1))
    return ops.reshape(ops.sum(value, dim) if dim else value, shape)


def _normalized(
    input: Any, weight: Any, bias: Any, shape: Sizes, dim: Sizes, affine: Sizes, eps: float
) -> tuple[Any, Any, Any]:
    """``input``, laid out as ``shape``, standardized over ``dim``; and by which mean and reciprocal deviation.

    ``affine`` is the shape in which weight and bias broadcast with the input.
    """
    laid_out = input.reshape(shape)
    mean, scale = moments(laid_out, dim, eps)
    result = ((laid_out - mean) * scale).reshape(input.shape)
    result = result if weight is None else result * weight.reshape(affine)
    return (result if bias is None else result + bias.reshape(affine)).astype(input.dtype, copy=False), mean, scale


def _input_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight: Any, shape: Sizes, dim: Sizes, affine: Sizes, eps: float
) -> Any:
    normal, scale = _standardized(ops.reshape(input, shape), dim, eps)
    grad = ops.reshape(_scaled(grad, weight, affine), shape)
    spread = grad - ops.mean(grad, dim, True) - normal * ops.mean(grad * normal, dim, True)
    return ops.reshape(scale * spread, input_shape)


def _weight_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight_shape: Sizes, shape: Sizes, dim: Sizes, affine: Sizes, eps: float
) -> Any:
    require_vector(weight_shape)
    normal = ops.reshape(_standardized(ops.reshape(input, shape), dim, eps)[0], input_shape)
    return _of_affine(grad * normal, affine, weight_shape)


def _bias_vjp(grad: Any, bias_shape: Sizes, affine: Sizes) -> Any:
    return _of_affine(grad, affine, bias_shape)


@primitive(name="NativeLayerNormBackward0", joint=("input", "weight"), beside=("bias",))
def _layer_norm(input: Any, weight: Any, bias: Any, /, shape: Sizes, dim: Sizes, affine: Sizes, eps: float) -> Any:
    require_floating("LayerNormKernelImpl", input)
    return _normalized(input, weight, bias, shape, dim, affine, eps)[0]


_layer_norm.defvjp(_input_vjp, _weight_vjp, _bias_vjp)


@primitive(name="NativeBatchNormBackward0", joint=("input", "weight"))
def _batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, /, shape: Sizes, dim: Sizes,
    affine: Sizes, eps: float,
) -> Any:  # fmt: skip
    require_floating("batch_norm", input)
    return _normalized(input, weight, bias, shape, dim, affine, eps)[0]


def _require_constants(running_mean: Any, running_var: Any) -> None:
    """The statistics are saved, and given to a function that is not differentiable by them."""
    _constant(running_mean, "running_mean", "native_batch_norm_backward")
    _constant(running_var, "running_var", "native_batch_norm_backward")


def _batch_input_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight: Any, running_mean: Any, running_var: Any, shape: Sizes,
    dim: Sizes, affine: Sizes, eps: float,
) -> Any:  # fmt: skip
    _require_constants(running_mean, running_var)
    return _input_vjp(grad, input, input_shape, weight, shape, dim, affine, eps)


def _batch_weight_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight_shape: Sizes, running_mean: Any, running_var: Any, shape: Sizes,
    dim: Sizes, affine: Sizes, eps: float,
) -> Any:  # fmt: skip
    _require_constants(running_mean, running_var)
    return _weight_vjp(grad, input, input_shape, weight_shape, shape, dim, affine, eps)


def _batch_bias_vjp(grad: Any, bias_shape: Sizes, running_mean: Any, running_var: Any, affine: Sizes) -> Any:
    _require_constants(running_mean, running_var)
    return _bias_vjp(grad, bias_shape, affine)


_batch_norm.defvjp(_batch_input_vjp, _batch_weight_vjp, _batch_bias_vjp)


@primitive(
    name="NativeGroupNormBackward0",
    outputs=("output", "mean", "rstd"),
    together=("input", "weight", "bias"),
    saves=("input", "weight"),
)
def _group_norm(
    input: Any, weight: Any, bias: Any, /, shape: Sizes, dim: Sizes, affine: Sizes, eps: float
) -> tuple[Any, Any, Any]:
    require_floating("GroupNormKernelImpl", input)
    return _normalized(input, weight, bias, shape, dim, affine, eps)


# PyTorch computes the group's gradients of the means, which it has saved as results, and these have a history


def _group_input_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight: Any, mean: Any, shape: Sizes, dim: Sizes, affine: Sizes,
    eps: float,
) -> Any:  # fmt: skip
    return hang(_input_vjp(grad[0], input, input_shape, weight, shape, dim, affine, eps), mean)


def _group_weight_vjp(
    grad: Any, input: Any, input_shape: Sizes, weight_shape: Sizes, mean: Any, shape: Sizes, dim: Sizes,
    affine: Sizes, eps: float,
) -> Any:  # fmt: skip
    return hang(_weight_vjp(grad[0], input, input_shape, weight_shape, shape, dim, affine, eps), mean)


_group_norm.defvjp(
    _group_input_vjp,
    _group_weight_vjp,
    lambda grad, bias_shape, affine: _bias_vjp(grad[0], bias_shape, affine),
)


# layers ---------------------------------------------------------------------------------------------------------------


def _check_layer(input: Any, shape: list[int], **parameters: Any) -> None:
    """Refuse shapes that do not fit.

    Errors: RuntimeError.
    """
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, x in parameters.items():
        if x is not None and list(x.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(x.shape)} and "
                f"normalized_shape = {shape}"
            )
    if list(input.shape)[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        comma = ", " if "bias" in parameters else ""
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [*{comma}{', '.join(map(str, shape))}], but got "
            f"input of size{list(input.shape)}"
        )


def _shape_of(name: str, normalized_shape: Any) -> list[int]:
    if isinstance(normalized_shape, int):
        raise TypeError(f"{name}(): argument 'normalized_shape' (position 2) must be tuple of ints, not int")
    return list(normalized_shape)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Any:
    """``input`` with mean 0 and variance 1 over its last dimensions, then scaled and shifted.

    Errors: RuntimeError for shapes that do not fit.
    """
    shape = _shape_of("layer_norm", normalized_shape)
    _check_layer(input, shape, weight=weight, bias=bias)
    dim = tuple(range(input.ndim - len(shape), input.ndim))
    return _layer_norm(input, weight, bias, tuple(input.shape), dim, tuple(shape), eps)


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """``input`` with a mean square of 1 over its last dimensions, then scaled.

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019), eq. 4.
    Errors: RuntimeError for shapes that do not fit.
    """
    shape = _shape_of("rms_norm", normalized_shape)
    _check_layer(input, shape, weight=weight)
    kind = input._array.dtype
    if kind.kind in "biu":
        raise NotImplementedError(f"\"rms_norm\" not implemented for '{dtypes.scalar_title(kind)}'")
    wide = ops.to_copy(input, np.dtype(np.float32)) if kind.itemsize == 2 else input
    floor = dtypes.finfo(dtypes.of(wide._array.dtype)).eps if eps is None else eps
    square = ops.mean(ops.pow(wide, 2), tuple(range(input.ndim - len(shape), input.ndim)), True)
    result = wide * ops.rsqrt(square + floor)
    result = result if weight is None else result * weight
    return ops.to_copy(result, kind) if kind.itemsize == 2 else result


# groups, batches, instances -------------------------------------------------------------------------------------------


def _check_values(size: Any, count: int) -> None:
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")


def check_channels(input: Any, channels: int, **parameters: Any) -> None:
    """Refuse statistics and parameters of another number of channels.

    Errors: RuntimeError.
    """
    for name, x in parameters.items():
        if x is not None and math.prod(x.shape) != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {math.prod(x.shape)}")


def grouped(input: Any, num_groups: int, weight: Any, bias: Any, eps: float) -> Any:
    """``group_norm`` once its arguments are checked."""
    count, channels = input.shape[:2]
    width = math.prod(input.shape[1:]) // num_groups
    affine = (channels, *(1 for _ in input.shape[2:]))
    return _group_norm(input, weight, bias, (count, num_groups, width), (2,), affine, eps)[0]


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Any:
    """``input`` with mean 0 and variance 1 over groups of channels, then scaled and shifted.

    Shapes: ``(N, C, ...)``, weight and bias ``(C,)``.
    Errors: RuntimeError for channels that do not divide, ValueError for a single value.
    """
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    shape = list(input.shape)
    size = [shape[0] * shape[1] // num_groups, num_groups, *shape[2:]]
    _check_values(size, size[0] * math.prod(size[2:]))
    if shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{shape} and num_groups={num_groups}"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and list(x.shape) != [shape[1]]:
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                # PyTorch tells the weight's shape where the bias is wrong
                f"shape {list((weight if weight is not None else x).shape)} and input of shape {shape}"
            )
    return grouped(input, num_groups, weight, bias, eps)


@primitive(name="NativeBatchNormBackward0", joint=("input", "weight", "mean", "var"))
def _by_constants(input: Any, weight: Any, bias: Any, mean: Any, var: Any, /, affine: Sizes, eps: float) -> Any:
    """``batch_norm`` by statistics that are given."""
    require_floating("batch_norm", input)
    result = (input - mean.reshape(affine)) / np.sqrt(var.reshape(affine) + eps)
    result = result if weight is None else result * weight.reshape(affine)
    return (result if bias is None else result + bias.reshape(affine)).astype(input.dtype, copy=False)


def _scale(var: Any, affine: Sizes, eps: float) -> Any:
    return ops.rsqrt(ops.reshape(var, affine) + eps)


def _constants_input_vjp(grad: Any, weight: Any, mean: Any, var: Any, affine: Sizes, eps: float) -> Any:
    _require_constants(mean, var)
    return _scaled(grad, weight, affine) * _scale(var, affine, eps)


def _constants_weight_vjp(
    grad: Any, input: Any, weight_shape: Sizes, mean: Any, var: Any, affine: Sizes, eps: float
) -> Any:
    _require_constants(mean, var)
    require_vector(weight_shape)
    normal = (input - ops.reshape(mean, affine)) * _scale(var, affine, eps)
    return _of_affine(grad * normal, affine, weight_shape)


_by_constants.defvjp(
    _constants_input_vjp,
    _constants_weight_vjp,
    lambda grad, bias_shape, mean, var, affine: _batch_bias_vjp(grad, bias_shape, mean, var, affine),
)


def _follow(running: Any, value: Any, momentum: float) -> None:
    """Move a running statistic towards ``value``, in place; PyTorch does not count this write as one."""
    running._array[...] = (1 - momentum) * running._array + momentum * value


def batched(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    """``batch_norm`` once its batch is checked.

    Errors: RuntimeError for parameters of other sizes, and without statistics out of training.
    """
    if not math.prod(input.shape):
        return _of_nothing(input, weight, bias)
    channels = input.shape[1] if input.ndim > 1 else 0  # what PyTorch finds behind its sizes
    affine = (channels, *(1 for _ in input.shape[2:]))
    statistics = {"running_mean": running_mean, "running_var": running_var}
    for name, x in statistics.items():
        if x is None and not training:
            raise RuntimeError(f"{name} must be defined in evaluation mode")
        check_channels(input, channels, **{name: x})
    check_channels(input, channels, weight=weight, bias=bias)
    if training and (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    for x in statistics.values():
        require_vector((1,) if x is None else x.shape)
    if input.ndim < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    if not training:
        return _by_constants(input, weight, bias, running_mean, running_var, affine, eps)
    dim = (0, *range(2, input.ndim))
    result = _batch_norm(input, weight, bias, running_mean, running_var, tuple(input.shape), dim, affine, eps)
    if running_mean is not None:
        array = input._array
        count = array.size // channels
        _follow(running_mean, array.mean(dim), momentum)
        _follow(running_var, array.var(dim) * (count / max(count - 1, 1)), momentum)
    return result


def _of_nothing(input: Any, weight: Any, bias: Any) -> Any:
    result = ops.clone(input)
    result = result if weight is None else result * weight[0]
    return result if bias is None else result + bias[0]


def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-05,
) -> Any:  # fmt: skip
    """``input`` with mean 0 and variance 1 over its batch, or by the running statistics, then scaled and shifted.

    In training the running statistics follow those of the batch, in place.
    Shapes: ``(N, C, ...)``, all others ``(C,)``.
    Source: Ioffe and Szegedy, "Batch normalization" (2015), algorithm 1.
    Errors: ValueError for a single value a channel; RuntimeError for parameters of other sizes.
    """
    if training:
        _check_values(input.shape, math.prod((input.shape[0], *input.shape[2:])))
    if training and eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    return batched(input, running_mean, running_var, weight, bias, training, momentum, eps)


def by_instance(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, use_input_stats: bool, momentum: float,
    eps: float,
) -> Any:  # fmt: skip
    """``instance_norm`` once its size is checked: a ``batch_norm`` of one sample with the channels of all.

    Errors: RuntimeError for parameters of other sizes, and without statistics to use.
    """
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    shape = tuple(input.shape)
    count, channels = shape[:2]
    mean, var, scale, shift = (
        None if x is None else ops.repeat(x, (count,)) for x in (running_mean, running_var, weight, bias)
    )
    flat = ops.reshape(ops.contiguous(input), (1, count * channels, *shape[2:]))
    result = batched(flat, mean, var, scale, shift, use_input_stats, momentum, eps)
    for running, repeated in ((running_mean, mean), (running_var, var)):
        if repeated is not None and use_input_stats:
            running.copy_(wrap(repeated._array.reshape(count, channels).mean(0)))
    return ops.view(result, shape)


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05,
) -> Any:  # fmt: skip
    """``input`` with mean 0 and variance 1 over each channel of each sample, then scaled and shifted.

    Shapes: ``(N, C, ...)``, all others ``(C,)``.
    Errors: ValueError for a single value a channel; RuntimeError for parameters of other sizes.
    """
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    return by_instance(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


# by size alone --------------------------------------------------------------------------------------------------------


def local_response_norm(input: Any, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Any:
    """``input`` divided by a power of the mean square of ``size`` channels around each.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012), section 3.3.
    Errors: ValueError for fewer than three dimensions.
    """
    if input.ndim < 3:
        spaces = " " * 26  # PyTorch's text runs over two lines
        raise ValueError(f"Expected 3D or higher dimensionality{spaces}input (got {input.ndim} dimensions)")
    shape = tuple(input.shape)
    if not math.prod(shape):
        return input
    around = (size // 2, (size - 1) // 2)
    square = input * input
    if input.ndim == 3:
        padded = pad(ops.unsqueeze(square, 1), (0, 0, *around))
        mean = ops.squeeze(avg_pool2d(padded, (size, 1), stride=1), 1)
    else:
        planes = ops.view(square, (shape[0], 1, shape[1], shape[2], -1))
        padded = pad(planes, (0, 0, 0, 0, *around))
        mean = ops.view(ops.squeeze(avg_pool3d(padded, (size, 1, 1), stride=1), 1), shape)
    return input / ops.pow(mean * alpha + k, beta)
