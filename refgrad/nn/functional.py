"""The functions of neural networks, as ``torch.nn.functional``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from refgrad.engine import ops
from refgrad.engine.inplace import inplace as in_place
from refgrad.engine.ops import rectifiers, sigmoid, tanh
from refgrad.engine.ops.activation import _celu, _elu

_CHAPTERS = """
    activation attention convolution ctc distance divergence embedding entropy folding grid interpolation linear_entropy
    linear_maps loss margin max_pooling multihead noise normalization padding pooling rectifiers shuffling softmax unpooling
""".split()
_FOR_RULES = ("_backward", "_backward_data")
_FUNCTIONS = {
    name: function
    for chapter in (import_module(f"refgrad.engine.ops.{chapter}") for chapter in _CHAPTERS)
    for name, function in vars(chapter).items()
    if name in chapter.__all__ and not name.endswith(_FOR_RULES)
}

__all__ = [
    *_FUNCTIONS, "celu_", "elu_", "hardtanh_", "leaky_relu_", "relu", "relu_", "rrelu_", "selu_", "sigmoid", "tanh",
    "threshold_",
]  # fmt: skip

globals().update(_FUNCTIONS)  # those below can also write into their input

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


# activations that can write into their input --------------------------------------------------------------------------

relu_ = in_place(ops.relu)
leaky_relu_ = in_place(ops.leaky_relu)
hardtanh_ = in_place(ops.hardtanh)
_silu_, _mish_ = in_place(ops.silu), in_place(ops.mish)
_elu_, _celu_ = in_place(_elu), in_place(_celu)
_hardsigmoid_, _hardswish_ = in_place(rectifiers.hardsigmoid), in_place(rectifiers.hardswish)
_rrelu_ = in_place(rectifiers._rrelu)
threshold_ = in_place(rectifiers.threshold)


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
    return _hardsigmoid_(input) if inplace else rectifiers.hardsigmoid(input)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """``input * hardsigmoid(input)``."""
    return _hardswish_(input) if inplace else rectifiers.hardswish(input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """``input`` where it is above ``threshold``, else ``value``."""
    return (threshold_ if inplace else rectifiers.threshold)(input, threshold, value)


def rrelu_(input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Any:
    """In-place version of ``rrelu``."""
    return _rrelu_(input, *rectifiers.rrelu_slopes(input, lower, upper, training))


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """``input`` where it is positive, else times a random slope; out of training, their mean."""
    return (rrelu_ if inplace else rectifiers.rrelu)(input, lower, upper, training)
