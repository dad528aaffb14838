"""PaddlePaddle as a backend: an eager tape; derivatives of derivatives by ``paddle.grad``."""

import shlex
import sys

import numpy as np
import paddle

from refgrad.harness.adapters import TapeBackend
from refgrad.harness.wire import WireBackend
from refgrad_paddle.ops import IN_PLACE, LACKING, OPS
from refgrad_paddle.script import IDIOM


class Paddle(TapeBackend):
    name, version, homepage = "paddle", paddle.__version__, "https://www.paddlepaddle.org.cn"
    idiom = IDIOM
    lacking = LACKING

    def __init__(self):
        paddle.set_device("cpu")

    def asarray(self, array):
        return self.leaf(array, requires_grad=False)

    def to_numpy(self, value):
        return np.array(value.detach().numpy() if isinstance(value, paddle.Tensor) else value)

    def ops(self):
        return OPS

    def leaf(self, array, requires_grad=True):
        return paddle.to_tensor(np.array(array), stop_gradient=not requires_grad)

    def backward(self, tensor, gradient=None, *, retain_graph=False):
        tensor.backward(gradient, retain_graph=retain_graph)

    def grad(self, outputs, inputs, grad_outputs=None, *, retain_graph=None, create_graph=False, allow_unused=False):
        return paddle.grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused=allow_unused)

    def grad_of(self, tensor):
        return tensor.grad

    def set_grad_of(self, tensor, grad):
        tensor.grad = grad

    def zero_grad_of(self, tensor):
        tensor.clear_gradient(set_to_zero=True)

    def requires_grad(self, tensor):
        return not tensor.stop_gradient

    def requires_grad_(self, tensor, requires_grad):
        tensor.stop_gradient = not requires_grad

    def is_leaf(self, tensor):
        return tensor.is_leaf

    def grad_fn(self, tensor):
        return None if tensor.is_leaf else tensor.grad_fn  # a leaf's is what accumulates

    def detach(self, tensor):
        return tensor.detach()

    def retain_grad(self, tensor):
        tensor.retain_grads()

    def register_hook(self, tensor, hook):
        return tensor.register_hook(hook)

    def no_grad(self):
        return paddle.no_grad()

    def enable_grad(self):
        return paddle.enable_grad()

    def set_grad_enabled(self, mode):
        return paddle.set_grad_enabled(mode)

    def is_grad_enabled(self):
        return paddle.is_grad_enabled()

    def inplace(self):
        return IN_PLACE


class Worker(WireBackend):
    """PaddlePaddle in a process of its own: backward through some of its ops ends it, others never come back."""

    idiom, lacking = IDIOM, LACKING

    def __init__(self):
        super().__init__(shlex.join([sys.executable, "-m", "refgrad.harness.wire", "serve", "refgrad_paddle:Paddle"]))
