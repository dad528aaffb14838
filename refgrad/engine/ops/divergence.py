"""Losses between distributions: how far a network's idea of a distribution is from what was seen."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.ops.loss import SUM, apply_reduction, reduction_number

__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]

_KL_MEAN = (
    "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only by the "
    "batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' in "
    "the next major release."
)


def kl_divergence(input: Any, target: Any, number: int, log_target: bool) -> Any:
    """``kl_div`` by the number of its reduction."""
    # the right operand first, as PyTorch's compiler has it: the order shows in what a backward pass does before it fails
    if log_target:
        apart = target - input
        loss = ops.exp(target) * apart
    else:
        crossed = target * input
        loss = ops.xlogy(target, target) - crossed
    return apply_reduction(loss, number)


def kl_div(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    log_target: bool = False,
) -> Any:  # fmt: skip
    """The Kullback-Leibler divergence of log-probabilities from probabilities, a term for each element.

    Errors: RuntimeError for integers and complex numbers.
    """
    old = size_average is not None or reduce is not None
    if reduction == "mean" and not old:
        warnings.warn(_KL_MEAN, UserWarning, stacklevel=2)
    batch = reduction == "batchmean" and not old
    number = SUM if batch else reduction_number(reduction, size_average, reduce)
    kinds = {x._array.dtype.kind for x in (input, target)}
    if kinds & {"b", "i", "u", "c"}:
        raise RuntimeError(f"kl_div: {'Complex' if 'c' in kinds else 'Integral'} inputs not supported.")
    result = kl_divergence(input, target, number, log_target)
    return result / input.shape[0] if batch and input.ndim else result


def _check_variance(input: Any, var: Any) -> Any:
    """``var`` as a tensor that broadcasts with ``input``.

    Errors: ValueError for negative numbers, and for shapes that do not fit.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return var * ops.ones_as(input, tuple(input.shape))
    if np.any(var._array < 0):
        raise ValueError("var has negative entry/entries")
    shape, of_var = tuple(input.shape), tuple(var.shape)
    if of_var == shape:
        return var
    if shape[:-1] == of_var:
        return ops.unsqueeze(var, -1)
    # one dimension may be another, whether or not it is 1
    if len(shape) == len(of_var) and sum(n for m, n in zip(shape, of_var) if m != n) == 1:
        return var
    raise ValueError("var is of incorrect size")


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = "mean"
) -> Any:
    """Minus the log-density of ``target`` under normal distributions of means ``input`` and variances ``var``.

    Variances count as at least ``eps``, out of sight of the gradient.
    Errors: ValueError for a negative variance, for one of another shape, and for a reduction that there is not.
    """
    var = _check_variance(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = ops.clone(var)
    with no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return apply_reduction(loss, reduction_number(reduction))


def poisson(input: Any, target: Any, log_input: bool, full: bool, eps: float, number: int) -> Any:
    """``poisson_nll_loss`` by the number of its reduction."""
    expected = target * (input if log_input else ops.log(input + eps))  # first, as PyTorch's compiler has it
    loss = (ops.exp(input) if log_input else input) - expected
    if full:
        stirling = target * ops.log(target) - target + 0.5 * ops.log(2 * math.pi * target)
        loss = loss + ops.masked_fill(stirling, target <= 1, 0)
    return apply_reduction(loss, number)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-08, reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Minus the log-probability of counts under Poisson distributions; ``full`` adds Stirling's term.

    Errors: ValueError for a reduction that there is not.
    """
    number = reduction_number(reduction, size_average, reduce)
    return poisson(input, target, log_input, full, eps, number)
