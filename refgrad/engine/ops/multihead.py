"""Attention with several heads: queries, keys and values projected, attended in each head, and projected back.

Source: Vaswani et al., "Attention is all you need" (2017), section 3.2.2.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.attention import scaled_dot_product_attention
from refgrad.engine.ops.linear_maps import linear
from refgrad.engine.ops.noise import dropout
from refgrad.engine.ops.padding import pad
from refgrad.engine.primitive import wrap

__all__ = ["multi_head_attention_forward"]


def _require(holds: bool, told: str) -> None:
    if not holds:
        raise AssertionError(told)


# checks ---------------------------------------------------------------------------------------------------------------


def _is_batched(query: Any, key: Any, value: Any, key_padding_mask: Any, attn_mask: Any, num_heads: int) -> bool:
    """Whether there is a batch.

    Errors: AssertionError for numbers of dimensions that do not go together.
    """
    _require(
        query.ndim in (2, 3),
        f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor",
    )
    batched: bool = query.ndim == 3
    given = f"For {'batched (3-D)' if batched else 'unbatched (2-D)'} `query`, expected"
    n = query.ndim
    _require(
        key.ndim == value.ndim == n,
        f"{given} `key` and `value` to be {n}-D but found {key.ndim}-D and {value.ndim}-D tensors respectively",
    )
    if key_padding_mask is not None:
        found = key_padding_mask.ndim
        told = f"{given} `key_padding_mask` to be `None` or {n - 1}-D but found {found}-D tensor instead"
        _require(found == n - 1, told)
    if attn_mask is not None:
        told = f"{given} `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.ndim}-D tensor instead"
        _require(attn_mask.ndim in (2, 3), told)
        if not batched and attn_mask.ndim == 3:
            expected = (num_heads, query.shape[0], key.shape[0])
            told = f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}"
            _require(tuple(attn_mask.shape) == expected, told)
    return batched


def canonical_mask(mask: Any, name: str, other: Any, other_name: str, like: Any) -> Any:
    """A mask as numbers to add: of bools, minus infinity where it holds.

    Errors: AssertionError for integers.
    """
    if mask is None:
        return None
    kind = mask._array.dtype
    _require(kind.kind in "bfV", f"only bool and floating types of {name} are supported")
    if other is not None and kind != other._array.dtype:
        told = f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead."
        warnings.warn(told, UserWarning, stacklevel=4)
    return wrap(np.where(mask._array, -np.inf, 0).astype(like._array.dtype)) if kind.kind == "b" else mask


def _check_mask(mask: Any, rows: int, columns: int, heads: int) -> Any:
    """``mask`` with a dimension for batch and heads.

    Errors: RuntimeError for another shape.
    """
    if mask is None:
        return None
    if mask.ndim not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.ndim} is not supported")
    expected = (rows, columns) if mask.ndim == 2 else (heads, rows, columns)
    if tuple(mask.shape) != expected:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}.")
    return ops.unsqueeze(mask, 0) if mask.ndim == 2 else mask


# projections ----------------------------------------------------------------------------------------------------------


def _packed(query: Any, key: Any, value: Any, weight: Any, bias: Any) -> tuple[Any, ...]:
    """All three projections by one matrix; those of the same tensor in one product."""
    width = query.shape[-1]
    if key is value and query is key:
        return _unstacked(linear(query, weight, bias), 3)
    if key is value:
        of_query, of_both = ops.split(weight, [width, 2 * width])
        first, both = (None, None) if bias is None else ops.split(bias, [width, 2 * width])
        return (linear(query, of_query, first), *_unstacked(linear(key, of_both, both), 2))
    biases = (None,) * 3 if bias is None else ops.chunk(bias, 3)
    weights = ops.chunk(weight, 3)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))


def _unstacked(projected: Any, count: int) -> tuple[Any, ...]:
    parts = ops.unflatten(projected, -1, (count, projected.shape[-1] // count))
    stacked = ops.contiguous(ops.squeeze(ops.transpose(ops.unsqueeze(parts, 0), 0, -2), -2))
    return tuple(stacked[i] for i in range(count))


def _separate(tensors: Any, weights: Any, bias: Any) -> tuple[Any, ...]:
    """Each projection by a matrix of its own.

    Errors: AssertionError for a matrix that is missing, or of another shape.
    """
    width = tensors[0].shape[-1]
    for name, x, w in zip(("query", "key", "value"), tensors, weights):
        _require(w is not None, f"use_separate_proj_weight is True but {name[0]}_proj_weight is None")
        expected = (width, x.shape[-1])
        told = f"expecting {name} weights shape of {expected}, but got {w.shape}"
        _require(tuple(w.shape) == expected, told)
    biases = (None,) * 3 if bias is None else ops.chunk(bias, 3)
    return tuple(linear(x, w, b) for x, w, b in zip(tensors, weights, biases))


def _heads(x: Any, given: Any, name: str, heads: int, width: int) -> Any:
    """``x`` with its heads in the batch, unless they are ``given``.

    Errors: AssertionError for others than the heads that are expected.
    """
    if given is None:
        return ops.transpose(ops.view(x, (x.shape[0], heads, width)), 0, 1)
    _require(given.shape[0] == heads, f"expecting {name}.size(0) of {heads}, but got {given.shape[0]}")
    _require(given.shape[2] == width, f"expecting {name}.size(2) of {width}, but got {given.shape[2]}")
    return given


def _longer(masks: tuple[Any, Any]) -> tuple[Any, Any]:
    """Masks for one more key, which they do not hide."""
    first, second = (None if mask is None else pad(mask, (0, 1)) for mask in masks)
    return first, second


def _merged(attn_mask: Any, key_padding_mask: Any, batch: int, num_heads: int, columns: int) -> Any:
    if key_padding_mask is None:
        return attn_mask
    told = f"Expected key_padded_mask.shape to be {(batch, columns)}, but got {tuple(key_padding_mask.shape)}"
    _require(tuple(key_padding_mask.shape) == (batch, columns), told)
    spread = ops.expand(ops.view(key_padding_mask, (batch, 1, 1, columns)), (batch, num_heads, 1, columns))
    flat = ops.reshape(spread, (batch * num_heads, 1, columns))
    return flat if attn_mask is None else attn_mask + flat


# attention itself -----------------------------------------------------------------------------------------------------


def _with_weights(q: Any, k: Any, v: Any, mask: Any, dropout_p: float) -> tuple[Any, Any]:
    """What the heads give, and how they weighed."""
    scores = ops.bmm(q * math.sqrt(1.0 / q.shape[-1]), ops.transpose(k, -2, -1))
    weights = ops.softmax(scores if mask is None else mask + scores, -1)
    weights = dropout(weights, dropout_p) if dropout_p > 0 else weights
    return ops.transpose(ops.bmm(weights, v), 0, 1), weights


def _without_weights(
    q: Any, k: Any, v: Any, mask: Any, dropout_p: float, is_causal: bool, batch: int, num_heads: int
) -> Any:
    if mask is not None:
        one = mask.shape[0] == 1 and mask.ndim == 3
        mask = ops.unsqueeze(mask, 0) if one else ops.view(mask, (batch, num_heads, -1, k.shape[1]))
    q, k, v = (ops.view(x, (batch, num_heads, x.shape[1], x.shape[2])) for x in (q, k, v))
    return ops.permute(scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal), (2, 0, 1, 3))


def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """The output of all heads, and with ``need_weights`` the attention weights, by default their mean over the heads.

    Shapes: query ``(L, N, E)``, key and value ``(S, N, E)``, or all without ``N``; weights ``(N, L, S)``.
    Errors: AssertionError and RuntimeError for shapes that do not go together.
    """
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same, alike = key is value, query is key
        query = ops.unsqueeze(query, 1)
        key = query if alike else ops.unsqueeze(key, 1)
        value = key if same else ops.unsqueeze(value, 1)
        key_padding_mask = None if key_padding_mask is None else ops.unsqueeze(key_padding_mask, 0)
    rows, batch, width = query.shape
    key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query)
    if is_causal and attn_mask is None:
        raise RuntimeError(_CAUSAL)
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query)
        is_causal = is_causal and key_padding_mask is None
    told = f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
    _require(width == embed_dim_to_check, told)
    head = width // num_heads
    _require(head * num_heads == width, f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        told = f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        _require(key.shape[:2] == value.shape[:2], told)
        q, k, v = _separate((query, key, value), (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    else:
        _require(key.shape == value.shape, f"key shape {key.shape} does not match value shape {value.shape}")
        _require(in_proj_weight is not None, "use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _packed(query, key, value, in_proj_weight, in_proj_bias)
    heads = batch * num_heads
    masks = _check_mask(attn_mask, rows, key.shape[0], heads), key_padding_mask
    if bias_k is not None and bias_v is not None:
        _require(static_k is None, "bias cannot be added to static key.")
        _require(static_v is None, "bias cannot be added to static value.")
        k, v = (ops.cat((x, ops.repeat(b, (1, batch, 1)))) for x, b in ((k, bias_k), (v, bias_v)))
        masks = _longer(masks)
    else:
        _require(bias_k is None, "bias_k is set but bias_v is None")
        _require(bias_v is None, "bias_v is set but bias_k is None")
    q = _heads(q, None, "", heads, head)
    k, v = _heads(k, static_k, "static_k", heads, head), _heads(v, static_v, "static_v", heads, head)
    if add_zero_attn:
        k, v = (ops.cat((x, ops.zeros_as(x, (heads, 1, head))), 1) for x in (k, v))
        masks = _longer(masks)
    columns = k.shape[1]
    mask = _merged(*masks, batch, num_heads, columns)
    dropout_p = dropout_p if training else 0.0
    if need_weights:
        _require(not (is_causal and mask is None), "FIXME: is_causal not implemented for need_weights")
        result, weights = _with_weights(q, k, v, mask, dropout_p)
    else:
        result, weights = _without_weights(q, k, v, mask, dropout_p, is_causal, batch, num_heads), None
    result = linear(ops.reshape(result, (rows * batch, width)), out_proj_weight, out_proj_bias)
    result = ops.view(result, (rows, batch, result.shape[1]))
    if weights is not None:
        weights = ops.view(weights, (batch, num_heads, rows, columns))
        weights = ops.mean(weights, 1) if average_attn_weights else weights
        weights = weights if batched else ops.squeeze(weights, 0)
    return result if batched else ops.squeeze(result, 1), weights


_CAUSAL = (
    "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
    "`generate_square_subsequent_mask` to create this mask."
)
