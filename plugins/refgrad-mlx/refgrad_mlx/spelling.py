"""What MLX spells otherwise than NumPy, and how it spells programs."""

from functools import partial

import mlx.core as mx
import numpy as np
from mlx import nn
from mlx.nn import losses

from refgrad.errors import Unsupported
from refgrad.harness.adapters import axis_of
from refgrad.harness.program.idioms import numpy_spelling
from refgrad.harness.program.source import Idiom

__all__ = ["IDIOM", "SPELLED_OTHERWISE"]


def convolution(function, *, inputs=1):
    """MLX keeps the channels last: those of the input, which come at ``inputs`` in PyTorch's kernel, and the kernel's."""

    def op(input, weight, bias=None, **options):
        if input.ndim < weight.ndim or isinstance(options.get("padding"), str):
            raise Unsupported("convolution", "MLX takes batches, and padding in numbers")
        found = function(mx.moveaxis(input, 1, -1), mx.moveaxis(weight, inputs, -1), **options)
        return mx.moveaxis(found if bias is None else found + bias, -1, 1)

    return op


def classes(input):
    """The dim of the scores: the first, but for batches."""
    return min(1, input.ndim - 1)


def pool(layer):
    """Pooling is a layer, of channels that come last."""

    def op(input, kernel_size, stride=None, padding=0):
        return mx.moveaxis(layer(kernel_size, stride, padding)(mx.moveaxis(input, 1, -1)), -1, 1)

    return op


def getitem(input, index):
    """Lists, and NumPy's arrays, are to be MLX's own."""
    places = index if isinstance(index, tuple) else (index,)
    return input[tuple(mx.array(each) if isinstance(each, list | np.ndarray) else each for each in places)]


def index_add(input, dim, index, source):
    return input.at[(slice(None),) * (dim % input.ndim) + (index,)].add(source)


def linear(input, weight, bias=None):
    return input @ weight.T if bias is None else mx.addmm(bias, input, weight.T)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    if len(normalized_shape) > 1:
        raise Unsupported("layer_norm", "MLX normalizes the last dim")
    return mx.fast.layer_norm(input, weight, bias, eps)


def pad(input, pad, mode="constant", value=None):
    if mode not in ("constant", "reflect", "replicate"):
        raise Unsupported(f"pad(mode={mode})")
    pairs = list(zip(pad[::2], pad[1::2]))[::-1]  # PyTorch begins with the last dimension
    widths = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    return mx.pad(input, widths, "edge" if mode == "replicate" else mode, value or 0)


LOSSES = ("huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss")  # not reduced, unless they are told to be
SPELLED_OTHERWISE = {
    **{name: getattr(nn, name) for name in ("mish", "relu", "relu6", "selu", "silu", "hardswish", "softsign")},
    **{f"nn.functional.conv{n}d": convolution(getattr(mx, f"conv{n}d")) for n in (1, 2, 3)},
    **{
        f"nn.functional.conv_transpose{n}d": convolution(getattr(mx, f"conv_transpose{n}d"), inputs=0)
        for n in (1, 2, 3)
    },
    **{f"nn.functional.{name}": partial(getattr(losses, name), reduction="mean") for name in LOSSES},
    **{f"nn.functional.avg_pool{n}d": pool(getattr(nn, f"AvgPool{n}d")) for n in (1, 2, 3)},
    **{f"nn.functional.max_pool{n}d": pool(getattr(nn, f"MaxPool{n}d")) for n in (1, 2, 3)},
    "addmm": lambda input, mat1, mat2, *, beta=1, alpha=1: mx.addmm(input, mat1, mat2, alpha, beta),
    "bitwise_not": mx.bitwise_invert,
    "celu": lambda input, alpha=1.0: nn.celu(input, alpha),
    "clone": lambda input: mx.array(input),
    "elu": lambda input, alpha=1.0: nn.elu(input, alpha),
    "gelu": lambda input, approximate="none": nn.gelu(input) if approximate == "none" else nn.gelu_approx(input),
    "getitem": getitem,
    "glu": lambda input, dim=-1: nn.glu(input, dim),
    "hardshrink": lambda input: nn.hard_shrink(input),
    "hardtanh": lambda input, min_val=-1.0, max_val=1.0: nn.hard_tanh(input, min_val, max_val),
    "index_add": index_add,
    "leaky_relu": lambda input, negative_slope=0.01: nn.leaky_relu(input, negative_slope),
    "linalg.cholesky": lambda A, *, upper=False: mx.linalg.cholesky(A, upper),
    "linalg.qr": lambda A: tuple(mx.linalg.qr(A)),
    "linalg.solve_triangular": lambda A, B, *, upper: mx.linalg.solve_triangular(A, B, upper=upper),
    "linalg.svd": lambda A, full_matrices=True: tuple(mx.linalg.svd(A)),
    "linalg.vecdot": lambda x, y, dim=-1: mx.vecdot(x, y, axis=dim),
    "log_softmax": lambda input, dim: nn.log_softmax(input, axis_of(input, dim)),
    "logsigmoid": nn.log_sigmoid,
    "nn.functional.binary_cross_entropy": partial(losses.binary_cross_entropy, with_logits=False, reduction="mean"),
    "nn.functional.binary_cross_entropy_with_logits": partial(losses.binary_cross_entropy, reduction="mean"),
    "nn.functional.cosine_similarity": lambda x1, x2, dim=1, eps=1e-8: losses.cosine_similarity_loss(x1, x2, dim, eps),
    "nn.functional.cross_entropy": lambda input, target, *, label_smoothing=0.0, reduction="mean": losses.cross_entropy(
        input, target, axis=classes(input), label_smoothing=label_smoothing, reduction=reduction
    ),
    "nn.functional.embedding": lambda input, weight: weight[input],
    "nn.functional.layer_norm": layer_norm,
    "nn.functional.linear": linear,
    "nn.functional.nll_loss": lambda input, target, *, reduction="mean": losses.nll_loss(
        input, target, axis=classes(input), reduction=reduction
    ),
    "nn.functional.pad": pad,
    "nn.functional.prelu": nn.prelu,
    "nn.functional.rms_norm": lambda input, normalized_shape, weight=None, eps=1e-6: mx.fast.rms_norm(
        input, weight, eps
    ),
    "repeat_interleave": lambda input, repeats, dim=None: mx.repeat(input, repeats, dim),
    "scatter": lambda input, dim, index, src: mx.put_along_axis(input, index, src, dim),
    "softmin": lambda input, dim: nn.softmin(input, axis_of(input, dim)),
    "softplus": lambda input: nn.softplus(input),
    "softshrink": lambda input: nn.softshrink(input),
    "to": lambda input, dtype: input.astype(getattr(mx, str(dtype))),
    "unflatten": lambda input, dim, sizes: mx.unflatten(input, dim, sizes),
}
IDIOM = Idiom(
    ("import mlx.core as mx", "mx.set_default_device(mx.cpu)"),
    "mx",
    "mx.array({values}, dtype=mx.{dtype})",
    numpy_spelling("mx"),
    functional="mx.vjp(f, [{inputs}], [mx.array({cotangent})])[1]",
)
