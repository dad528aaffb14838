"""tinygrad as a backend: lazy tensors whose graph is never freed; ``Tensor.gradient`` nests.

tinygrad               what the graph of a tensor says, by NumPy: tinygrad's autograd, without its compiler
tinygrad:compile=1     the numbers that tinygrad computes, with each kernel scheduled and lowered: ten times the time

What is wrong with both is wrong in the graph; with the first alone, mended by the compiler, whose algebra is that of finite numbers;
with the second alone, the compiler's. Releases before 0.14, whose graphs have other ops, are always compiled.
"""

from contextlib import contextmanager

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters import method_ops
from refgrad_tinygrad.library import READABLE, VERSION, Tensor, stored
from refgrad_tinygrad.spelling import IDIOM, METHODS, SPELLED_OTHERWISE

if READABLE:
    from refgrad_tinygrad import graph


class Tinygrad:
    name, version, homepage = "tinygrad", VERSION, "https://docs.tinygrad.org"
    nested = True
    idiom = IDIOM

    def __init__(self, compile: bool = False):
        self.name = "tinygrad-compiled" if compile else self.name
        self.compile = compile or not READABLE
        self.expectations = "compiled.toml" if self.compile else "expectations.toml"
        self.depth = 0  # of derivatives being taken

    def asarray(self, array):
        if array.dtype.kind == "c":
            raise Unsupported("complex numbers")
        # a tensor made of a number would be a constant of the graph, one with all that are equal
        return Tensor(array.tobytes(), dtype=array.dtype.name).reshape(array.shape)

    def to_numpy(self, value):
        return np.array(stored(value).numpy() if self.compile else graph.read(value))

    def ops(self):
        return method_ops(Tensor, METHODS, SPELLED_OTHERWISE)

    def value(self, fn, primals):
        output = fn(*primals)
        return tuple(self.at_once(*output)) if isinstance(output, tuple | list) else output

    def vjp(self, fn, primals, cotangent=None):
        with self.deeper():
            output = fn(*primals)
        # ones that are no constant of the graph share the kernels of other weights
        weights = self.asarray(np.ones(output.shape, output.dtype.fmt)) if cotangent is None else cotangent
        output, *grads = self.at_once(output, *output.gradient(*primals, gradient=weights))
        return output, tuple(grads)

    def at_once(self, *values):
        """Values that are to be compiled are so together, for they share most of their graphs."""
        if self.compile and not self.depth:  # an outer derivative would not see behind what is stored
            values = [*map(stored, values)]
            values[0].realize(*values[1:])
        return values

    @contextmanager
    def deeper(self):
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
