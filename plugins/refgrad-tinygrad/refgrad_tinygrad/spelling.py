"""PyTorch's ops as tinygrad's tensors have them, and how tinygrad spells programs."""

import operator
import os
from collections import namedtuple

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters import axis_of
from refgrad.harness.program.source import Idiom

# tinygrad reads these when it is imported: the device that needs no compiler; kernels are small, and run once
SETTINGS = {"DEV": "PYTHON", "NOOPT": "1", "PARALLEL": "0", "SPEC": "0", "TRACEMETA": "0"}
os.environ |= {name: value for name, value in SETTINGS.items() if name not in os.environ}
from tinygrad import Device, Tensor

__all__ = ["IDIOM", "METHODS", "SPELLED_OTHERWISE", "Device", "Tensor"]

METHODS = """celu copysign cummax cummin einsum elu hardsigmoid hardswish hardtanh isclose lerp logcumsumexp logsigmoid
 masked_fill masked_select meshgrid mish relu6 repeat_interleave scatter scatter_reduce selu silu softmin softplus softsign std_mean
 topk unflatten var_mean""".split()
ValuesIndices = namedtuple("ValuesIndices", "values indices")


def extremum(name):
    """Of all elements, or along a dimension, where PyTorch gives the indices, too."""

    def op(input, dim=None, keepdim=False):
        axis = axis_of(input, dim)
        values = getattr(input, name)(axis, keepdim)
        return values if dim is None else ValuesIndices(values, getattr(input, f"arg{name}")(axis, keepdim))

    return op


def convolution(method):
    """In any number of dimensions, which the kernel says."""

    def op(input, weight, bias=None, **options):
        if input.ndim < weight.ndim or isinstance(options.get("padding"), str):
            raise Unsupported("convolution", "tinygrad takes batches, and padding in numbers")
        return method(input, weight, bias, **options)

    return op


def getitem(input, index):
    """NumPy's arrays are to be tinygrad's own."""
    places = index if isinstance(index, tuple) else (index,)
    return input[tuple(Tensor(each) if isinstance(each, np.ndarray) else each for each in places)]


def pool(method, dims):
    return lambda input, kernel_size, **options: method(input, (kernel_size,) * dims, **options)


SPELLED_OTHERWISE = {
    **{f"nn.functional.avg_pool{n}d": pool(Tensor.avg_pool2d, n) for n in (1, 2)},
    **{f"nn.functional.max_pool{n}d": pool(Tensor.max_pool2d, n) for n in (1, 2)},
    **{f"nn.functional.conv{n}d": convolution(Tensor.conv2d) for n in (1, 2, 3)},
    **{f"nn.functional.conv_transpose{n}d": convolution(Tensor.conv_transpose2d) for n in (1, 2, 3)},
    "amax": lambda input, dim=None, keepdim=False: input.max(dim, keepdim),
    "amin": lambda input, dim=None, keepdim=False: input.min(dim, keepdim),
    "bitwise_left_shift": operator.lshift,
    "bitwise_right_shift": operator.rshift,
    "bmm": operator.matmul,
    "broadcast_to": lambda input, size: input.expand(size),
    "cat": lambda tensors, dim=0: Tensor.cat(*tensors, dim=dim),
    "clamp": lambda input, min=None, max=None: input.clamp(min, max),
    "expand": lambda input, size: input.expand(size),
    "flip": lambda input, dims: input.flip(dims),
    "gelu": lambda input, approximate="none": input.gelu(approximate),  # tinygrad's default is the other one
    "getitem": getitem,
    "leaky_relu": lambda input, negative_slope=0.01: input.leaky_relu(negative_slope),
    "linalg.qr": lambda A: A.qr(),
    "linalg.svd": lambda A, full_matrices=True: A.svd(full_matrices),
    "mT": lambda input: input.transpose(-1, -2),
    "max": extremum("max"),
    "min": extremum("min"),
    "mm": operator.matmul,
    "mv": operator.matmul,
    "nn.functional.binary_cross_entropy": lambda input, target, *, reduction="mean": input.binary_crossentropy(
        target, reduction
    ),
    "nn.functional.binary_cross_entropy_with_logits": (
        lambda input, target, *, reduction="mean", pos_weight=None: input.binary_crossentropy_logits(
            target, reduction, pos_weight
        )
    ),
    "nn.functional.cross_entropy": lambda input, target, *, reduction="mean", label_smoothing=0.0: input.cross_entropy(
        target, reduction, label_smoothing
    ),
    "nn.functional.layer_norm": lambda input, normalized_shape, *, eps=1e-5: input.layernorm(
        tuple(range(-len(normalized_shape), 0)), eps
    ),
    "nn.functional.linear": lambda input, weight, bias=None: input.linear(weight.transpose(), bias),
    "nn.functional.nll_loss": lambda input, target, weight=None, *, ignore_index=None, reduction="mean": input.nll_loss(
        target, weight, ignore_index, reduction
    ),
    "nn.functional.normalize": Tensor.normalize,
    "nn.functional.one_hot": Tensor.one_hot,
    "nn.functional.pad": lambda input, pad, mode="constant", value=None: input.pad(pad, mode, value or 0.0),
    "nn.functional.scaled_dot_product_attention": Tensor.scaled_dot_product_attention,
    "permute": lambda input, dims: input.permute(dims),
    "pow": operator.pow,
    "repeat": lambda input, repeats: input.repeat(repeats),
    "split": lambda input, split_size_or_sections, dim=0: input.split(split_size_or_sections, dim),
    "stack": lambda tensors, dim=0: Tensor.stack(*tensors, dim=dim),
    "t": lambda input: input.T,
    "to": lambda input, dtype: input.cast(str(dtype)),
    "unfold_copy": Tensor.unfold,
}
IDIOM = Idiom(
    ("import os", 'os.environ.setdefault("DEV", "PYTHON")', "from tinygrad import Tensor"),
    "Tensor",
    'Tensor({values}, dtype="{dtype}")',
    {name: f"{{0}}.{name}()" for name in "abs acos asin atan cos erf exp log sigmoid sin sqrt sum tanh".split()}
    | {name: f"{{0}}.{name}({{1}})" for name in ("maximum", "minimum", "pow", "matmul", "add", "sub", "mul", "div")},
    functional="f({inputs}).gradient({inputs}, gradient=Tensor({cotangent}))",
)
