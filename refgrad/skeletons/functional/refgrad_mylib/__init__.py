"""mylib as a backend: its arrays, its ops by PyTorch's names, its vector-Jacobian product."""

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

    def vjp(self, fn, primals, cotangent=None):  # None stands for ones; jvp(fn, primals, tangents), if there is one
        output, pull = mylib.vjp(fn, *primals)
        return output, pull(mylib.ones_like(output) if cotangent is None else cotangent)
