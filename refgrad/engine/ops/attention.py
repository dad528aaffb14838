"""Attention: averages of values, weighted by how well their keys answer a query.

Source: Vaswani et al., "Attention is all you need" (2017), eq. 1 and section 3.2.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.modes import modes
from refgrad.engine.ops.forms import no_derivative, no_tangent
from refgrad.engine.ops.noise import dropped
from refgrad.engine.ops.softmax import _softmax
from refgrad.engine.primitive import primitive, wrap

__all__ = ["scaled_dot_product_attention"]


@primitive(name="SafeSoftmaxBackward0")
def _safe_softmax(input: Any, /, dim: int) -> Any:
    """``softmax``, but zeros where everything is minus infinity."""
    result = _softmax.op.forward(input, dim)
    return np.where(np.all(input == -np.inf, dim, keepdims=True), input.dtype.type(0), result) if input.size else result


_safe_softmax.defvjp(lambda grad, result, dim: ops.softmax_backward_data(grad, result, dim))
_safe_softmax.defjvp(lambda tangent, result, dim: ops.softmax_backward_data(tangent, result, dim))


# in one piece ---------------------------------------------------------------------------------------------------------


def _scores(query: Any, key: Any, bias: Any, scale: float) -> Any:
    scores = query @ np.swapaxes(key, -1, -2) * query.dtype.type(scale)
    return scores if bias is None else scores + bias


@primitive(name="ScaledDotProductFlashAttentionForCpuBackward0")
def _attend(*tensors: Any, bias: Any, scale: float) -> Any:
    """Query, key and value in one node; ``bias`` is added to the scores, and is a constant."""
    query, key, value = (x.astype(np.float32) if x.dtype.itemsize == 2 else x for x in tensors)
    weights = _safe_softmax.op.forward(_scores(query, key, bias, scale), -1)
    return (weights @ value).astype(tensors[0].dtype, copy=False)


@primitive(outputs=("of_query", "of_key", "of_value"))
def _attend_backward(grad_output: Any, query: Any, key: Any, value: Any, /, bias: Any, scale: float) -> Any:
    """The gradients of all three at once."""
    weights = _safe_softmax.op.forward(_scores(query, key, bias, scale), -1)
    felt = grad_output @ np.swapaxes(value, -1, -2)
    flow = (felt - (felt * weights).sum(-1, keepdims=True)) * weights * query.dtype.type(scale)
    return flow @ key, np.swapaxes(flow, -1, -2) @ query, np.swapaxes(weights, -1, -2) @ grad_output


_attend.defvjp(tensors=lambda grad, tensors, bias, scale: _attend_backward(grad, *tensors, bias, scale))
_attend.defjvp(tensors=no_tangent("_scaled_dot_product_flash_attention_for_cpu"))
_attend_backward.defvjp(*(no_derivative("_scaled_dot_product_flash_attention_for_cpu_backward"),) * 4)


# the parts of it ------------------------------------------------------------------------------------------------------


def _check(query: Any, key: Any, value: Any, attn_mask: Any) -> None:
    """Refuse what does not go together.

    Errors: RuntimeError for types and numbers of dimensions.
    """
    named = {"query": query, "key": key, "value": value}
    if min(x.ndim for x in named.values()) < 2:
        told = " and ".join((f"query.dim: {query.ndim} key.dim: {key.ndim}", f"value.dim: {value.ndim}"))
        raise RuntimeError(f"Expected query, key, and value to all be  at least 2 dimensional, but got {told} instead.")
    kinds = [x._array.dtype for x in named.values()]
    if len(set(kinds)) > 1:
        titles = [dtypes.c_title(kind) for kind in kinds]
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {titles[0]} key.dtype: "
            f"{titles[1]} and value.dtype: {titles[2]} instead."
        )
    if attn_mask is not None and attn_mask._array.dtype not in (np.bool_, np.float32, kinds[0]):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{dtypes.c_title(attn_mask._array.dtype)} and  query.dtype: {dtypes.c_title(kinds[0])} instead."
        )


def _causal(query: Any, key: Any) -> Any:
    """Minus infinity where a key comes after its query."""
    rows, columns = query.shape[-2], key.shape[-2]
    future = np.arange(columns) > np.arange(rows)[:, None]
    return np.where(future, -np.inf, 0).astype(query._array.dtype)


def _as_bias(attn_mask: Any, query: Any) -> Any:
    """A mask as numbers to add: minus infinity where it does not hold."""
    if attn_mask is None or attn_mask._array.dtype.kind != "b":
        return attn_mask
    return wrap(np.where(attn_mask._array, 0, -np.inf).astype(query._array.dtype))


def _in_one_piece(query: Any, key: Any, value: Any, bias: Any, dropout_p: float) -> bool:
    """Whether PyTorch's CPU kernel takes the call: whole batches of heads, and no gradient for the mask."""
    four = query.ndim == key.ndim == value.ndim == 4
    masked = bias is not None and bias.requires_grad and modes.grad_enabled
    heads = (
        four
        and query.shape[:2] == key.shape[:2] == value.shape[:2]
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
    )
    return bool(heads and not dropout_p and not masked and math.prod(query.shape) and math.prod(key.shape))


def _repeated(query: Any, x: Any) -> Any:
    return ops.repeat_interleave(x, query.shape[-3] // x.shape[-3], -3)


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """``softmax(query @ key.T * scale + mask) @ value``, the scale by default one over the root of the width.

    Shapes: query ``(..., L, E)``, key ``(..., S, E)``, value ``(..., S, V)``; the mask broadcasts to ``(..., L, S)``.
    Errors: RuntimeError for types and shapes that do not go together.
    """
    _check(query, key, value, attn_mask)
    factor = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else scale
    if enable_gqa:
        key, value = _repeated(query, key), _repeated(query, value)
    bias = _as_bias(attn_mask, query)
    if is_causal:
        bias = wrap(_causal(query, key)) if bias is None else bias + wrap(_causal(query, key))
    if bias is not None:
        dims.broadcast((*query.shape[:-1], key.shape[-2]), tuple(bias.shape))
    if _in_one_piece(query, key, value, bias, dropout_p):
        return _attend(query, key, value, bias=None if bias is None else np.asarray(bias._array), scale=factor)
    if is_causal and attn_mask is not None:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    root = math.sqrt(abs(factor))
    scores = ops.matmul(query * math.copysign(root, factor), ops.transpose(key, -2, -1) * root)
    weights = _safe_softmax(scores if bias is None else scores + bias, -1)
    if dropout_p and not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    return ops.matmul(dropped(weights, dropout_p, True), value)
