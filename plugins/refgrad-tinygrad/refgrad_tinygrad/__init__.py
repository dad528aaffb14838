"""tinygrad as a backend: lazy tensors whose graph is never freed; ``Tensor.gradient`` nests."""

from contextlib import contextmanager
from importlib.metadata import version

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters import method_ops
from refgrad_tinygrad.spelling import IDIOM, METHODS, SPELLED_OTHERWISE, Device, Tensor


class Tinygrad:
    name, version, homepage = "tinygrad", version("tinygrad"), "https://docs.tinygrad.org"
    nested = True
    idiom = IDIOM

    def __init__(self):
        self.depth = 0  # of derivatives being taken

    def asarray(self, array):
        if array.dtype.kind == "c":
            raise Unsupported("complex numbers")
        # a tensor made of a number would be a constant of the graph, one with all that are equal
        return Tensor(np.array(array, ndmin=1)).reshape(array.shape)

    def to_numpy(self, value):
        constant = value.device is None  # which numpy() would have made on a device that needs a compiler
        return np.array((value.clone(Device.DEFAULT) if constant else value).numpy())

    def ops(self):
        return method_ops(Tensor, METHODS, SPELLED_OTHERWISE)

    def vjp(self, fn, primals, cotangent=None):
        with self.deeper():
            output = fn(*primals)
        weights = output.ones_like() if cotangent is None else cotangent
        grads = tuple(output.gradient(*primals, gradient=weights))
        if not self.depth:
            output.realize(*grads)  # at once, what they share; an outer derivative would not see behind it
        return output, grads

    @contextmanager
    def deeper(self):
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
