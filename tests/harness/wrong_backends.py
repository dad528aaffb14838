"""Backends wrong on purpose, each in one step of a tape that is otherwise right."""

import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))
from tiny_tape import TinyTape


class Overwrites(TinyTape):
    """Overwrites ``.grad`` where it should add to it."""

    def accumulate(self, leaf, grad):
        leaf.grad = grad


class IgnoresRetainGraph(TinyTape):
    """Frees the graph although it was asked to retain it."""

    def frees(self, node, retain_graph):
        return node.saves


class IgnoresNoGrad(TinyTape):
    """Goes on recording under ``no_grad``."""

    def no_grad(self):
        return nullcontext()


class ForgetsToSum(TinyTape):
    """Leaves a broadcast input's gradient as large as the output."""

    def fit(self, grad, parent):
        return grad


class WrongDtype(TinyTape):
    """Answers in float64 whatever the leaf is."""

    def cast(self, grad, leaf):
        return np.asarray(grad, np.float64)
