"""The functions of neural networks, as ``torch.nn.functional``."""

from typing import Any

from refgrad.engine import ops
from refgrad.engine.ops import relu, sigmoid, tanh
from refgrad.engine.ops.nn import *  # noqa: F403
from refgrad.engine.ops.nn import __all__ as _NN

__all__ = [*_NN, "hardsigmoid", "relu", "sigmoid", "softmin", "tanh"]


def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """``softmax(-input)``."""
    return ops.softmax(-input, dim, dtype=dtype)


def hardsigmoid(input: Any) -> Any:
    """``input / 6 + 1 / 2`` brought into [0, 1]."""
    return ops.clamp(input + 3, 0, 6) / 6
