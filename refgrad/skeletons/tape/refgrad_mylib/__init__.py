"""mylib as a backend: its tensors, its ops by PyTorch's names, its tape."""

import numpy as np

from refgrad_mylib import toy as mylib  # your library's place: import mylib


class MyLib:
    name, version, homepage = "mylib", mylib.__version__, "https://example.org/mylib"

    def asarray(self, array):  # a NumPy array as the library's own
        return mylib.tensor(array)

    def to_numpy(self, value):  # and back, as a copy, out of any graph
        return np.array(value.numpy())

    def ops(self):  # Python's operators need no entry; what is not here is unsupported
        return {"exp": mylib.exp, "matmul": lambda input, other: input @ other, "sum": mylib.sum}

    def leaf(self, array, requires_grad=True):
        return mylib.tensor(array, requires_grad)

    def backward(
        self, tensor, gradient=None
    ):  # with *, retain_graph=None, create_graph=False where the library has them
        tensor.backward(gradient)

    def grad_of(self, tensor):
        return tensor.grad

    # the rest as far as the library has it, and no further: refgrad/harness/backend.py lists the methods

    def set_grad_of(self, tensor, grad):
        tensor.grad = grad

    def requires_grad(self, tensor):
        return tensor.requires_grad

    def detach(self, tensor):
        return tensor.detach()
