"""Gradients cut to size, in place."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import tensor
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _grads(parameters: Any) -> list[Any]:
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in tensors if p.grad is not None]


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """The norm of the tensors' norms.

    Errors: RuntimeError where it is nan or inf, if ``error_if_nonfinite``.
    """
    norm_type = float(norm_type)
    with no_grad():
        norms = [ops.norm(t, norm_type) for t in ([tensors] if isinstance(tensors, Tensor) else tensors)]
        total = ops.norm(ops.stack(norms), norm_type) if norms else tensor(0.0)
    if error_if_nonfinite and not ops.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Scale the gradients down from ``total_norm`` to ``max_norm``; never up."""
    with no_grad():
        factor = ops.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for grad in _grads(parameters):
            grad.mul_(factor)


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale the gradients so that the norm of them all is ``max_norm`` at most; gives the norm there was.

    Errors: RuntimeError where it is nan or inf, if ``error_if_nonfinite``.
    """
    if not isinstance(parameters, Tensor):
        parameters = _listed(parameters)
    total_norm = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total_norm)
    return total_norm


def _listed(parameters: Iterable[Any]) -> list[Any]:
    listed = list(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=4)
    return listed


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Bring each element of the gradients into ``[-clip_value, clip_value]``."""
    with no_grad():
        for grad in _grads(parameters):
            grad.clamp_(min=-float(clip_value), max=float(clip_value))
