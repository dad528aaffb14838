"""The device's kernels: ATen's names, NumPy's functions. What is not here the device does not have.

Gradients are PyTorch's: a derivative is made of these same kernels, and of the few that it calls by name. The result is
cast to what PyTorch has worked out that it is; the operands of ``BINARY`` come as one type.
"""

import numpy as np


def add(input, other, *, alpha=1):
    return input + other if alpha == 1 else input + other * alpha


def sub(input, other, *, alpha=1):
    return input - other if alpha == 1 else input - other * alpha


def div(input, other, *, rounding_mode=None):
    if rounding_mode == "floor":
        return np.floor_divide(input, other)
    quotient = np.true_divide(input, other)
    return np.trunc(quotient) if rounding_mode else quotient


def clamp(input, min=None, max=None):
    low = input if min is None else np.maximum(input, min)
    return low if max is None else np.minimum(low, max)


def sign(input):
    return np.sign(input) if np.iscomplexobj(input) else np.where(np.isnan(input), 0, np.sign(input))


def axes(dim):
    """PyTorch's ``dim`` as NumPy's: none at all means every one."""
    return (tuple(dim) or None) if isinstance(dim, list) else dim


def reducing(function):
    """``function`` along ``dim``."""

    def kernel(input, dim=None, keepdim=False, *, dtype=None):
        input = input if dtype is None else input.astype(dtype, copy=False)
        return function(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim)

    return kernel


def var(input, dim=None, *, correction=1, keepdim=False):
    with np.errstate(all="ignore"):
        return np.var(input, axis=axes(dim), ddof=1 if correction is None else correction, keepdims=keepdim)


def norm(input, ord=2, dim=None, keepdim=False, *, dtype=None):
    size = np.abs(input) if dtype is None else np.abs(input).astype(dtype)
    if np.isinf(ord):
        return reducing(np.max if ord > 0 else np.min)(size, dim, keepdim)
    if ord == 0:
        return np.sum(size != 0, axis=axes(dim), keepdims=keepdim)
    return np.sum(size**ord, axis=axes(dim), keepdims=keepdim) ** (1 / ord)


def extremum(function, argument):
    def kernel(input, dim=None, keepdim=False):
        if dim is None:
            return function(input)
        return reducing(function)(input, dim, keepdim), reducing(argument)(input, dim, keepdim)

    return kernel


def softmax(input, dim, half_to_float):
    powers = np.exp(input - input.max(axis=dim, keepdims=True))
    return powers / powers.sum(axis=dim, keepdims=True)


def log_softmax(input, dim, half_to_float):
    shifted = input - input.max(axis=dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def softmax_backward(grad, result, dim, input_dtype):
    weighted = grad * result
    return weighted - result * weighted.sum(axis=dim, keepdims=True)


def log_softmax_backward(grad, result, dim, input_dtype):
    return grad - np.exp(result) * grad.sum(axis=dim, keepdims=True)


def addmm(input, left, right, *, beta=1, alpha=1):
    return beta * input + alpha * (left @ right)


def sort(input, *, dim=-1, descending=False, stable=False):
    order = np.argsort(-input if descending else input, axis=dim if input.ndim else None, kind="stable")
    order = order.reshape(input.shape)
    return (np.take_along_axis(input, order, dim) if input.ndim else input), order


def gather(input, dim, index, *, sparse_grad=False):
    if not index.size:  # of any number of dimensions
        return np.empty(index.shape, input.dtype)
    found = np.take_along_axis(np.atleast_1d(input), np.atleast_1d(index), dim)
    return found.reshape(index.shape)


def scatter(combine):
    """``src`` brought into a copy of ``input`` at the places of ``index`` along ``dim``."""

    def kernel(input, dim, index, src):
        if not index.size:
            return input
        result, places = np.atleast_1d(input.copy()), list(np.indices(np.atleast_1d(index).shape))
        places[dim] = np.atleast_1d(index)
        given = np.broadcast_to(src, index.shape) if np.ndim(src) == 0 else src[tuple(map(slice, index.shape))]
        combine(result, tuple(places), given)
        return result.reshape(input.shape)

    return kernel


def index_add(input, dim, index, source, *, alpha=1):
    result = input.copy()
    np.add.at(np.moveaxis(result, dim, 0), index, alpha * np.moveaxis(source, dim, 0))
    return result


def positions(indices):
    """PyTorch's list of indices, None for a whole dimension, as NumPy's."""
    return tuple(slice(None) if index is None else index for index in indices)


def index_put(input, indices, values, accumulate=False, unsafe=False):
    result = input.copy()
    (np.add.at if accumulate else put)(result, positions(indices), values)
    return result


def masked_select(input, mask):
    input, mask = np.broadcast_arrays(input, mask)
    return input[mask]


def put(array, places, values):
    array[places] = values


def masked_fill(input, mask, value):
    return np.where(mask, np.asarray(value, input.dtype), input)


BINARY = {
    "add": add, "sub": sub, "mul": np.multiply, "div": div, "pow": np.power, "maximum": np.maximum, "minimum": np.minimum,
    "fmod": np.fmod, "remainder": np.mod, "atan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "fmax": np.fmax, "fmin": np.fmin, "copysign": np.copysign, "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor, "where": np.where,
}  # fmt: skip
UNARY = {
    name: getattr(np, name)
    for name in "abs exp exp2 expm1 log log2 log10 log1p sqrt square sin cos tan sinh cosh tanh sinc signbit floor ceil "
    "trunc reciprocal isnan isinf logical_not logical_and logical_or logical_xor angle".split()
} | {f"a{name}": getattr(np, f"arc{name}") for name in "sin cos tan sinh cosh tanh".split()} | {
    "neg": np.negative, "sign": sign, "sgn": sign, "round": lambda input, *, decimals=0: np.round(input, decimals),
    "bitwise_not": np.invert, "rsqrt": lambda input: 1 / np.sqrt(input), "sigmoid": lambda input: 1 / (1 + np.exp(-input)),
    "relu": lambda input: np.maximum(input, 0), "frac": lambda input: input - np.trunc(input), "conj_physical": np.conj,
    "clamp": clamp, "clamp_min": lambda input, min: clamp(input, min), "clamp_max": lambda input, max: clamp(input, None, max),
    "lerp": lambda input, end, weight: input + weight * (end - input),
    "addcmul": lambda input, left, right, *, value=1: input + value * left * right,
    "addcdiv": lambda input, left, right, *, value=1: input + value * left / right,
    "tanh_backward": lambda grad, result: grad * np.conj(1 - result * result),
    "sigmoid_backward": lambda grad, result: grad * np.conj((1 - result) * result),
    "threshold_backward": lambda grad, input, threshold: np.where(input <= threshold, 0, grad).astype(grad.dtype),
    "_softmax": softmax, "_log_softmax": log_softmax, "_softmax_backward_data": softmax_backward,
    "_log_softmax_backward_data": log_softmax_backward,
}  # fmt: skip
REDUCTIONS = {name: reducing(getattr(np, name)) for name in "sum mean prod amax amin argmax argmin all any".split()} | {
    "var": var, "std": lambda *args, **kwargs: np.sqrt(var(*args, **kwargs)), "linalg_vector_norm": norm,
    "max": extremum(np.max, np.argmax), "min": extremum(np.min, np.argmin),
    "cumsum": lambda input, dim, *, dtype=None: np.cumsum(input, dim, dtype).reshape(input.shape),
    "cumprod": lambda input, dim, *, dtype=None: np.cumprod(input, dim, dtype).reshape(input.shape),
}  # fmt: skip
PRODUCTS = {
    "mm": np.matmul, "bmm": np.matmul, "mv": np.matmul, "dot": np.dot, "vdot": np.vdot,
    "addmm": addmm, "addmv": addmm, "baddbmm": addmm,
}  # fmt: skip
MEMORY = {
    "fill": lambda input, value: np.full_like(input, value), "zero": np.zeros_like,
    "_local_scalar_dense": lambda input: input.item(), "arange": np.arange, "cat": np.concatenate,
    "equal": lambda input, other: bool(np.array_equal(input, other)), "nonzero": lambda input: np.stack(np.nonzero(np.atleast_1d(input)), -1),
    "flip": np.flip, "roll": lambda input, shifts, dims=(): np.roll(input, shifts, dims or None),
    "tril": np.tril, "triu": np.triu, "sort": sort, "gather": gather,
    "scatter": scatter(put), "scatter_add": scatter(np.add.at), "index_add": index_add,
    "index_select": lambda input, dim, index: np.take(input, index, dim) if input.ndim else input,
    "index": lambda input, indices: input[positions(indices)], "_index_put_impl": index_put,
    "masked_select": masked_select, "masked_fill": masked_fill,
}  # fmt: skip
KERNELS = BINARY | UNARY | REDUCTIONS | PRODUCTS | MEMORY
