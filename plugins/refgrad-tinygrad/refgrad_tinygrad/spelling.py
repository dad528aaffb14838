"""PyTorch's ops as tinygrad's tensors have them, and how tinygrad spells programs."""

import inspect
import operator
from collections import namedtuple

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters import axis_of
from refgrad.harness.program.source import Idiom
from refgrad_tinygrad.library import Tensor

METHODS = """celu copysign cummax cummin einsum elu hardsigmoid hardswish hardtanh isclose lerp logcumsumexp logsigmoid
 masked_fill meshgrid mish normalize one_hot relu6 scaled_dot_product_attention scatter scatter_reduce selu silu softmin softplus softsign
 std_mean unflatten var_mean""".split()
ValuesIndices = namedtuple("ValuesIndices", "values indices")


def position(name):
    return lambda input, dim=None, keepdim=False: getattr(input, name)(axis_of(input, dim), keepdim)


def extremum(name):
    """Of all elements, or along a dimension, where PyTorch gives the indices, too."""
    place = position(f"arg{name}")

    def op(input, dim=None, keepdim=False):
        values = getattr(input, name)(axis_of(input, dim), keepdim)
        return values if dim is None else ValuesIndices(values, place(input, dim, keepdim))

    return op


def needs(fits, feature, takes):
    if not fits:
        raise Unsupported(feature, f"tinygrad takes {takes}")


def convolution(method):
    """In any number of dimensions, which the kernel says."""

    def op(input, weight, bias=None, **options):
        numbers = not isinstance(options.get("padding"), str)
        needs(input.ndim == weight.ndim and numbers, "convolution", "batches, and padding in numbers")
        return method(input, weight, bias, **options)

    return op


def with_dims(method):
    """PyTorch lets a number without dimensions pass for a vector of one."""

    def op(input, *args, **parameters):
        needs(input.ndim, method.__name__, "no number without dimensions")
        return method(input, *args, **parameters)

    op.__signature__ = inspect.signature(method)
    return op


def diag(input):
    needs(input.ndim == 1, "diag", "vectors")
    return input.diag()


def gather(input, dim, index):
    needs(input.ndim == index.ndim > 0, "gather", "as many dimensions of both, and at least one")
    return input.gather(dim, index)


def logsumexp(input, dim, keepdim=False):
    needs(isinstance(dim, int), "logsumexp", "one dimension")
    return input.logsumexp(axis_of(input, dim), keepdim)


def masked_select(input, mask):
    needs(mask.ndim <= input.ndim, "masked_select", "masks that are broadcast to the input")
    return input.masked_select(mask)


def nll_loss(input, target, weight=None, *, ignore_index=None, reduction="mean"):
    needs(input.ndim > 1, "nll_loss", "batches")
    return input.nll_loss(target, weight, ignore_index, reduction)


def repeat_interleave(input, repeats, dim=None):
    needs(isinstance(repeats, int), "repeat_interleave", "one number of repeats")
    return input.repeat_interleave(repeats, dim)


def squeeze(input, dim=None):
    needs(not isinstance(dim, tuple), "squeeze", "one dimension")
    return input.squeeze(dim)


def getitem(input, index):
    """NumPy's arrays are to be tinygrad's own."""
    places = index if isinstance(index, tuple) else (index,)
    return input[tuple(Tensor(each) if isinstance(each, np.ndarray) else each for each in places)]


def pool(method, dims):
    return lambda input, kernel_size, **options: method(input, (kernel_size,) * dims, **options)


SPELLED_OTHERWISE = {
    **{f"nn.functional.avg_pool{n}d": pool(Tensor.avg_pool2d, n) for n in (1, 2, 3)},
    **{f"nn.functional.max_pool{n}d": pool(Tensor.max_pool2d, n) for n in (1, 2, 3)},
    **{f"nn.functional.conv{n}d": convolution(Tensor.conv2d) for n in (1, 2, 3)},
    **{f"nn.functional.conv_transpose{n}d": convolution(Tensor.conv_transpose2d) for n in (1, 2, 3)},
    "amax": lambda input, dim=None, keepdim=False: input.max(dim, keepdim),
    "amin": lambda input, dim=None, keepdim=False: input.min(dim, keepdim),
    "argmax": position("argmax"),
    "argmin": position("argmin"),
    "bitwise_left_shift": operator.lshift,
    "bitwise_right_shift": operator.rshift,
    "bmm": operator.matmul,
    "broadcast_to": lambda input, size: input.expand(size),
    "cat": lambda tensors, dim=0: Tensor.cat(*tensors, dim=dim),
    "clamp": lambda input, min=None, max=None: input.clamp(min, max),
    "diag": diag,
    "expand": lambda input, size: input.expand(size),
    "flip": lambda input, dims: input.flip(dims),
    "gather": gather,
    "gelu": lambda input, approximate="none": input.gelu(approximate),  # tinygrad's default is the other one
    "getitem": getitem,
    "leaky_relu": lambda input, negative_slope=0.01: input.leaky_relu(negative_slope),
    "linalg.qr": lambda A: A.qr(),
    "linalg.svd": lambda A, full_matrices=True: A.svd(full_matrices),
    "logsumexp": logsumexp,
    "mT": lambda input: input.transpose(-1, -2),
    "masked_select": masked_select,
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
    "nn.functional.nll_loss": nll_loss,
    "nn.functional.pad": lambda input, pad, mode="constant", value=None: input.pad(pad, mode, value or 0.0),
    "permute": lambda input, dims: input.permute(dims),
    "pow": operator.pow,
    "repeat": lambda input, repeats: input.repeat(repeats),
    "repeat_interleave": repeat_interleave,
    "sort": with_dims(Tensor.sort),
    "split": lambda input, split_size_or_sections, dim=0: input.split(split_size_or_sections, dim),
    "stack": lambda tensors, dim=0: Tensor.stack(*tensors, dim=dim),
    "squeeze": squeeze,
    "t": lambda input: input.permute(tuple(range(input.ndim))[::-1]),
    "to": lambda input, dtype: input.cast(str(dtype)),
    "topk": with_dims(Tensor.topk),
    "transpose": with_dims(Tensor.transpose),
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
