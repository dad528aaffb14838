"""What networks are made of: activations, softmax, normalisation, embeddings."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive, wrap

__all__ = [
    "celu", "dropout", "elu", "elu_backward", "embedding", "embedding_dense_backward", "gelu", "hardtanh",
    "hardtanh_backward", "layer_norm", "leaky_relu", "leaky_relu_backward", "log_sigmoid_backward", "log_softmax",
    "log_softmax_backward_data", "logsigmoid", "mish", "one_hot", "relu6", "selu", "silu", "softmax",
    "softmax_backward_data", "softmin", "softplus", "softplus_backward", "softsign", "tanhshrink",
]  # fmt: skip


def require_floating(name: str, input: Any) -> None:
    """Refuse a type that PyTorch has no kernel for.

    Errors: NotImplementedError for integers and bools.
    """
    if input.dtype.kind in "biu":
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.scalar_title(input.dtype)}'")


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
    return wide - np.maximum.reduce(wide.real, dim, None, None, True) if input.ndim else wide - wide


def _sum_along(value: Any, dim: int) -> Any:
    return np.add.reduce(value, dim, None, None, True) if value.ndim else value


@primitive(name="SoftmaxBackward0")
def _softmax(input: Any, /, dim: int) -> Any:
    exponents = np.exp(_shifted(input, _softmax_axis("softmax", input, dim)))
    return (exponents / _sum_along(exponents, dim)).astype(input.dtype, copy=False)


_softmax.defvjp(lambda grad, result, dim: ops.softmax_backward_data(grad, result, dim))
_softmax.defjvp(lambda tangent, result, dim: ops.softmax_backward_data(tangent, result, dim))


@primitive()
def softmax_backward_data(grad_output: Any, output: Any, /, dim: int) -> Any:
    """The gradient of ``softmax``."""
    return (grad_output - _sum_along(grad_output * output, dim)) * output


softmax_backward_data.defvjp(
    lambda grad, output, dim: ops.softmax_backward_data(grad, output, dim),
    lambda grad, grad_output, output, dim: grad_output * grad
    - ops.sum(output * grad_output, dim, True) * grad
    - grad_output * ops.sum(output * grad, dim, True),
)


@primitive(name="LogSoftmaxBackward0")
def _log_softmax(input: Any, /, dim: int) -> Any:
    shifted = _shifted(input, _softmax_axis("log_softmax", input, dim))
    return (shifted - np.log(_sum_along(np.exp(shifted), dim))).astype(input.dtype, copy=False)


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


def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """``softmax`` of the negative."""
    return _softmax(_cast(-input, dtype), _dim_of("softmin", input, dim))


def _cast(input: Any, dtype: Any) -> Any:
    if dtype is None or input.dtype in (dtype, dtype.numpy):
        return input
    return ops.to_copy(input, dtype.numpy)


def _dim_of(name: str, input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


# piecewise activations ------------------------------------------------------------------------------------------------


@primitive()
def leaky_relu(input: Any, /, negative_slope: float = 0.01) -> Any:
    """``input`` where it is positive, else ``negative_slope * input``."""
    require_floating("leaky_relu_cpu", input)
    return np.where(input > 0, input, input * negative_slope)


leaky_relu.defvjp(lambda grad, input, negative_slope: ops.leaky_relu_backward(grad, input, negative_slope))
leaky_relu.defjvp(lambda tangent, input, negative_slope: ops.leaky_relu_backward(tangent, input, negative_slope))


@primitive()
def leaky_relu_backward(grad_output: Any, input: Any, /, negative_slope: float) -> Any:
    """The gradient of ``leaky_relu``; at 0 the slope of the left side."""
    return np.where(input > 0, grad_output, grad_output * negative_slope)


leaky_relu_backward.defvjp(
    lambda grad, input, negative_slope: ops.leaky_relu_backward(grad, input, negative_slope),
    lambda grad: ops.zeros_like(grad),
)


@primitive()
def hardtanh(input: Any, /, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``input`` brought into ``[min_val, max_val]``."""
    if input.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return np.clip(input, input.dtype.type(min_val), input.dtype.type(max_val))


hardtanh.defvjp(lambda grad, input, min_val, max_val: ops.hardtanh_backward(grad, input, min_val, max_val))
hardtanh.defjvp(lambda tangent, input, min_val, max_val: ops.hardtanh_backward(tangent, input, min_val, max_val))


@primitive()
def hardtanh_backward(grad_output: Any, input: Any, /, min_val: float, max_val: float) -> Any:
    """The gradient of ``hardtanh``; 0 at the bounds."""
    return np.where((input <= min_val) | (input >= max_val), grad_output.dtype.type(0), grad_output)


hardtanh_backward.defvjp(
    lambda grad, input, min_val, max_val: ops.hardtanh_backward(grad, input, min_val, max_val),
    lambda grad: ops.zeros_like(grad),
)


def relu6(input: Any) -> Any:
    """``input`` brought into ``[0, 6]``."""
    return hardtanh(input, 0.0, 6.0)


def _elu_of(input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    require_floating("elu_cpu", input)
    return np.where(input < 0, np.expm1(input * input_scale) * (alpha * scale), input * scale)


@primitive(name="EluBackward0")
def _elu(input: Any, /, alpha: float, scale: float, input_scale: float) -> Any:
    return _elu_of(input, alpha, scale, input_scale)


@primitive()
def elu_backward(grad_output: Any, input: Any, /, alpha: float, scale: float, input_scale: float) -> Any:
    """The gradient of ``elu`` and its kin; at 0 that of the left side."""
    slope = np.exp(input * input_scale) * (alpha * scale * input_scale)
    return np.where(input <= 0, grad_output * slope, grad_output * scale)


_elu.defvjp(lambda grad, input, alpha, scale, input_scale: ops.elu_backward(grad, input, alpha, scale, input_scale))
_elu.defjvp(lambda tangent, input, alpha, scale, input_scale: ops.elu_backward(tangent, input, alpha, scale, input_scale))


def _elu_curvature(grad: Any, grad_output: Any, input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    curvature = ops.exp(input * input_scale) * (alpha * scale * input_scale * input_scale)
    return grad * grad_output * ops.where(input < 0, curvature, 0.0)


elu_backward.defvjp(
    lambda grad, input, alpha, scale, input_scale: ops.elu_backward(grad, input, alpha, scale, input_scale), _elu_curvature
)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """``input`` where it is positive, else ``alpha * (exp(input) - 1)``."""
    return _elu(input, alpha, 1.0, 1.0)


def selu(input: Any) -> Any:
    """``elu`` with the constants that keep a network's activations normalised."""
    return _elu(input, 1.6732632423543772, 1.0507009873554805, 1.0)


@primitive(name="CeluBackward0")
def _celu(input: Any, /, alpha: float) -> Any:
    return _elu_of(input, alpha, 1.0, 1.0 / alpha)


_celu.defvjp(lambda grad, input, alpha: ops.elu_backward(grad, input, alpha, 1.0, 1.0 / alpha))


def celu(input: Any, alpha: float = 1.0) -> Any:
    """``elu`` made smooth at 0 for every ``alpha``.

    Errors: RuntimeError where ``alpha`` is 0.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _celu(input, alpha)


# smooth activations ---------------------------------------------------------------------------------------------------


@primitive()
def gelu(input: Any, /, approximate: str = "none") -> Any:
    """``input`` times the normal distribution function, exact or by its ``"tanh"`` approximation."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    require_floating("GeluKernelImpl", input)
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(_SQRT_2_PI * (input + 0.044715 * input * input * input)))
    from scipy.special import erf  # loaded at the first call: `import refgrad` needs NumPy only

    return input * (0.5 * (1 + erf(input * math.sqrt(0.5))))


_SQRT_2_PI = math.sqrt(2 / math.pi)


def _gelu_vjp(grad: Any, input: Any, approximate: str) -> Any:
    if approximate == "none":
        density = ops.exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
        return grad * (0.5 * (1 + ops.erf(input * math.sqrt(0.5))) + input * density)
    bent = ops.tanh(_SQRT_2_PI * (input + 0.044715 * input * input * input))
    slope = _SQRT_2_PI * (1 + 3 * 0.044715 * input * input)
    return grad * (0.5 * (1 + bent) + 0.5 * input * (1 - bent * bent) * slope)


gelu.defvjp(_gelu_vjp)
gelu.defjvp(_gelu_jvp := lambda tangent, input, approximate: _gelu_vjp(tangent, input, approximate))


@primitive()
def silu(input: Any, /) -> Any:
    """``input * sigmoid(input)``."""
    require_floating("silu_cpu", input)
    return input / (1 + np.exp(-input))


def _silu_vjp(grad: Any, input: Any) -> Any:
    sigmoid = ops.sigmoid(input)
    return grad * sigmoid * (1 + input * (1 - sigmoid))


silu.defvjp(_silu_vjp)
silu.defjvp(lambda tangent, input: _silu_vjp(tangent, input))


@primitive()
def mish(input: Any, /) -> Any:
    """``input * tanh(log(1 + exp(input)))``."""
    require_floating("mish_cpu", input)
    return input * np.tanh(np.log1p(np.exp(input)))


def _mish_vjp(grad: Any, input: Any) -> Any:
    bent = ops.tanh(ops.log1p(ops.exp(input)))
    return grad * (bent + input * ops.sigmoid(input) * (1 - bent * bent))


mish.defvjp(_mish_vjp)


@primitive()
def softplus(input: Any, /, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(beta * input)) / beta``; ``input`` itself above ``threshold / beta``."""
    require_floating("softplus_cpu", input)
    scaled = input * beta
    return np.where(scaled > threshold, input, np.log1p(np.exp(scaled)) / beta)


softplus.defvjp(lambda grad, input, beta, threshold: ops.softplus_backward(grad, input, beta, threshold))
softplus.defjvp(lambda tangent, input, beta, threshold: ops.softplus_backward(tangent, input, beta, threshold))


@primitive()
def softplus_backward(grad_output: Any, input: Any, /, beta: float, threshold: float) -> Any:
    """The gradient of ``softplus``."""
    power = np.exp(input * beta)
    return np.where(input * beta > threshold, grad_output, grad_output * power / (power + 1))


def _softplus_curvature(grad: Any, grad_output: Any, input: Any, beta: float, threshold: float) -> Any:
    sigmoid = ops.sigmoid(input * beta)
    return grad * grad_output * ops.where(input * beta < threshold, sigmoid * (1 - sigmoid) * beta, 0.0)


softplus_backward.defvjp(
    lambda grad, input, beta, threshold: ops.softplus_backward(grad, input, beta, threshold), _softplus_curvature
)


@primitive(name="LogSigmoidBackward0")
def logsigmoid(input: Any, /) -> Any:
    """``log(sigmoid(input))`` without overflow."""
    require_floating("log_sigmoid_cpu", input)
    return np.minimum(input, input.dtype.type(0)) - np.log1p(np.exp(-np.abs(input)))


logsigmoid.defvjp(lambda grad, input: ops.log_sigmoid_backward(grad, input))
logsigmoid.defjvp(lambda tangent, input: ops.log_sigmoid_backward(tangent, input))


@primitive()
def log_sigmoid_backward(grad_output: Any, input: Any, /) -> Any:
    """The gradient of ``logsigmoid``."""
    power = np.exp(-np.abs(input))
    share = power / (1 + power)
    return grad_output * np.where(input < 0, 1 - share, share)


def _log_sigmoid_curvature(grad: Any, grad_output: Any, input: Any) -> Any:
    sigmoid = ops.sigmoid(input)
    return grad * grad_output * (sigmoid - 1) * sigmoid


log_sigmoid_backward.defvjp(lambda grad, input: ops.log_sigmoid_backward(grad, input), _log_sigmoid_curvature)


def softsign(input: Any) -> Any:
    """``input / (1 + |input|)``."""
    return input / (ops.abs(input) + 1)


def tanhshrink(input: Any) -> Any:
    """``input - tanh(input)``."""
    return input - ops.tanh(input)


# layers ---------------------------------------------------------------------------------------------------------------


def dropout(input: Any, keep: Any, p: float = 0.5) -> Any:
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
    centered = wide - np.add.reduce(wide, axis, None, None, True) / count
    result = centered / np.sqrt(np.add.reduce(centered * centered, axis, None, None, True) / count + eps)
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
            f"Given normalized_shape={shape}, expected input with shape [*, {', '.join(map(str, shape))}], but got input of "
            f"size{list(input.shape)}"
        )
    return _layer_norm(input, weight, bias, tuple(shape), eps)
