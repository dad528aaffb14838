"""Losses: how far a network's output is from its target, reduced to one number or not."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.ops.activation import require_floating
from refgrad.engine.primitive import primitive

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_backward", "binary_cross_entropy_with_logits", "cross_entropy",
    "huber_loss", "huber_loss_backward", "l1_loss", "mse_loss", "mse_loss_backward", "nll_loss", "nll_loss_backward",
    "smooth_l1_loss", "smooth_l1_loss_backward",
]  # fmt: skip

NONE, MEAN, SUM = range(3)  # PyTorch's numbers


def _reduction(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> int:
    """The number of a reduction; ``size_average`` and ``reduce`` are the old way to name it.

    Errors: ValueError for a name that there is not.
    """
    if size_average is not None or reduce is not None:
        whole = reduce is None or reduce
        reduction = "mean" if whole and (size_average is None or size_average) else "sum" if whole else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=3,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return ("none", "mean", "sum").index(reduction)


def _reduced(loss: Any, reduction: int) -> Any:
    """An array of losses, reduced; 16-bit floats are summed in float32."""
    if reduction == NONE:
        return loss
    total = np.add.reduce(loss, None, np.float32 if loss.dtype.itemsize == 2 else loss.dtype)
    return (total / loss.size if reduction == MEAN else total).astype(loss.dtype)


def _apply(loss: Any, reduction: int) -> Any:
    """As ``_reduced``, recorded."""
    return loss if reduction == NONE else ops.mean(loss) if reduction == MEAN else ops.sum(loss)


def _share(reduction: int, shape: tuple[int, ...]) -> float:
    """The weight of one element in the reduced loss."""
    return 1.0 / (math.prod(shape) or math.nan) if reduction == MEAN else 1.0


def _broadcast(input: Any, target: Any) -> tuple[Any, Any]:
    if tuple(input.shape) != tuple(target.shape):
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead "
            "to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )
        input, target = ops.broadcast_tensors(input, target)
    return input, target


def _weighted(loss: Any, weight: Any, reduction: int, shape: Any) -> Any:
    """The weighted losses, reduced to their weighted mean or sum."""
    if tuple(weight.shape) != tuple(shape):
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == NONE:
        return loss
    return ops.sum(loss) if reduction == SUM else ops.sum(loss) / ops.sum(weight)


# distances ------------------------------------------------------------------------------------------------------------


@primitive(promotes="yes", name="MseLossBackward0")
def _mse_loss(input: Any, target: Any, /, reduction: int) -> Any:
    require_floating("mse_cpu", input)
    difference = input - target
    return _reduced(difference * difference, reduction)


@primitive(promotes="yes")
def mse_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int) -> Any:
    """The gradient of ``mse_loss``."""
    return 2.0 * _share(reduction, np.shape(input)) * (input - target) * grad_output


@primitive(promotes="yes", name="SmoothL1LossBackward0")
def _smooth_l1_loss(input: Any, target: Any, /, reduction: int, beta: float) -> Any:
    require_floating("smooth_l1_cpu", input)
    size = np.abs(input - target)
    return _reduced(np.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction)


@primitive(promotes="yes", name="SmoothL1LossBackwardBackward0")
def smooth_l1_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int, beta: float) -> Any:
    """The gradient of ``smooth_l1_loss``."""
    return np.clip((input - target) / beta, -1, 1) * _share(reduction, np.shape(input)) * grad_output


@primitive(promotes="yes")
def _huber_loss(input: Any, target: Any, /, reduction: int, delta: float) -> Any:
    require_floating("huber_cpu", input)
    size = np.abs(input - target)
    return _reduced(np.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


@primitive(promotes="yes")
def huber_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int, delta: float) -> Any:
    """The gradient of ``huber_loss``."""
    return np.clip(input - target, -delta, delta) * _share(reduction, np.shape(input)) * grad_output


def _of_grad_output(backward: Any, grad: Any, grad_output: Any, *args: Any) -> Any:
    """The derivative of a loss's gradient by ``grad_output``, in which it is linear."""
    if args[2] == NONE:
        return backward(grad, *args)
    return ops.sum(backward(ops.ones_as(grad_output, ()), *args) * grad)


def _mse_curvature(grad: Any, grad_output: Any, input_shape: Any, reduction: int) -> Any:
    return grad * grad_output * (2.0 * _share(reduction, input_shape))


_mse_loss.defvjp(
    lambda grad, input, target, reduction: ops.mse_loss_backward(grad, input, target, reduction),
    lambda grad, input, target, reduction: ops.mse_loss_backward(grad, target, input, reduction),
)
mse_loss_backward.defvjp(
    lambda grad, grad_output, input, target, reduction: _of_grad_output(
        ops.mse_loss_backward, grad, grad_output, input, target, reduction
    ),
    _mse_curvature,
    lambda grad, grad_output, input_shape, reduction: -_mse_curvature(grad, grad_output, input_shape, reduction),
)


def _smooth_l1_curvature(grad: Any, grad_output: Any, input: Any, target: Any, reduction: int, beta: float) -> Any:
    inside = ops.where(ops.abs(input - target) < beta, grad * grad_output, 0.0)
    return inside * (_share(reduction, tuple(input.shape)) / beta)


_smooth_l1_loss.defvjp(
    lambda grad, input, target, reduction, beta: ops.smooth_l1_loss_backward(grad, input, target, reduction, beta),
    lambda grad, input, target, reduction, beta: ops.smooth_l1_loss_backward(grad, target, input, reduction, beta),
)
smooth_l1_loss_backward.defvjp(
    lambda grad, grad_output, input, target, reduction, beta: _of_grad_output(
        ops.smooth_l1_loss_backward, grad, grad_output, input, target, reduction, beta
    ),
    _smooth_l1_curvature,
    lambda grad, grad_output, input, target, reduction, beta: -_smooth_l1_curvature(
        grad, grad_output, input, target, reduction, beta
    ),
)


def _huber_curvature(grad: Any, grad_output: Any, input: Any, target: Any, reduction: int, delta: float) -> Any:
    inside = ops.where(ops.abs(input - target) < delta, grad * grad_output, 0.0)
    return inside * _share(reduction, tuple(input.shape))


_huber_loss.defvjp(
    lambda grad, input, target, reduction, delta: ops.huber_loss_backward(grad, input, target, reduction, delta),
    lambda grad, input, target, reduction, delta: ops.huber_loss_backward(grad, target, input, reduction, delta),
)
huber_loss_backward.defvjp(
    lambda grad, grad_output, input, target, reduction, delta: _of_grad_output(
        ops.huber_loss_backward, grad, grad_output, input, target, reduction, delta
    ),
    _huber_curvature,
    lambda grad, grad_output, input, target, reduction, delta: -_huber_curvature(
        grad, grad_output, input, target, reduction, delta
    ),
)


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared differences."""
    number = _reduction(reduction, size_average, reduce)
    shape = input.shape
    input, target = _broadcast(input, target)
    if weight is not None:
        return _weighted(ops.pow(input - target, 2), weight, number, shape)
    return _mse_loss(input, target, number)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The absolute differences."""
    number = _reduction(reduction, size_average, reduce)
    shape = input.shape
    input, target = _broadcast(input, target)
    loss = ops.abs(input - target)
    return _apply(loss, number) if weight is None else _weighted(loss, weight, number, shape)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """The absolute differences, rounded off to a parabola below ``beta``.

    Errors: RuntimeError for a negative ``beta``.
    """
    number = _reduction(reduction, size_average, reduce)
    input, target = _broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return _smooth_l1_loss(input, target, number, beta) if beta else _apply(ops.abs(input - target), number)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Half the squared differences, straight lines beyond ``delta``.

    Errors: RuntimeError unless ``delta`` is positive.
    """
    number = _reduction(reduction)
    shape = input.shape
    input, target = _broadcast(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _huber_loss(input, target, number, delta)
    if tuple(weight.shape) != tuple(shape):
        raise ValueError("Weights and input must have the same size.")
    return _apply(_huber_loss(input, target, NONE, delta) * weight, number)


# classes --------------------------------------------------------------------------------------------------------------


def _picked(input: Any, target: Any, weight: Any, ignore_index: int) -> tuple[Any, Any, int]:
    """Each sample's class (0 where it is ignored) and weight (0 there), and the dimension of the classes."""
    dim = 0 if input.ndim == 1 else 1
    kept = target != ignore_index
    classes = np.where(kept, target, 0).astype(np.int64)
    out = classes[(classes < 0) | (classes >= input.shape[dim])]
    if out.size:
        raise IndexError(f"Target {out.flat[0]} is out of bounds.")
    weights = kept.astype(input.dtype) if weight is None else np.where(kept, weight[classes], input.dtype.type(0))
    if input.ndim == 1:
        classes, weights = np.reshape(classes, ()), np.reshape(weights, ())
    return np.expand_dims(classes, dim), weights, dim


def _nll(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    require_floating("nll_loss_out_frame", input)
    classes, weights, dim = _picked(input, target, weight, ignore_index)
    chosen = np.squeeze(np.take_along_axis(input, classes, dim), dim)
    loss = np.where(weights == 0, input.dtype.type(0), -chosen * weights)
    if reduction != MEAN:
        return _reduced(loss, reduction)
    return (_reduced(loss, SUM) / _reduced(weights, SUM)).astype(input.dtype)


@primitive(name="NllLossBackward0")
def _nll_loss(input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int) -> Any:
    return _nll(input, target, weight, reduction, ignore_index)


@primitive(name="NllLoss2DBackward0")
def _nll_loss2d(input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int) -> Any:
    return _nll(input, target, weight, reduction, ignore_index)


@primitive()
def nll_loss_backward(
    grad_output: Any, input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int
) -> Any:
    """The gradient of ``nll_loss``."""
    classes, weights, dim = _picked(input, target, weight, ignore_index)
    scale = -weights / _reduced(weights, SUM) if reduction == MEAN else -weights
    result = np.zeros_like(input)
    np.put_along_axis(result, classes, np.expand_dims(scale * grad_output, dim).astype(input.dtype), dim)
    return result


for _op in (_nll_loss, _nll_loss2d):
    _op.defvjp(
        lambda grad, input, target, weight, reduction, ignore_index: ops.nll_loss_backward(
            grad, input, target, weight, reduction, ignore_index
        )
    )
nll_loss_backward.defvjp(
    lambda grad, target, weight, reduction, ignore_index: (_nll_loss if grad.ndim < 3 else _nll_loss2d)(
        grad, target, weight, reduction, ignore_index
    ),
    lambda grad: ops.zeros_like(grad),
)


def _check_classes(input: Any, target: Any, weight: Any) -> None:
    """Refuse what does not fit together.

    Errors: ValueError for sizes of batches, RuntimeError for other shapes and types.
    """
    shape, of_target = list(input.shape), list(target.shape)
    if not shape:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if len(shape) > 1 and of_target[:1] != shape[:1]:
        raise ValueError(
            f"Expected input batch_size ({shape[0]}) to match target batch_size ({of_target[0] if of_target else 1})."
        )
    if len(shape) <= 2 and len(of_target) > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if len(shape) == 1 and of_target not in ([], [1]):
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {of_target[0]}")
    if len(shape) == 4 and of_target != shape[:1] + shape[2:]:
        raise RuntimeError(f"size mismatch (got input: {shape} , target: {of_target}")
    if len(shape) > 2 and of_target != shape[:1] + shape[2:]:
        raise RuntimeError(f"Expected target size {shape[:1] + shape[2:]}, got {of_target}")
    kind = target._array.dtype
    if kind not in (np.int64, np.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {dtypes.scalar_title(kind)}")
    if weight is not None:
        _check_class_weight(input, weight, shape[0 if len(shape) == 1 else 1])


def _check_class_weight(input: Any, weight: Any, classes: int) -> None:
    _constant(weight, "weight", "nll_loss_forward")
    if list(weight.shape) != [classes]:
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of shape: "
            f"{list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        titles = [dtypes.scalar_title(x._array.dtype) for x in (input, weight)]
        raise RuntimeError(f"expected scalar type {titles[0]} but found {titles[1]}")


def _constant(tensor: Any, name: str, function: str) -> None:
    """Refuse a gradient that PyTorch has no formula for."""
    if isinstance(tensor, TensorBase) and tensor._requires_grad and modes.grad_enabled:
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{name}'. This input cannot have "
            "requires_grad True."
        )


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The negated log-probabilities of the target classes.

    Shapes: input ``(C,)``, ``(N, C)`` or ``(N, C, ...)``; target the same without ``C``.
    """
    number = _reduction(reduction, size_average, reduce)
    _check_classes(input, target, weight)
    return (_nll_loss if input.ndim <= 2 else _nll_loss2d)(input, target, weight, number, ignore_index)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The negated log-probabilities of the target classes, of unnormalised scores; or of target probabilities.

    Shapes: input ``(C,)``, ``(N, C)`` or ``(N, C, ...)``; target the same without ``C``, or, for probabilities, with it.
    """
    number = _reduction(reduction, size_average, reduce)
    probabilities = tuple(input.shape) == tuple(target.shape)
    if probabilities and not target.is_floating_point():
        title = dtypes.scalar_title(target._array.dtype)
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {title}")
    if probabilities and ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    scores = ops.log_softmax(input, 0 if input.ndim == 1 else 1)
    if probabilities:
        return _probability_loss(scores, target, weight, number, label_smoothing)
    _check_classes(scores, target, weight)
    loss = (_nll_loss if scores.ndim <= 2 else _nll_loss2d)(scores, target, weight, number, ignore_index)
    if not label_smoothing > 0:
        return loss
    classes = scores.shape[0 if scores.ndim == 1 else 1]
    smooth = _smooth_loss(scores, target, weight, number, ignore_index)
    return ops.mul_scalar(loss, 1 - label_smoothing) + ops.mul_scalar(smooth, label_smoothing / classes)


def _along_classes(weight: Any, scores: Any) -> Any:
    return weight if scores.ndim == 1 else ops.view(weight, (1, -1) + (1,) * (scores.ndim - 2))


def _probability_loss(scores: Any, target: Any, weight: Any, reduction: int, label_smoothing: float) -> Any:
    dim = 0 if scores.ndim == 1 else 1
    classes = scores.shape[dim]
    if weight is not None and list(weight.shape) != [classes]:
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    loss = scores * target
    if weight is not None:
        loss = loss * _along_classes(weight, scores)
    if reduction == NONE:
        return -ops.sum(loss, dim)
    total = -ops.sum(loss)
    return total if reduction == SUM else ops.div_scalar(total, math.prod(scores.shape) // classes or math.nan)


def _smooth_loss(scores: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    """The loss against equal probabilities."""
    weighted = scores if weight is None else scores * _along_classes(weight, scores)
    ignored = target == ignore_index
    loss = ops.masked_fill(-ops.sum(weighted, 0 if scores.ndim == 1 else 1), ignored, 0.0)
    if reduction != MEAN:
        return _apply(loss, reduction)
    kept = ops.logical_not(ignored)
    if weight is None:
        return ops.sum(loss) / ops.sum(kept)
    return ops.sum(loss) / ops.sum(ops.gather(weight, 0, ops.masked_select(target, kept)))


# probabilities --------------------------------------------------------------------------------------------------------


@primitive(name="BinaryCrossEntropyBackward0")
def _binary_cross_entropy(input: Any, target: Any, weight: Any, /, reduction: int) -> Any:
    if input.dtype != target.dtype:
        found, expected = (dtypes.scalar_title(x.dtype) for x in (target, input))
        raise RuntimeError(f"Found dtype {found} but expected {expected}")
    if not np.all((input >= 0) & (input <= 1)):
        raise RuntimeError("all elements of input should be between 0 and 1")
    floor = input.dtype.type(-100)  # PyTorch's bound for the logarithm of 0
    loss = (target - 1) * np.maximum(np.log1p(-input), floor) - target * np.maximum(np.log(input), floor)
    return _reduced(loss if weight is None else loss * weight, reduction)


@primitive()
def binary_cross_entropy_backward(grad_output: Any, input: Any, target: Any, weight: Any, /, reduction: int) -> Any:
    """The gradient of ``binary_cross_entropy``; near 0 and 1 its denominator is kept at 1e-12."""
    slope = (input - target) / np.maximum((1 - input) * input, input.dtype.type(1e-12)) * grad_output
    return (slope if weight is None else slope * weight) * _share(reduction, np.shape(input))


def _weigh(value: Any, weight: Any, reduction: int, shape: tuple[int, ...]) -> Any:
    value = value if weight is None else value * weight
    return ops.div_scalar(value, math.prod(shape) or math.nan) if reduction == MEAN else value


_EPSILON = 1e-12

_binary_cross_entropy.defvjp(
    input=lambda grad, input, target, weight, reduction: ops.binary_cross_entropy_backward(
        grad, input, target, weight, reduction
    ),
    target=lambda grad, input, target_shape, weight, reduction: _weigh(
        -ops.logit(input) * grad, weight, reduction, target_shape
    ),
)
binary_cross_entropy_backward.defvjp(
    grad_output=lambda grad, input, target, weight, reduction: _weigh(
        (input - target) / ((input + _EPSILON) * (1 - input + _EPSILON)) * grad, weight, reduction, tuple(input.shape)
    ),
    input=lambda grad, grad_output, input, target, weight, reduction: _weigh(
        (input * input - 2 * input * target + target)
        / (ops.pow(input + _EPSILON, 2) * ops.pow(1 - input + _EPSILON, 2))
        * (grad * grad_output),
        weight,
        reduction,
        tuple(input.shape),
    ),
    target=lambda grad, grad_output, input, weight, reduction: _weigh(
        -grad * grad_output / ops.clamp((1 - input) * input, _EPSILON), weight, reduction, tuple(input.shape)
    ),
)


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """The cross entropy of probabilities of one class.

    Errors: ValueError for another size of target, RuntimeError for inputs outside [0, 1].
    """
    number = _reduction(reduction, size_average, reduce)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. Please "
            "ensure they have the same size."
        )
    return _binary_cross_entropy(input, target, weight, number)


@primitive(name="BinaryCrossEntropyWithLogitsBackward0")
def _bce_with_logits(input: Any, target: Any, weight: Any, pos_weight: Any, /, reduction: int) -> Any:
    if target.dtype.kind in "biu":
        titles = [dtypes.scalar_title(x.dtype) for x in (input, target)]
        raise RuntimeError(f"result type {titles[0]} can't be cast to the desired output type {titles[1]}")
    log_sigmoid = np.minimum(input, input.dtype.type(0)) - np.log1p(np.exp(-np.abs(input)))
    if pos_weight is not None:
        log_sigmoid = log_sigmoid * ((pos_weight - 1) * target + 1)
    loss = ((1 - target) * input - log_sigmoid).astype(target.dtype)  # PyTorch computes in the target's memory
    return _reduced(loss if weight is None else (loss * weight).astype(target.dtype), reduction)


def _bce_with_logits_vjp(
    grad: Any, input: Any, input_shape: Any, target: Any, weight: Any, pos_weight: Any, reduction: int
) -> Any:
    if pos_weight is None:
        slope = ops.sigmoid(input) - target
    else:
        positive = pos_weight * target
        slope = (positive + 1 - target) * ops.sigmoid(input) - positive
    return _weigh(slope * grad, weight, reduction, input_shape)


def _bce_with_logits_target_vjp(
    grad: Any, input: Any, target_shape: Any, weight: Any, pos_weight: Any, reduction: int
) -> Any:
    slope = -input if pos_weight is None else ops.logsigmoid(-input) - ops.logsigmoid(input) * pos_weight
    return _weigh(slope * grad, weight, reduction, target_shape)


_bce_with_logits.defvjp(_bce_with_logits_vjp, _bce_with_logits_target_vjp)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """As ``binary_cross_entropy``, of scores whose sigmoid is the probability.

    Errors: ValueError for another size of target.
    """
    number = _reduction(reduction, size_average, reduce)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    for name, x in (("weight", weight), ("pos_weight", pos_weight)):
        _constant(x, name, "binary_cross_entropy_with_logits")
    return _bce_with_logits(input, target, weight, pos_weight, number)
