"""The table of ops that a library has by PyTorch's names, with keywords of its own."""

import inspect

import numpy as np

from refgrad.harness.adapters.method_ops import method_ops


class Array:
    """A library's array."""

    def sum(self, axis=None, keepdims=False, dtype=None):
        return "sum", axis, keepdims, dtype

    def mish(self):
        return "mish"

    def save(self, path):
        raise AssertionError("no op of PyTorch's")


def test_keywords():
    """PyTorch's keywords reach the library by its own, and a dtype by its name."""
    op = method_ops(Array)["sum"]
    assert op(Array(), dim=1, keepdim=True, dtype=np.dtype("float32")) == ("sum", 1, True, "float32")
    assert op(Array(), 1) == ("sum", 1, False, None)
    assert list(inspect.signature(op).parameters) == ["self", "dim", "keepdim", "dtype"]


def test_names():
    """Only names of ops are taken, others are asked for; exceptions add, replace and take away."""
    assert set(method_ops(Array)) == {"sum"}
    assert set(method_ops(Array, ["mish", "elu"])) == {"sum", "mish"}
    ops = method_ops(Array, ["mish"], {"sum": None, "mish": abs, "exp": np.exp})
    assert ops == {"mish": abs, "exp": np.exp}
