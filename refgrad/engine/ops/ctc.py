"""Connectionist temporal classification: the probability of a sequence of labels, whenever each of them comes.

Source: Graves et al., "Connectionist temporal classification" (2006), section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.forms import no_derivative, no_tangent
from refgrad.engine.ops.loss import MEAN, SUM, reduction_number
from refgrad.engine.primitive import primitive, wrap

__all__ = ["ctc_loss"]

Lengths = tuple[int, ...]


def _paths(targets: tuple[int, ...], blank: int) -> tuple[Any, Any]:
    """The labels with blanks between and around them, and where a path may skip one: between labels that differ."""
    extended = np.full(2 * len(targets) + 1, blank)
    extended[1::2] = targets
    skips = np.zeros(len(extended), bool)
    skips[3::2] = extended[3::2] != extended[1:-2:2]
    return extended, skips


def _add(*logs: Any) -> Any:
    """The logarithm of a sum, from logarithms."""
    return np.logaddexp.reduce(logs)


def _forward(scores: Any, skips: Any) -> Any:
    """The log-probability of all ways to each label by each time: equations 5 to 7."""
    result = np.full(scores.shape, -np.inf, scores.dtype)
    if len(scores):
        result[0, :2] = scores[0, :2]
    for t in range(1, len(scores)):
        stay = result[t - 1]
        step = np.concatenate(([-np.inf], stay[:-1])).astype(scores.dtype)
        skip = np.concatenate(([-np.inf, -np.inf], stay[:-2]))[: len(stay)].astype(scores.dtype)
        result[t] = _add(stay, step, np.where(skips, skip, -np.inf)) + scores[t]
    return result


def _backward_scores(scores: Any, skips: Any) -> Any:
    """The log-probability of all ways on from each label: the same sweep from the end."""
    turned = np.zeros_like(skips)
    turned[2:] = skips[::-1][: len(skips) - 2] if len(skips) > 2 else []
    return _forward(scores[::-1, ::-1], turned)[::-1, ::-1]


def _samples(log_probs: Any, targets: tuple[tuple[int, ...], ...], lengths: Lengths, blank: int) -> Any:
    for n, (labels, length) in enumerate(zip(targets, lengths)):
        extended, skips = _paths(labels, blank)
        yield n, length, extended, skips, log_probs[:length, n][:, extended]


def _total(alpha: Any, labels: int) -> Any:
    """The log-probability of all paths: they end in the last label or the blank after it."""
    if not len(alpha):
        return alpha.dtype.type(0 if not labels else -np.inf)
    return np.logaddexp(alpha[-1, -1], alpha[-1, -2]) if labels else alpha[-1, -1]


@primitive()
def _ctc_loss(log_probs: Any, /, targets: tuple[tuple[int, ...], ...], lengths: Lengths, blank: int) -> Any:
    result = np.zeros(log_probs.shape[1], log_probs.dtype)
    for n, _, extended, skips, scores in _samples(log_probs, targets, lengths, blank):
        result[n] = -_total(_forward(scores, skips), len(extended) // 2)
    return result


@primitive()
def _ctc_loss_backward(
    grad_output: Any, log_probs: Any, /, targets: tuple[tuple[int, ...], ...], lengths: Lengths, blank: int
) -> Any:
    """The gradient of the loss behind a softmax, equation 16, which PyTorch gives for whatever log_probs are."""
    result = np.zeros_like(log_probs)
    for n, length, extended, skips, scores in _samples(log_probs, targets, lengths, blank):
        alpha = _forward(scores, skips)
        total, both = _total(alpha, len(extended) // 2), alpha + _backward_scores(scores, skips)
        through = np.full((length, log_probs.shape[2]), -np.inf, log_probs.dtype)
        for s, label in enumerate(extended):
            through[:, label] = np.logaddexp(through[:, label], both[:, s])
        own = log_probs[:length, n]
        result[:length, n] = (np.exp(own) - np.exp(through - total - own)) * grad_output[n]
    return result


_ctc_loss.defvjp(
    lambda grad, log_probs, targets, lengths, blank: _ctc_loss_backward(grad, log_probs, targets, lengths, blank)
)
_ctc_loss.defjvp(no_tangent("_ctc_loss"))
_ctc_loss_backward.defvjp(no_derivative("_ctc_loss_backward"), no_derivative("_ctc_loss_backward"))


def _ints(value: Any, name: str) -> Lengths:
    if isinstance(value, (tuple, list)):
        return tuple(value)
    if value._array.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integral")
    return tuple(np.asarray(value._array).reshape(-1).tolist())


def _split(targets: Any, lengths: Lengths) -> tuple[tuple[int, ...], ...]:
    """Each sample's labels, from a matrix with a row for each, or from all in a row.

    Errors: RuntimeError for fewer labels than the lengths need.
    """
    array = np.asarray(targets._array).astype(np.int64)
    where = "for argument #2 'targets' (while checking arguments for ctc_loss_allocate_outputs)"
    if array.ndim == 1:
        if array.size != sum(lengths):
            raise RuntimeError(
                f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {array.size} {where}"
            )
        ends = np.cumsum(lengths)
        return tuple(tuple(array[end - n : end].tolist()) for end, n in zip(ends, lengths))
    if array.shape[1] < max(lengths, default=0):
        raise RuntimeError(
            f"Expected tensor to have size at least {max(lengths)} at dimension 1, but got size {array.shape[1]} {where}"
        )
    return tuple(tuple(row[:n].tolist()) for row, n in zip(array, lengths))


def _check(log_probs: Any, inputs: Lengths, targets: Lengths, blank: int) -> None:
    steps, count, classes = log_probs.shape
    for name, lengths in (("input_lengths", inputs), ("target_lengths", targets)):
        if len(lengths) != count:
            raise RuntimeError(f"{name} must be of size batch_size")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for n in inputs:
        if n > steps:
            raise RuntimeError(
                f"Expected input_lengths to have value at most {steps}, but got value {n} (while checking arguments for "
                "ctc_loss_allocate_outputs)"
            )
    if log_probs._array.dtype.kind in "biu":
        title = dtypes.scalar_title(log_probs._array.dtype)
        raise NotImplementedError(f"\"ctc_loss_cpu\" not implemented for '{title}'")


def temporal(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    reduction: int,
    zero_infinity: bool,
) -> Any:
    """``ctc_loss`` by the number of its reduction."""
    if log_probs.ndim == 2:  # no batch
        one = ops.unsqueeze(log_probs, 1)
        row = targets if targets.ndim == 1 else ops.reshape(targets, (-1,))
        result = temporal(one, row, input_lengths, target_lengths, blank, reduction, zero_infinity)
        return ops.squeeze(result, 0) if result.ndim else result
    inputs, lengths = _ints(input_lengths, "input_lengths"), _ints(target_lengths, "target_lengths")
    _check(log_probs, inputs, lengths, blank)
    loss = _ctc_loss(log_probs, _split(targets, lengths), inputs, blank)
    if zero_infinity:
        loss = ops.where(loss == np.inf, 0.0, loss)
    if reduction == MEAN:
        share = np.maximum(np.array(lengths), 1).astype(log_probs._array.dtype)
        return ops.mean(loss / wrap(share))
    return ops.sum(loss) if reduction == SUM else loss


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """Minus the log-probability of sequences of labels, over all their alignments in time.

    Shapes: log_probs ``(T, N, C)`` or ``(T, C)``, targets ``(N, S)`` or all in a row, lengths ``(N,)``.
    Errors: RuntimeError for lengths that do not fit.
    """
    number = reduction_number(reduction)
    return temporal(log_probs, targets, input_lengths, target_lengths, blank, number, zero_infinity)
