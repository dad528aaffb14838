"""Dropout and other noise, drawn from PyTorch's stream."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import ops, random
from refgrad.engine.ops.draws import filled
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout", "gumbel_softmax",
]  # fmt: skip


def _check_probability(p: float, kind: type[Exception] = ValueError) -> None:
    if not 0.0 <= p <= 1.0:
        raise kind(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Any, p: float, feature: bool) -> Any:
    """Ones with probability ``1 - p`` for each element, or channel, of ``input``, in its type."""

    def draw(shape: tuple[int, ...]) -> Any:
        return random.bernoulli(random.default_generator, 1 - p, shape, input._array.dtype)

    return draw((*input.shape[:2], *(1 for _ in input.shape[2:]))) if feature else filled(input._array, draw)


def _constant(value: Any) -> Any:
    return wrap(np.asarray(value))


def dropped(
    input: Any, p: float, training: bool, inplace: bool = False, *, feature: bool = False, alpha: bool = False
) -> Any:
    """All kinds of dropout: of elements or whole channels, to 0 or to where ``selu`` saturates.

    Errors: RuntimeError for channels of fewer than two dimensions.
    """
    if p == 0 or not training or not math.prod(input.shape):
        return input
    if feature and input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if p == 1:
        noise, shift = np.zeros((), input._array.dtype), None
    else:
        noise, shift = (_saturating if alpha else _scaled)(_kept(input, p, feature), p)
    result = input.mul_(_constant(noise)) if inplace else input * _constant(noise)
    if shift is None:
        return result
    return result.add_(_constant(shift)) if inplace else result + _constant(shift)


def _scaled(kept: Any, p: float) -> tuple[Any, Any]:
    """The factor that makes up for what is dropped."""
    return kept / kept.dtype.type(1 - p), None


def _saturating(kept: Any, p: float) -> tuple[Any, Any]:
    """Factor and shift that keep mean and variance.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017), section "New dropout technique".
    """
    alpha = 1.7580993408473766  # minus the limit of selu
    scale, kind = 1.0 / math.sqrt((alpha * alpha * p + 1) * (1 - p)), kept.dtype.type
    return kept * kind(scale), (kept - 1) * kind(alpha * scale) + kind(alpha * scale * p)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeros with probability ``p``, the other elements scaled up; ``input`` itself out of training.

    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    return dropped(input, p, training, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout to the value that ``selu`` saturates at, then scaled and shifted to keep mean and variance.

    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    return dropped(input, p, training, inplace, alpha=True)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """``alpha_dropout`` of whole channels.

    Errors: ValueError for what is no probability; RuntimeError for fewer than two dimensions.
    """
    _check_probability(p)
    return dropped(input, p, training, inplace, feature=True, alpha=True)


def _unbatched(input: Any, p: float, training: bool, inplace: bool) -> Any:
    result = dropped(ops.unsqueeze(input, 0), p, training, inplace, feature=True)
    return input if inplace else ops.squeeze(result, 0)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(C, L)`` or ``(N, C, L)``.
    Errors: RuntimeError for other numbers of dimensions; ValueError for what is no probability.
    """
    _check_probability(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.ndim == 2:
        return _unbatched(input, p, training, inplace)
    return dropped(input, p, training, inplace, feature=True)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(N, C, H, W)``; others are deprecated.
    Errors: RuntimeError for fewer than two dimensions; ValueError for what is no probability.
    """
    _check_probability(p)
    if input.ndim == 3:
        warnings.warn(_NO_BATCH, UserWarning, stacklevel=2)
    elif input.ndim != 4:
        _warn_of_dims("dropout2d", input.ndim, 2)
    return dropped(input, p, training, inplace, feature=True)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(C, D, H, W)`` or ``(N, C, D, H, W)``; others are deprecated.
    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    if input.ndim not in (4, 5):
        _warn_of_dims("dropout3d", input.ndim, 3)
    if input.ndim == 5:
        return dropped(input, p, training, inplace, feature=True)
    return _unbatched(input, p, training, inplace)


_NO_BATCH = (
    "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input "
    "is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future release to "
    "interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
    "dropout behavior, please switch to using dropout1d instead."
)


def _warn_of_dims(name: str, dim: int, spatial: int) -> None:
    warnings.warn(
        f"{name}: Received a {dim}-D input to {name}, which is deprecated and will result in an error in a future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{name} exists to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel "
        f"dimension, and an optional batch dimension (i.e. {spatial + 1}D or {spatial + 2}D inputs).",
        UserWarning,
        stacklevel=3,
    )


# with the mask --------------------------------------------------------------------------------------------------------


@primitive(name="NativeDropoutBackward0")
def masked(input: Any, mask: Any, /, scale: float) -> Any:
    """``input`` times ``scale`` where ``mask`` holds, else 0."""
    return input * mask * input.dtype.type(scale)


masked.defvjp(input=lambda grad, mask, scale: masked(grad, mask, scale))
masked.defjvp(input=lambda tangent, mask, scale: masked(tangent, mask, scale))


# categories -----------------------------------------------------------------------------------------------------------


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample of categories, relaxed to probabilities that gradients pass; ``hard`` gives one whole category.

    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax" (2017), eq. 2.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", UserWarning, stacklevel=2)
    drawn = random.exponential(random.default_generator, tuple(logits.shape), logits._array.dtype)
    soft = ops.softmax((logits + _constant(-np.log(drawn))) / tau, dim)
    if not hard:
        return soft
    index = ops.max(soft, dim, True)[1]
    whole = ops.scatter(ops.zeros_like(logits), dim, index, value=1.0)
    return whole - soft.detach() + soft
