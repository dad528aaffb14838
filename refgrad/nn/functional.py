"""The functions of neural networks, as ``torch.nn.functional``."""

import math
import warnings
from typing import TYPE_CHECKING, Any

from refgrad.engine import ops
from refgrad.engine.creation import empty, empty_like, zeros
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.inplace import inplace as in_place
from refgrad.engine.ops import (
    convolution,
    folding,
    interpolation,
    max_pooling,
    nn,
    padding,
    pooling,
    shuffling,
    sigmoid,
    tanh,
    unpooling,
)
from refgrad.engine.ops.activation import _celu, _elu
from refgrad.engine.ops.nn import _dim_of

_CHAPTERS = (nn, convolution, folding, pooling, max_pooling, unpooling, padding, interpolation, shuffling)
_FOR_RULES = ("_backward", "_backward_data", "_with")
_OPS = {
    name: getattr(chapter, name) for chapter in _CHAPTERS for name in chapter.__all__ if not name.endswith(_FOR_RULES)
}

__all__ = [
    *_OPS, "alpha_dropout", "celu_", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu_", "hardsigmoid",
    "hardtanh_", "leaky_relu_", "relu", "relu_", "selu_", "sigmoid", "softmin", "tanh",
]  # fmt: skip

globals().update(_OPS)  # those below have arguments that the ops do not need

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """``softmax(-input)``."""
    return ops.softmax(-input, _dim_of("softmin", input, dim), dtype=dtype)


# activations that can write into their input --------------------------------------------------------------------------

relu_ = in_place(ops.relu)
leaky_relu_ = in_place(ops.leaky_relu)
hardtanh_ = in_place(ops.hardtanh)
_silu_, _mish_ = in_place(ops.silu), in_place(ops.mish)
_elu_, _celu_ = in_place(_elu), in_place(_celu)


def elu_(input: Any, alpha: float = 1.0) -> Any:
    """In-place version of ``elu``."""
    return _elu_(input, alpha, 1.0, 1.0)


def selu_(input: Any) -> Any:
    """In-place version of ``selu``."""
    return _elu_(input, 1.6732632423543772, 1.0507009873554805, 1.0)


def celu_(input: Any, alpha: float = 1.0) -> Any:
    """In-place version of ``celu``."""
    return _celu_(input, alpha)


def relu(input: Any, inplace: bool = False) -> Any:
    """``max(input, 0)``."""
    return relu_(input) if inplace else ops.relu(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """``input`` brought into ``[0, 6]``."""
    return hardtanh_(input, 0.0, 6.0) if inplace else ops.relu6(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """``input`` where it is positive, else ``negative_slope * input``."""
    return leaky_relu_(input, negative_slope) if inplace else ops.leaky_relu(input, negative_slope)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """``input`` brought into ``[min_val, max_val]``."""
    return hardtanh_(input, min_val, max_val) if inplace else ops.hardtanh(input, min_val, max_val)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``input`` where it is positive, else ``alpha * (exp(input) - 1)``."""
    return elu_(input, alpha) if inplace else ops.elu(input, alpha)


def selu(input: Any, inplace: bool = False) -> Any:
    """``elu`` with the constants that keep a network's activations normalised."""
    return selu_(input) if inplace else ops.selu(input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """``elu`` with a derivative that is continuous for every ``alpha``."""
    return celu_(input, alpha) if inplace else ops.celu(input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """``input * sigmoid(input)``."""
    return _silu_(input) if inplace else ops.silu(input)


def mish(input: Any, inplace: bool = False) -> Any:
    """``input * tanh(softplus(input))``."""
    return _mish_(input) if inplace else ops.mish(input)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """``input / 6 + 1 / 2`` brought into [0, 1]."""
    result = ops.clamp((input.clone() if inplace else input) + 3, 0, 6) / 6
    return input.copy_(result) if inplace else result


# dropout --------------------------------------------------------------------------------------------------------------


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeros with probability ``p``, the other elements scaled up; ``input`` itself out of training.

    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        noise: Any = zeros((), dtype=input.dtype)
    else:
        noise = empty_like(input)
        noise.bernoulli_(1 - p).div_(1 - p)
    return input.mul_(noise) if inplace else input * noise


def _channel_dropout(input: Any, p: float, training: bool, inplace: bool) -> Any:
    """``dropout`` with one draw for each of the first two dimensions' elements."""
    if p == 0 or not training or not input.numel():
        return input
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if p == 1:
        noise: Any = zeros((), dtype=input.dtype)
    else:
        noise = empty((*input.shape[:2], *(1 for _ in input.shape[2:])), dtype=input.dtype)
        noise.bernoulli_(1 - p).div_(1 - p)
    return input.mul_(noise) if inplace else input * noise


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(C, L)`` or ``(N, C, L)``.
    Errors: RuntimeError for other numbers of dimensions; ValueError for what is no probability.
    """
    _check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 3:
        return _channel_dropout(input, p, training, inplace)
    return _unbatched(input, p, training, inplace)


def _unbatched(input: Any, p: float, training: bool, inplace: bool) -> Any:
    result = _channel_dropout(input.unsqueeze(0), p, training, inplace)
    return input if inplace else result.squeeze(0)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(N, C, H, W)``; others are deprecated.
    Errors: RuntimeError for fewer than two dimensions; ValueError for what is no probability.
    """
    _check_probability(p)
    if input.dim() == 3:
        warnings.warn(_NO_BATCH, UserWarning, stacklevel=2)
    elif input.dim() != 4:
        _warn_of_dims("dropout2d", input.dim(), 2)
    return _channel_dropout(input, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``dropout`` of whole channels.

    Shapes: ``(C, D, H, W)`` or ``(N, C, D, H, W)``; others are deprecated.
    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    if input.dim() not in (4, 5):
        _warn_of_dims("dropout3d", input.dim(), 3)
    if input.dim() == 5:
        return _channel_dropout(input, p, training, inplace)
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


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout to the value that ``selu`` saturates at, then scaled and shifted to keep mean and variance.

    Source: Klambauer et al., "Self-normalizing neural networks" (2017), section "New dropout technique".
    Errors: ValueError for what is no probability.
    """
    _check_probability(p)
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * zeros((), dtype=input.dtype)
    alpha = 1.7580993408473766  # minus the limit of selu
    scale = 1.0 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
    noise: Any = empty_like(input)
    noise.bernoulli_(1 - p)
    shift = noise.add(-1).mul_(alpha * scale).add_(alpha * scale * p)
    noise.mul_(scale)
    return input.mul_(noise).add_(shift) if inplace else input * noise + shift


# tables ---------------------------------------------------------------------------------------------------------------


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of ``weight`` at ``input``; no gradient reaches the row ``padding_idx``.

    With ``max_norm``, rows that are longer are first cut to it, in place.
    Errors: AssertionError for a padding row that there is not; IndexError for an index out of range;
    NotImplementedError for sparse gradients.
    """
    if sparse:
        raise NotImplementedError("sparse gradients are not supported")
    if max_norm is not None:
        _cut_rows(weight, input, max_norm, norm_type)
    return ops.embedding(input, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq)


def _cut_rows(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    with no_grad():
        for i in sorted(set(indices.reshape(-1).tolist())):
            norm = weight[i].norm(norm_type).item()
            if norm > max_norm:
                weight[i].mul_(max_norm / (norm + 1e-7))
