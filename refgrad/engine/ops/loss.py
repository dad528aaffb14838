"""Losses: how far a network's output is from its target, reduced to one number or not."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.activation import require_real
from refgrad.engine.ops.reduction import add_reduce
from refgrad.engine.primitive import primitive

__all__ = [
    "huber_loss", "huber_loss_backward", "l1_loss", "mse_loss", "mse_loss_backward", "smooth_l1_loss",
    "smooth_l1_loss_backward",
]  # fmt: skip

NONE, MEAN, SUM = range(3)  # PyTorch's numbers


def reduction_number(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> int:
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


def reduced(loss: Any, reduction: int) -> Any:
    """An array of losses, reduced; 16-bit floats are summed in float32."""
    if reduction == NONE:
        return loss
    total = add_reduce(loss, None, np.float32 if loss.dtype.itemsize == 2 else loss.dtype)
    return (total / loss.size if reduction == MEAN else total).astype(loss.dtype)


def apply_reduction(loss: Any, reduction: int) -> Any:
    """As ``reduced``, recorded."""
    return loss if reduction == NONE else ops.mean(loss) if reduction == MEAN else ops.sum(loss)


def element_share(reduction: int, shape: tuple[int, ...]) -> float:
    """The weight of one element in the reduced loss."""
    return 1.0 / (math.prod(shape) or math.nan) if reduction == MEAN else 1.0


def _broadcast(input: Any, target: Any) -> tuple[Any, Any]:
    if tuple(input.shape) != tuple(target.shape):
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
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
    require_real("mse_cpu", input)
    difference = input - target
    return reduced(difference * difference, reduction)


@primitive(promotes="yes", saves=("input", "target"))
def mse_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int) -> Any:
    """The gradient of ``mse_loss``."""
    return 2.0 * element_share(reduction, np.shape(input)) * (input - target) * grad_output


@primitive(promotes="yes", name="SmoothL1LossBackward0")
def _smooth_l1_loss(input: Any, target: Any, /, reduction: int, beta: float) -> Any:
    require_real("smooth_l1_cpu", input)
    size = np.abs(input - target)
    return reduced(np.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction)


@primitive(promotes="yes", name="SmoothL1LossBackwardBackward0")
def smooth_l1_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int, beta: float) -> Any:
    """The gradient of ``smooth_l1_loss``."""
    return np.clip((input - target) / beta, -1, 1) * element_share(reduction, np.shape(input)) * grad_output


@primitive(promotes="yes")
def _huber_loss(input: Any, target: Any, /, reduction: int, delta: float) -> Any:
    require_real("huber_cpu", input)
    size = np.abs(input - target)
    return reduced(np.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


@primitive(promotes="yes")
def huber_loss_backward(grad_output: Any, input: Any, target: Any, /, reduction: int, delta: float) -> Any:
    """The gradient of ``huber_loss``."""
    return np.clip(input - target, -delta, delta) * element_share(reduction, np.shape(input)) * grad_output


def _of_grad_output(backward: Any, grad: Any, grad_output: Any, *args: Any) -> Any:
    """The derivative of a loss's gradient by ``grad_output``, in which it is linear."""
    if args[2] == NONE:
        return backward(grad, *args)
    return ops.sum(backward(ops.ones_as(grad_output, ()), *args) * grad)


def _mse_curvature(grad: Any, grad_output: Any, input_shape: Any, reduction: int) -> Any:
    return grad * grad_output * (2.0 * element_share(reduction, input_shape))


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
    return inside * (element_share(reduction, tuple(input.shape)) / beta)


_smooth_l1_loss.defvjp(
    lambda grad, input, target, reduction, beta: ops.smooth_l1_loss_backward(grad, input, target, reduction, beta),
    lambda grad, input, target, reduction, beta: ops.smooth_l1_loss_backward(grad, target, input, reduction, beta),
)
smooth_l1_loss_backward.defvjp(
    lambda grad, grad_output, input, target, reduction, beta: _of_grad_output(
        ops.smooth_l1_loss_backward, grad, grad_output, input, target, reduction, beta
    ),
    _smooth_l1_curvature,
    lambda grad, grad_output, input, target, reduction, beta: (
        -_smooth_l1_curvature(grad, grad_output, input, target, reduction, beta)
    ),
)


def _huber_curvature(grad: Any, grad_output: Any, input: Any, target: Any, reduction: int, delta: float) -> Any:
    inside = ops.where(ops.abs(input - target) < delta, grad * grad_output, 0.0)
    return inside * element_share(reduction, tuple(input.shape))


_huber_loss.defvjp(
    lambda grad, input, target, reduction, delta: ops.huber_loss_backward(grad, input, target, reduction, delta),
    lambda grad, input, target, reduction, delta: ops.huber_loss_backward(grad, target, input, reduction, delta),
)
huber_loss_backward.defvjp(
    lambda grad, grad_output, input, target, reduction, delta: _of_grad_output(
        ops.huber_loss_backward, grad, grad_output, input, target, reduction, delta
    ),
    _huber_curvature,
    lambda grad, grad_output, input, target, reduction, delta: (
        -_huber_curvature(grad, grad_output, input, target, reduction, delta)
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
    number = reduction_number(reduction, size_average, reduce)
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
    number = reduction_number(reduction, size_average, reduce)
    shape = input.shape
    input, target = _broadcast(input, target)
    loss = ops.abs(input - target)
    return apply_reduction(loss, number) if weight is None else _weighted(loss, weight, number, shape)


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
    number = reduction_number(reduction, size_average, reduce)
    input, target = _broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return _smooth_l1_loss(input, target, number, beta) if beta else apply_reduction(ops.abs(input - target), number)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Half the squared differences, straight lines beyond ``delta``.

    Errors: RuntimeError unless ``delta`` is positive.
    """
    number = reduction_number(reduction)
    shape = input.shape
    input, target = _broadcast(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _huber(input, target, number, delta)
    if tuple(weight.shape) != tuple(shape):
        raise ValueError("Weights and input must have the same size.")
    return apply_reduction(_huber(input, target, NONE, delta) * weight, number)


def _huber(input: Any, target: Any, reduction: int, delta: float) -> Any:
    common = check_output(input, target)
    loss = _huber_loss(input, target, reduction, delta)
    return loss if common == input._array.dtype else ops.to_copy(loss, input._array.dtype)


def check_output(input: Any, target: Any) -> Any:
    """The common NumPy type of what PyTorch writes into a tensor of the input's type.

    Errors: RuntimeError where it is of a higher kind.
    """
    kind, common = input._array.dtype, dtypes.result_type((input._array, target._array))
    if not dtypes.can_cast(common, dtypes.of(kind)):
        titles = [dtypes.scalar_title(each) for each in (common.numpy, kind)]
        raise RuntimeError(f"result type {titles[0]} can't be cast to the desired output type {titles[1]}")
    return common.numpy
