"""A tape with hooks, which the tests serve over the wire: refgrad itself."""

import refgrad
from refgrad.harness.adapters import TapeBackend


class Hooked(TapeBackend):
    name, version, homepage = "hooked", "1.0", "https://example.org/hooked"

    def asarray(self, array):
        return self.leaf(array, requires_grad=False)

    def to_numpy(self, value):
        return value.detach().numpy().copy()

    def ops(self):
        return {}

    def leaf(self, array, requires_grad=True):
        return refgrad.tensor(array, requires_grad=requires_grad)

    def backward(self, tensor, gradient=None):
        tensor.backward(gradient)

    def grad_of(self, tensor):
        return tensor.grad

    def register_hook(self, tensor, hook):
        return tensor.register_hook(hook)
