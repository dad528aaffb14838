"""Losses with a margin: what is right must beat what is wrong by so much, and no more is asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops import distance
from refgrad.engine.ops.entropy import _constant
from refgrad.engine.ops.forms import no_derivative, no_tangent
from refgrad.engine.ops.loss import NONE, apply_reduction, check_output, element_share, reduced, reduction_number
from refgrad.engine.primitive import primitive

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def _spread(grad: Any, reduction: int, share: float) -> Any:
    """The gradient of each sample's loss, from that of the reduced one, with a dimension for the classes."""
    return ops.unsqueeze(grad, -1) if reduction == NONE else grad * share


# soft margins ---------------------------------------------------------------------------------------------------------


@primitive(joint=("input", "target"))
def _soft_margin_loss(input: Any, target: Any, /, reduction: int) -> Any:
    loss = np.log1p(np.exp(-target * input)).astype(input.dtype, copy=False)
    return np.asarray(reduced(loss, reduction), order="C")


def _soft_margin_vjp(grad: Any, input: Any, target: Any, input_shape: tuple[int, ...], reduction: int) -> Any:
    _constant(target, "target", "soft_margin_loss_backward")  # it may have come to require grad since
    return -target * ops.sigmoid(-target * input) * grad * element_share(reduction, input_shape)


_soft_margin_loss.defvjp(_soft_margin_vjp)


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """``log(1 + exp(-target * input))``, for targets of 1 and -1."""
    number = reduction_number(reduction, size_average, reduce)
    _constant(target, "target", "soft_margin_loss")
    if input._array.dtype.kind == "b":
        ops.neg(input)  # refuses it
    check_output(input, target)
    if input._array.dtype.kind in "biu":
        title = dtypes.scalar_title(input._array.dtype)
        raise RuntimeError(f"result type Float can't be cast to the desired output type {title}")
    shape = dims.broadcast(tuple(input.shape), tuple(target.shape))
    if shape != tuple(input.shape):
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    if target._array.dtype.kind == "b":
        target = ops.to_copy(target, input._array.dtype)
    return _soft_margin_loss(input, target, number)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """The mean over classes of the binary cross entropy of scores.

    Errors: ValueError for a reduction that there is not.
    """
    if size_average is None and reduce is None and reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    number = reduction_number(reduction, size_average, reduce)
    loss = -(target * ops.logsigmoid(input) + (1 - target) * ops.logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return apply_reduction(ops.sum(loss, loss.ndim - 1) / input.shape[-1], number)


# classes --------------------------------------------------------------------------------------------------------------


def _rows(array: Any) -> Any:
    """Samples as rows, a single one as well."""
    return array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)


def _shortfall(input: Any, target: Any, margin: float) -> Any:
    """How much each class is above what the right one leaves it; the right class itself counts as nothing."""
    rows, chosen = _rows(input), target.reshape(-1, 1)
    result = np.maximum(margin - np.take_along_axis(rows, chosen, 1) + rows, 0)
    np.put_along_axis(result, chosen, 0, 1)
    return result


@primitive()
def _multi_margin_loss(input: Any, target: Any, weight: Any, /, p: int, margin: float, reduction: int) -> Any:
    excess = _shortfall(input, target, margin) ** p
    excess = excess if weight is None else excess * weight[target.reshape(-1, 1)]
    loss = (excess.sum(1) / excess.shape[1]).astype(input.dtype)
    return reduced(loss if input.ndim > 1 or target.ndim else loss[0], reduction)


@primitive()
def _multi_margin_backward(grad_output: Any, input: Any, target: Any, weight: Any, /, p: int, margin: float) -> Any:
    """``grad_output`` times the gradient of each sample's loss by its scores."""
    excess = _shortfall(input, target, margin)
    slope = (excess > 0).astype(input.dtype) if p == 1 else 2 * excess
    slope = slope if weight is None else slope * weight[target.reshape(-1, 1)]
    np.put_along_axis(slope, target.reshape(-1, 1), -slope.sum(1, keepdims=True), 1)
    return grad_output * (slope / slope.shape[1]).astype(input.dtype).reshape(input.shape)


_multi_margin_loss.defvjp(
    input=lambda grad, input, input_shape, target, weight, p, margin, reduction: _multi_margin_backward(
        _spread(grad, reduction, element_share(reduction, input_shape[:-1] or (1,))), input, target, weight, p, margin
    )
)
_multi_margin_loss.defjvp(no_tangent("multi_margin_loss"))
_multi_margin_backward.defvjp(*(no_derivative("multi_margin_loss_backward"),) * 2)  # though for p = 2 there is one


def _check_scores(input: Any) -> None:
    shape = list(input.shape)
    if input.ndim > 2 or 0 in shape[-1:]:
        raise RuntimeError(f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {shape}")


def _check_long(target: Any) -> None:
    kind = target._array.dtype
    if kind != np.int64:
        raise RuntimeError(f"expected scalar type Long but found {dtypes.scalar_title(kind)}")


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """How much the scores of wrong classes come nearer than ``margin`` to the right one's, to the power ``p``.

    Shapes: input ``(N, C)`` or ``(C,)``, target ``(N,)`` or ``()``, weight ``(C,)``.
    Errors: ValueError for another power than 1 and 2; RuntimeError for shapes or classes that do not fit.
    """
    number = reduction_number(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    _check_scores(input)
    count, classes = (input.shape[0] if input.ndim > 1 else 1), (input.shape[-1] if input.ndim else 1)
    if target.ndim > 1 or math.prod(target.shape) != count:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{count}], but got {list(target.shape)}. Input has shape {list(input.shape)}."
        )
    if weight is not None and math.prod(weight.shape) != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    _check_long(target)
    if np.any((target._array < 0) | (target._array >= classes)):
        raise RuntimeError("target out of range")
    return _multi_margin_loss(input, target, weight, p, margin, number)


def _labels(target: Any) -> tuple[Any, Any]:
    """For each sample its labels, those before the first -1, as positions with a mask; and which classes they are."""
    rows = _rows(target)
    live = np.cumprod(rows >= 0, 1).astype(bool)
    chosen = np.zeros(rows.shape, bool)
    sample, place = np.nonzero(live)
    chosen[sample, rows[sample, place]] = True
    return live, chosen


@primitive()
def _multilabel_margin_loss(input: Any, target: Any, /, reduction: int) -> Any:
    rows, labels = _rows(input), _rows(target)
    live, chosen = _labels(target)
    gaps = 1 - np.take_along_axis(rows, np.where(live, labels, 0), 1)[:, :, None] + rows[:, None, :]
    loss = np.where(live[:, :, None] & ~chosen[:, None, :], np.maximum(gaps, 0), 0).sum((1, 2)) / rows.shape[1]
    return reduced((loss if input.ndim > 1 else loss[0]).astype(input.dtype), reduction)


@primitive()
def _multilabel_backward(grad_output: Any, input: Any, target: Any, /) -> Any:
    """``grad_output`` times the gradient of each sample's loss by its scores, which is constant in pieces."""
    rows, labels = _rows(input), _rows(target)
    live, chosen = _labels(target)
    places = np.where(live, labels, 0)
    gaps = 1 - np.take_along_axis(rows, places, 1)[:, :, None] + rows[:, None, :]
    felt = (live[:, :, None] & ~chosen[:, None, :] & (gaps > 0)).astype(input.dtype)
    result = felt.sum(1)
    np.subtract.at(result, (np.arange(len(rows))[:, None], places), felt.sum(2))
    return grad_output * (result / rows.shape[1]).astype(input.dtype).reshape(input.shape)


_multilabel_margin_loss.defvjp(
    input=lambda grad, input, input_shape, target, reduction: _multilabel_backward(
        _spread(grad, reduction, element_share(reduction, input_shape[:-1] or (1,))), input, target
    )
)
_multilabel_margin_loss.defjvp(no_tangent("multilabel_margin_loss_forward"))
_multilabel_backward.defvjp(*(no_derivative("multilabel_margin_loss_backward"),) * 2)


def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """How much the scores of other classes come nearer than 1 to those of the right ones.

    Shapes: ``(N, C)`` or ``(C,)`` both; a target lists classes, up to the first -1.
    Errors: RuntimeError for shapes or classes that do not fit.
    """
    number = reduction_number(reduction, size_average, reduce)
    _check_scores(input)
    if tuple(input.shape) != tuple(target.shape):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    _check_long(target)
    if np.any((target._array < -1) | (target._array >= (input.shape[-1] if input.ndim else 1))):
        raise RuntimeError("argument #2 'target' is out of range")
    return _multilabel_margin_loss(input, target, number)


# pairs and triplets ---------------------------------------------------------------------------------------------------


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """How far ``target * (input1 - input2)`` falls short of ``margin``.

    Errors: RuntimeError for other numbers of dimensions.
    """
    number = reduction_number(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return apply_reduction(ops.clamp_min(-target * (input1 - input2) + margin, 0), number)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """``input`` where the target is 1, and how far it falls short of ``margin`` where it is -1."""
    number = reduction_number(reduction, size_average, reduce)
    # all in the input's type, the margin too: of integers there is no mean
    zeros, whole = ops.zeros_like(input), input.new_full((), margin)
    short = ops.where(target != 1, ops.clamp_min(whole - input, 0), zeros)
    return apply_reduction(short + ops.where(target != -1, input, zeros), number)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """One minus the cosine where the target is 1, and what the cosine is above ``margin`` where it is -1.

    Shapes: inputs ``(N, D)`` and target ``(N,)``, or ``(D,)`` and ``()``.
    Errors: RuntimeError for other numbers of dimensions.
    """
    number = reduction_number(reduction, size_average, reduce)
    if target.ndim not in (0, 1) or not input1.ndim == input2.ndim == target.ndim + 1:
        told = f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}"
        if target.ndim in (0, 1):
            raise RuntimeError(
                f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found {told}."
            )
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    floor = 1e-12
    product = ops.sum(input1 * input2, target.ndim)
    size1, size2 = (ops.sum(x * x, target.ndim) + floor for x in (input1, input2))
    cosine = product / ops.sqrt(size1 * size2)
    alike = ops.where(target == 1, 1 - cosine, 0.0)
    return apply_reduction(alike + ops.where(target == -1, ops.clamp_min(cosine - margin, 0), 0.0), number)


def _check_triplet(anchor: Any, positive: Any, negative: Any) -> None:
    ndims = anchor.ndim, positive.ndim, negative.ndim
    if len(set(ndims)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {ndims[0]}D, positive {ndims[1]}D, and negative {ndims[2]}D inputs"
        )


def _triplet(
    anchor: Any, positive: Any, negative: Any, far: Callable[[Any, Any], Any], margin: float, swap: bool, number: int
) -> Any:
    _check_triplet(anchor, positive, negative)
    near, away = far(anchor, positive), far(anchor, negative)
    if swap:
        away = ops.minimum(away, far(positive, negative))
    return apply_reduction(ops.clamp_min(margin + near - away, 0), number)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-06,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """How far the negative is from being ``margin`` farther from the anchor than the positive is.

    Errors: ValueError unless ``margin`` is positive; RuntimeError for other numbers of dimensions.
    """
    number = reduction_number(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(
        anchor, positive, negative, lambda x, y: distance.pairwise_distance(x, y, p, eps), margin, swap, number
    )


def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """``triplet_margin_loss`` by a distance of one's own.

    Errors: ValueError unless ``margin`` is positive; RuntimeError for other numbers of dimensions.
    """
    number = reduction_number(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(anchor, positive, negative, distance_function or distance.pairwise_distance, margin, swap, number)
