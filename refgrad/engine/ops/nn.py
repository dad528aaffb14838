"""What networks are made of: softmax, layers, and the chapters of activations and losses."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops import activation, entropy, loss
from refgrad.engine.ops.activation import *  # noqa: F403
from refgrad.engine.ops.activation import require_floating
from refgrad.engine.ops.entropy import *  # noqa: F403
from refgrad.engine.ops.loss import *  # noqa: F403
from refgrad.engine.ops.reduction import add_reduce, max_reduce
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    *activation.__all__, *entropy.__all__, *loss.__all__,
    "dropout_with", "embedding", "embedding_dense_backward", "layer_norm", "linear", "log_softmax",
    "log_softmax_backward_data", "one_hot", "softmax", "softmax_backward_data",
]  # fmt: skip


# softmax --------------------------------------------------------------------------------------------------------------


def _softmax_axis(name: str, input: Any, dim: int) -> int:
    dim = dims.wrap(dim, input.ndim)
    require_floating(f"{name}{'_lastdim' if dim >= input.ndim - 1 else ''}_kernel_impl", input)
    return dim


def _shifted(input: Any, dim: int) -> Any:
    """``input`` minus its largest element along ``dim``, so that ``exp`` cannot overflow; 16-bit floats in float32."""
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    if not input.size:
        return wide
    return wide - max_reduce(wide.real, dim, None, None, True) if input.ndim else wide - wide


def _sum_along(value: Any, dim: int) -> Any:
    return add_reduce(value, dim, None, None, True) if value.ndim else value


@primitive(name="SoftmaxBackward0")
def _softmax(input: Any, /, dim: int) -> Any:
    exponents = np.exp(_shifted(input, _softmax_axis("softmax", input, dim)))
    return np.asarray(exponents / _sum_along(exponents, dim), input.dtype, order="C")


_softmax.defvjp(lambda grad, result, dim: ops.softmax_backward_data(grad, result, dim))
_softmax.defjvp(lambda tangent, result, dim: ops.softmax_backward_data(tangent, result, dim))


@primitive()
def softmax_backward_data(grad_output: Any, output: Any, /, dim: int) -> Any:
    """The gradient of ``softmax``."""
    return (grad_output - _sum_along(grad_output * output, dim)) * output


softmax_backward_data.defvjp(
    lambda grad, output, dim: ops.softmax_backward_data(grad, output, dim),
    lambda grad, grad_output, output, dim: (
        grad_output * grad
        - ops.sum(output * grad_output, dim, True) * grad
        - grad_output * ops.sum(output * grad, dim, True)
    ),
)


@primitive(name="LogSoftmaxBackward0")
def _log_softmax(input: Any, /, dim: int) -> Any:
    shifted = _shifted(input, _softmax_axis("log_softmax", input, dim))
    return np.asarray(shifted - np.log(_sum_along(np.exp(shifted), dim)), input.dtype, order="C")


_log_softmax.defvjp(lambda grad, result, dim: ops.log_softmax_backward_data(grad, result, dim))
_log_softmax.defjvp(lambda tangent, result, dim: tangent - ops.sum(tangent * ops.exp(result), dim, True))


@primitive()
def log_softmax_backward_data(grad_output: Any, output: Any, /, dim: int) -> Any:
    """The gradient of ``log_softmax``."""
    return grad_output - np.exp(output) * _sum_along(grad_output, dim)


log_softmax_backward_data.defvjp(
    lambda grad, output, dim: grad - ops.sum(grad * ops.exp(output), dim, True),
    lambda grad, grad_output, output, dim: -ops.sum(grad_output, dim, True) * ops.exp(output) * grad,
)


def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The exponentials along ``dim``, scaled to a sum of 1."""
    return _softmax(_cast(input, dtype), _dim_of("softmax", input, dim))


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The logarithm of ``softmax``, without its rounding."""
    return _log_softmax(_cast(input, dtype), _dim_of("log_softmax", input, dim))


def _cast(input: Any, dtype: Any) -> Any:
    array = input._array if isinstance(input, TensorBase) else input
    return input if dtype is None or array.dtype == dtype.numpy else ops.to_copy(input, dtype.numpy)


def _dim_of(name: str, input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


# layers ---------------------------------------------------------------------------------------------------------------


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``.

    Shapes: input ``(..., in)``, weight ``(out, in)``, bias ``(out,)``; the result is ``(..., out)``.
    """
    if not input.ndim:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if bias is None:
        return ops.matmul(input, ops.t(weight))
    if input.ndim == 2:
        return ops.addmm(bias, input, ops.t(weight))
    if input.is_contiguous():
        shape = tuple(input.shape)
        rows = ops.view(input, (math.prod(shape[:-1]), shape[-1]))
        return ops.view(ops.addmm(bias, rows, ops.t(weight)), (*shape[:-1], weight.shape[0]))
    return ops.matmul(input, ops.t(weight)) + bias


def dropout_with(input: Any, keep: Any, p: float = 0.5) -> Any:
    """``input`` where the mask ``keep`` holds, scaled up by what ``p`` leaves, else 0."""
    array = keep._array if isinstance(keep, TensorBase) else np.asarray(keep)
    kind = input._array.dtype if isinstance(input, TensorBase) else input.dtype
    noise = np.zeros((), kind) if p == 1 else array.astype(kind) / kind.type(1 - p)
    return input * (wrap(noise) if isinstance(input, TensorBase) else noise)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A row of ``num_classes`` numbers for each index, 1 at the index and 0 elsewhere.

    Errors: RuntimeError for anything but int64, and for indices out of range.
    """
    index = np.asarray(tensor._array)
    if index.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not index.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if index.size and index.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    classes = int(index.max()) + 1 if num_classes == -1 else num_classes
    if index.size and index.max() >= classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap((index[..., None] == np.arange(classes)).astype(np.int64))


@primitive(name="EmbeddingBackward0")
def _embedding(weight: Any, indices: Any, /, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.dtype.kind != "i" or indices.dtype.itemsize < 4:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{dtypes.of(indices.dtype).tensor_type} instead (while checking arguments for embedding)"
        )
    if np.any((indices < 0) | (indices >= weight.shape[0])):
        raise IndexError("index out of range in self")
    return weight[indices]


_embedding.defvjp(
    weight=lambda grad, indices, weight_shape, padding_idx, scale_grad_by_freq: ops.embedding_dense_backward(
        grad, indices, weight_shape[0], padding_idx, scale_grad_by_freq
    )
)


@primitive()
def embedding_dense_backward(
    grad_output: Any, indices: Any, /, num_weights: int, padding_idx: int, scale_grad_by_freq: bool
) -> Any:
    """The gradient of ``embedding``: the sum over each row's uses, 0 for the padding."""
    rows, flat = np.reshape(grad_output, (-1, grad_output.shape[-1])), np.reshape(indices, -1)
    if scale_grad_by_freq:
        rows = rows / np.bincount(flat, minlength=num_weights)[flat].astype(rows.dtype)[:, None]
    result = np.zeros((num_weights, rows.shape[1]), rows.dtype)
    np.add.at(result, flat[flat != padding_idx], rows[flat != padding_idx])
    return result


embedding_dense_backward.defvjp(
    grad_output=lambda grad, indices, padding_idx: ops.masked_fill(
        _embedding(grad, indices, padding_idx, False), ops.unsqueeze(indices == padding_idx, -1), 0
    )
)


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, *, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """The rows of ``weight`` at ``input``; no gradient reaches the row ``padding_idx``.

    Errors: AssertionError for a padding row that there is not; IndexError for an index out of range.
    """
    rows = int(weight.shape[0])
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return _embedding(weight, input, -1 if padding_idx is None else padding_idx % rows, scale_grad_by_freq)


@primitive(name="NativeLayerNormBackward0")
def _layer_norm(input: Any, weight: Any, bias: Any, /, normalized_shape: Any, eps: float) -> Any:
    axis = tuple(range(-len(normalized_shape), 0))
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    count = math.prod(normalized_shape)
    centered = wide - add_reduce(wide, axis, None, None, True) / count
    result = centered / np.sqrt(add_reduce(centered * centered, axis, None, None, True) / count + eps)
    result = result if weight is None else result * weight
    return (result if bias is None else result + bias).astype(input.dtype)


def _normalized(input: Any, normalized_shape: Any, eps: float) -> tuple[Any, Any, tuple[int, ...]]:
    dim = tuple(range(-len(normalized_shape), 0))
    centered = input - ops.mean(input, dim, True)
    scale = ops.rsqrt(ops.mean(centered * centered, dim, True) + eps)
    return centered * scale, scale, dim


def _layer_norm_vjp(grad: Any, input: Any, weight: Any, normalized_shape: Any, eps: float) -> Any:
    normal, scale, dim = _normalized(input, normalized_shape, eps)
    grad = grad if weight is None else grad * weight
    return scale * (grad - ops.mean(grad, dim, True) - normal * ops.mean(grad * normal, dim, True))


_layer_norm.defvjp(
    _layer_norm_vjp,
    lambda grad, input, normalized_shape, eps: grad * _normalized(input, normalized_shape, eps)[0],
    lambda grad: grad,
)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Any:
    """``input`` with mean 0 and variance 1 over its last dimensions, then scaled and shifted.

    Errors: RuntimeError for shapes that do not fit.
    """
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and list(x.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(x.shape)} and "
                f"normalized_shape = {shape}"
            )
    if list(input.shape)[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [*, {', '.join(map(str, shape))}], but got "
            f"input of size{list(input.shape)}"
        )
    return _layer_norm(input, weight, bias, tuple(shape), eps)
