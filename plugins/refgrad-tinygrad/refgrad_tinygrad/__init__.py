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
        return Tensor(array.tobytes(), dtype=array.dtype.name).reshape(array.shape)

    def to_numpy(self, value):
        return np.array(stored(value).numpy())

    def ops(self):
        return method_ops(Tensor, METHODS, SPELLED_OTHERWISE)

    def value(self, fn, primals):
        output = fn(*primals)
        return tuple(at_once(*output)) if isinstance(output, tuple | list) else output

    def vjp(self, fn, primals, cotangent=None):
        with self.deeper():
            output = fn(*primals)
        # ones that are no constant of the graph share the kernels of other weights
        weights = self.asarray(np.ones(output.shape, output.dtype.fmt)) if cotangent is None else cotangent
        grads = output.gradient(*primals, gradient=weights)
        if not self.depth:  # an outer derivative would not see behind what is stored
            output, *grads = at_once(output, *grads)
        return output, tuple(grads)

    @contextmanager
    def deeper(self):
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


def stored(value):
    """Constants, which tinygrad would store on a device that needs a compiler, and views, as memory of this one."""
    return value.clone(Device.DEFAULT) if value.device is None else value.contiguous()


def at_once(*values):
    """Values that are lazy no longer, computed together, for they share most of their graphs."""
    values = [*map(stored, values)]
    values[0].realize(*values[1:])
    return values
