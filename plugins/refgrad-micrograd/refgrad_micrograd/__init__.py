"""micrograd as a backend: scalars only. It shows how little a backend may have."""

from importlib.metadata import version

from refgrad.errors import Unsupported
from refgrad_micrograd.arrays import data, gradients, relu, total, values


class Micrograd:
    name, version, homepage = "micrograd", version("micrograd"), "https://github.com/karpathy/micrograd"

    def asarray(self, array):
        if array.dtype.name in ("float32", "complex128"):
            raise Unsupported(array.dtype.name, "micrograd computes with Python's floats")
        return values(array) if array.dtype.kind == "f" else array

    def to_numpy(self, value):
        return data(value)

    def ops(self):
        return {"relu": relu, "sum": lambda input: total(input)}

    def vjp(self, fn, primals, cotangent=None):
        primals = tuple(values(data(each)) for each in primals)
        output = fn(*primals)
        total(output if cotangent is None else output * cotangent).backward()
        return output, tuple(map(gradients, primals))
