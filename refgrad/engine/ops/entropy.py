"""Losses of classes and probabilities: how unlikely an output makes its target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.ops.activation import require_floating, require_real
from refgrad.engine.ops.loss import MEAN, NONE, SUM, apply_reduction, element_share, reduced, reduction_number
from refgrad.engine.primitive import primitive

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_backward", "binary_cross_entropy_with_logits", "cross_entropy",
    "nll_loss", "nll_loss_backward",
]  # fmt: skip


# classes --------------------------------------------------------------------------------------------------------------


def _targets(input: Any, target: Any, weight: Any, ignore_index: int) -> tuple[Any, Any, Any, Any]:
    """Which samples count (None: all), the key of their classes in ``input``, their weights, and the sum of these."""
    target = target if input.ndim > 1 else np.reshape(target, ())
    kept = target != ignore_index
    if kept.all():
        kept, classes = None, target
    else:
        classes = np.where(kept, target, 0)
    weights = None if weight is None else weight[classes]
    if weights is None:
        total = classes.size if kept is None else np.count_nonzero(kept)
    else:
        total = reduced(weights if kept is None else np.where(kept, weights, weights.dtype.type(0)), SUM)
    return kept, _class_key(input.ndim, classes), weights, total


def _class_key(ndim: int, classes: Any) -> Any:
    """The index of each sample's class in an array with a dimension for the classes."""
    if ndim == 1:
        return classes
    if ndim == 2:
        return np.arange(classes.size), classes
    first, *rest = np.ogrid[tuple(slice(n) for n in classes.shape)]
    return (first, classes, *rest)


def _check_bounds(target: Any, classes: int, ignore_index: int) -> None:
    out = target[((target < 0) | (target >= classes)) & (target != ignore_index)]
    if out.size:
        raise IndexError(f"Target {out.flat[0]} is out of bounds.")


def _nll(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    require_floating("nll_loss_out_frame", input)
    _check_bounds(target, input.shape[0 if input.ndim == 1 else 1], ignore_index)
    kept, key, weights, total = _targets(input, target, weight, ignore_index)
    loss = -input[key] if weights is None else -input[key] * weights
    if kept is not None:
        loss = np.where(kept, loss, loss.dtype.type(0))
    return reduced(loss, reduction) if reduction != MEAN else (reduced(loss, SUM) / total).astype(input.dtype)


@primitive(name="NllLossBackward0")
def _nll_loss(input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int) -> Any:
    return _nll(input, target, weight, reduction, ignore_index)


@primitive(name="NllLoss2DBackward0")
def _nll_loss2d(input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int) -> Any:
    return _nll(input, target, weight, reduction, ignore_index)


@primitive(saves=("target",))
def nll_loss_backward(
    grad_output: Any, input: Any, target: Any, weight: Any, /, reduction: int, ignore_index: int
) -> Any:
    """The gradient of ``nll_loss``."""
    kept, key, weights, total = _targets(input, target, weight, ignore_index)
    values = -grad_output if weights is None else -grad_output * weights
    if reduction == MEAN:
        values = values / total
    result = np.zeros(input.shape, input.dtype)
    result[key] = values if kept is None else np.where(kept, values, 0)
    return result


def _nll_vjp(grad: Any, input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    if weight is not None:  # it may have come to require a gradient since
        _constant(weight, "weight", "nll_loss_backward" if input.ndim < 3 else "nll_loss2d_backward")
    return ops.nll_loss_backward(grad, input, target, weight, reduction, ignore_index)


_nll_loss.defvjp(_nll_vjp)
_nll_loss2d.defvjp(_nll_vjp)
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
            f"Expected input batch_size ({shape[0]}) to match target batch_size ({of_target[0] if of_target else 0})."
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
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        titles = [dtypes.scalar_title(x._array.dtype) for x in (input, weight)]
        raise RuntimeError(f"expected scalar type {titles[0]} but found {titles[1]}")


def _constant(tensor: Any, name: str, function: str) -> None:
    """Refuse a gradient that PyTorch has no formula for."""
    if isinstance(tensor, TensorBase) and tensor._requires_grad and modes.grad_enabled:
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{name}'. This input cannot "
            "have requires_grad True."
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
    number = reduction_number(reduction, size_average, reduce)
    return _class_loss(input, target, weight, number, ignore_index)


def _class_loss(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    _check_classes(input, target, weight)
    if input.ndim <= 2:
        return _nll_loss(input, target, weight, reduction, ignore_index)
    if input.ndim == 4:
        return _nll_loss2d(input, target, weight, reduction, ignore_index)
    count, classes = input.shape[:2]  # PyTorch lays other positions out in a plane, one high
    width = math.prod(input.shape[2:])
    plane = ops.view(ops.contiguous(input), (count, classes, 1, width))
    flat = ops.view(ops.contiguous(target), (count, 1, width))
    loss = _nll_loss2d(plane, flat, weight, reduction, ignore_index)
    return ops.view(loss, tuple(target.shape)) if reduction == NONE else loss


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

    Shapes: input ``(C,)``, ``(N, C)`` or ``(N, C, ...)``; target the same without ``C``, or with it for probabilities.
    """
    number = reduction_number(reduction, size_average, reduce)
    probabilities = tuple(input.shape) == tuple(target.shape)
    if probabilities and not target.is_floating_point():
        title = dtypes.scalar_title(target._array.dtype)
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {title}")
    if probabilities and ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    scores = ops.log_softmax(input, 0 if input.ndim == 1 else 1)
    if probabilities:
        return _probability_loss(scores, target, weight, number, label_smoothing)
    loss = _class_loss(scores, target, weight, number, ignore_index)
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
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight tensor of shape: {list(weight.shape)}"
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
        return apply_reduction(loss, reduction)
    kept = ops.logical_not(ignored)
    if weight is None:
        return ops.sum(loss) / ops.sum(kept)
    return ops.sum(loss) / ops.sum(ops.gather(weight, 0, ops.masked_select(target, kept)))


# probabilities --------------------------------------------------------------------------------------------------------


_EPSILON = 1e-12


@primitive(name="BinaryCrossEntropyBackward0", saves=("target",))
def _binary_cross_entropy(input: Any, target: Any, weight: Any, /, reduction: int) -> Any:
    if input.dtype != target.dtype:
        found, expected = (dtypes.scalar_title(x.dtype) for x in (target, input))
        raise RuntimeError(f"Found dtype {found} but expected {expected}")
    require_real("binary_cross_entropy", input)
    if not np.all((input >= 0) & (input <= 1)):
        raise RuntimeError("all elements of input should be between 0 and 1")
    floor = input.dtype.type(-100)  # PyTorch's bound for the logarithm of 0
    loss = (target - 1) * np.maximum(np.log1p(-input), floor) - target * np.maximum(np.log(input), floor)
    return reduced(loss if weight is None else loss * weight, reduction)


@primitive()
def binary_cross_entropy_backward(grad_output: Any, input: Any, target: Any, weight: Any, /, reduction: int) -> Any:
    """The gradient of ``binary_cross_entropy``; near 0 and 1 its denominator is kept at 1e-12."""
    slope = (input - target) / np.maximum((1 - input) * input, input.dtype.type(np.float32(_EPSILON))) * grad_output
    return (slope if weight is None else slope * weight) * element_share(reduction, np.shape(input))


def _weigh(value: Any, weight: Any, reduction: int, shape: tuple[int, ...]) -> Any:
    value = value if weight is None else value * weight
    return ops.div_scalar(value, math.prod(shape) or math.nan) if reduction == MEAN else value


def _binary_vjp(grad: Any, input: Any, target: Any, weight: Any, reduction: int) -> Any:
    if weight is not None:
        _constant(weight, "weight", "binary_cross_entropy_backward")
    return ops.binary_cross_entropy_backward(grad, input, target, weight, reduction)


_binary_cross_entropy.defvjp(
    input=_binary_vjp,
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
    number = reduction_number(reduction, size_average, reduce)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    return _binary_cross_entropy(input, target, weight, number)


@primitive(name="BinaryCrossEntropyWithLogitsBackward0", saves=("target",))
def _bce_with_logits(input: Any, target: Any, weight: Any, pos_weight: Any, /, reduction: int) -> Any:
    require_floating("log_sigmoid_cpu", input)
    if target.dtype.kind in "biu":
        titles = [dtypes.scalar_title(x.dtype) for x in (input, target)]
        raise RuntimeError(f"result type {titles[0]} can't be cast to the desired output type {titles[1]}")
    log_sigmoid = np.minimum(input, input.dtype.type(0)) - np.log1p(np.exp(-np.abs(input)))
    if pos_weight is not None:
        log_sigmoid = log_sigmoid * ((pos_weight - 1) * target + 1)
    loss = ((1 - target) * input - log_sigmoid).astype(target.dtype)  # PyTorch computes in the target's memory
    return reduced(loss if weight is None else (loss * weight).astype(target.dtype), reduction)


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
    number = reduction_number(reduction, size_average, reduce)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    for name, x in (("weight", weight), ("pos_weight", pos_weight)):
        _constant(x, name, "binary_cross_entropy_with_logits")
    return _bce_with_logits(input, target, weight, pos_weight, number)
