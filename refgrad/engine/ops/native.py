"""PyTorch's top-level spellings of what ``nn.functional`` shows too: weights first, reductions as numbers, masks beside results."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import ops, random
from refgrad.engine.ops import ctc, divergence, entropy, max_pooling, noise, normalization
from refgrad.engine.ops import embedding as tables
from refgrad.engine.ops import grid as sampling
from refgrad.engine.ops import margin as _margin
from refgrad.engine.primitive import wrap

__all__ = [
    "adaptive_max_pool1d", "alpha_dropout", "batch_norm", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "ctc_loss", "dropout", "embedding", "embedding_bag", "feature_alpha_dropout", "feature_dropout", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm",
    "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "margin_ranking_loss", "max_pool1d_with_indices",
    "native_batch_norm", "native_dropout", "native_group_norm", "native_layer_norm", "poisson_nll_loss", "rms_norm",
    "triplet_margin_loss",
]  # fmt: skip

_REDUCTIONS = ("none", "mean", "sum")  # PyTorch documents the mean as the default here, and takes none


# dropout --------------------------------------------------------------------------------------------------------------


def _dropout(input: Any, p: float, train: bool, **kinds: bool) -> Any:
    noise._check_probability(p, RuntimeError)
    return noise.dropped(input, p, train, **kinds)


def dropout(input: Any, p: float, train: bool) -> Any:
    """``nn.functional.dropout``, with ``train`` spelled out."""
    return _dropout(input, p, train)


def alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """``nn.functional.alpha_dropout``, with ``train`` spelled out."""
    return _dropout(input, p, train, alpha=True)


def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """``dropout`` of whole channels."""
    return _dropout(input, p, train, feature=True)


def feature_alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """``alpha_dropout`` of whole channels."""
    return _dropout(input, p, train, feature=True, alpha=True)


def native_dropout(input: Any, p: float, train: bool | None) -> tuple[Any, Any]:
    """Dropout, and the mask of what was kept."""
    if train is False or p == 0:
        return noise.masked(input, wrap(np.ones(tuple(input.shape), bool)), 1.0), wrap(
            np.ones(tuple(input.shape), bool)
        )
    kept = wrap(random.bernoulli(random.default_generator, 1 - p, tuple(input.shape), bool))
    return noise.masked(input, kept, 0.0 if p == 1 else 1 / (1 - p)), kept


# normalization --------------------------------------------------------------------------------------------------------


rms_norm = normalization.rms_norm


def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Any:
    """``nn.functional.layer_norm``."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05, cudnn_enabled: bool = True
) -> Any:
    """``nn.functional.group_norm``."""
    return normalization.group_norm(input, num_groups, weight, bias, eps)


def batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float, eps: float,
    cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """``nn.functional.batch_norm``, the parameters first."""
    return normalization.batched(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool, momentum: float,
    eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """``nn.functional.instance_norm``, the parameters first."""
    return normalization.by_instance(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _moments(input: Any, shape: Any, dim: Any, eps: float) -> tuple[Any, Any]:
    mean, scale = normalization.moments(np.asarray(input._array).reshape(shape), dim, eps)
    return wrap(mean), wrap(scale)


def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """``layer_norm``, and the means and reciprocal standard deviations that it found."""
    result = normalization.layer_norm(input, normalized_shape, weight, bias, eps)
    dim = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    return result, *_moments(input, tuple(input.shape), dim, eps)


def native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    """``batch_norm``, and the means and reciprocal standard deviations of the batch; empty out of training."""
    result = normalization.batched(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return result, *(wrap(np.zeros(0, input._array.dtype)) for _ in range(2))
    mean, scale = _moments(input, tuple(input.shape), (0, *range(2, input.ndim)), eps)
    return result, wrap(mean._array.ravel()), wrap(scale._array.ravel())


def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Any, Any, Any]:
    """``group_norm``, and the means and reciprocal standard deviations of the groups, which gradients reach."""
    result = normalization.grouped(input, group, weight, bias, eps)
    flat = ops.reshape(input, (N, group, C // group * HxW))
    mean = ops.mean(flat, 2)
    centered = flat - ops.unsqueeze(mean, 2)
    return result, mean, ops.rsqrt(ops.mean(centered * centered, 2) + eps)


# tables and pools -----------------------------------------------------------------------------------------------------


def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """``nn.functional.embedding``, the table first; a padding row of -1 stands for none."""
    row = None if padding_idx == -1 else padding_idx
    return tables.embedding(indices, weight, row, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def embedding_bag(
    weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """``nn.functional.embedding_bag``, the table first, with each index's bag, the bags' sizes and the largest rows."""
    name = ("sum", "mean", "max")[mode]
    result = tables.embedding_bag(
        indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq, mode=name, sparse=sparse,
        per_sample_weights=per_sample_weights, include_last_offset=include_last_offset, padding_idx=padding_idx,
    )  # fmt: skip
    starts = offsets[:-1] if include_last_offset else offsets
    row = -1 if padding_idx is None else padding_idx
    bags, counts = tables._bags(indices, starts), tables._counts(indices, starts, row)
    largest = tables._largest(weight, indices, starts, row) if name == "max" else np.zeros(0, np.int64)
    return result, wrap(bags), wrap(counts), wrap(largest)


def adaptive_max_pool1d(input: Any, output_size: Any) -> tuple[Any, Any]:
    """``nn.functional.adaptive_max_pool1d`` with its indices."""
    values, indices = max_pooling.adaptive_max_pool1d(input, output_size, True)
    return values, indices


def max_pool1d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Any, Any]:
    """``nn.functional.max_pool1d`` with its indices."""
    values, indices = max_pooling.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)
    return values, indices


def _grid(ndim: int | None, input: Any, grid: Any, interpolation: int, padding: int, align_corners: bool) -> Any:
    if ndim is not None and input.ndim != ndim:
        raise RuntimeError(f"grid_sampler_{ndim - 2}d expects an input of {ndim} dimensions, but got {input.ndim}")
    mode, padding_mode = ("bilinear", "nearest", "bicubic")[interpolation], ("zeros", "border", "reflection")[padding]
    return sampling.grid_sample(input, grid, mode, padding_mode, align_corners)


def grid_sampler(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """``nn.functional.grid_sample``, its modes as numbers."""
    return _grid(None, input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_2d(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """``grid_sampler`` of images."""
    return _grid(4, input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """``grid_sampler`` of volumes."""
    return _grid(5, input, grid, interpolation_mode, padding_mode, align_corners)


# losses ---------------------------------------------------------------------------------------------------------------


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0) -> Any:
    """``nn.functional.margin_ranking_loss``."""
    return _margin.margin_ranking_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: int = 0) -> Any:
    """``nn.functional.hinge_embedding_loss``."""
    return _margin.hinge_embedding_loss(input, target, margin, reduction=_REDUCTIONS[reduction])


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0) -> Any:
    """``nn.functional.cosine_embedding_loss``."""
    return _margin.cosine_embedding_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-06, swap: bool = False,
    reduction: int = 0,
) -> Any:  # fmt: skip
    """``nn.functional.triplet_margin_loss``."""
    return _margin.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_REDUCTIONS[reduction]
    )


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> Any:
    """``nn.functional.binary_cross_entropy_with_logits``."""
    return entropy.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
    )


def kl_div(input: Any, target: Any, reduction: int = 0, *, log_target: bool = False) -> Any:
    """``nn.functional.kl_div``."""
    return divergence.kl_divergence(input, target, reduction, log_target)


def poisson_nll_loss(input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int) -> Any:
    """``nn.functional.poisson_nll_loss``."""
    return divergence.poisson(input, target, log_input, full, eps, reduction)


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: int = 0,
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """``nn.functional.ctc_loss``."""
    return ctc.temporal(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)
