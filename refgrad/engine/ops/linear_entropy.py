"""Cross entropy of a linear map: the loss at the end of a language model, from its features."""

from __future__ import annotations

import math
from typing import Any

from refgrad.engine import ops
from refgrad.engine.ops.entropy import cross_entropy
from refgrad.engine.ops.linear_maps import linear

__all__ = ["linear_cross_entropy"]


def _check(input: Any, weight: Any, bias: Any, target: Any, ignore_index: int | None) -> None:
    """Refuse shapes that do not go together.

    Errors: RuntimeError.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.ndim}")
    width, positions = input.shape[-1], tuple(weight.shape[1:-1])
    if width != weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{width} and {weight.shape[-1]}, respectively"
        )
    expected = (weight.shape[0], *positions)
    if bias is not None and tuple(bias.shape) != expected:
        raise RuntimeError(f"expected linear_bias shape {expected}, got {tuple(bias.shape)}")
    if positions and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched input, (N, {width}), "
            f"got unbatched input with shape {tuple(input.shape)}"
        )
    if tuple(target.shape) == (*input.shape[:-1], *expected) and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")


def linear_cross_entropy(
    input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None, reduction: str = "mean",
    ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None,
) -> Any:  # fmt: skip
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    ``options`` say in PyTorch how to save memory; the values are the same.
    Shapes: input ``(N, D)`` or ``(D,)``, linear_weight ``(C, ..., D)``, target as for ``cross_entropy``.
    Errors: RuntimeError for shapes that do not go together.
    """
    _check(input, linear_weight, linear_bias, target, ignore_index)
    shape = (*input.shape[:-1], *linear_weight.shape[:-1])
    if linear_weight.ndim > 2:
        rows = math.prod(linear_weight.shape[:-1])
        linear_weight = ops.reshape(linear_weight, (rows, linear_weight.shape[-1]))
        linear_bias = None if linear_bias is None else ops.reshape(linear_bias, (rows,))
    scores = ops.reshape(linear(input, linear_weight, linear_bias), shape)
    return cross_entropy(
        scores, target, weight=weight, reduction=reduction, label_smoothing=label_smoothing,
        ignore_index=-100 if ignore_index is None else ignore_index,
    )  # fmt: skip
