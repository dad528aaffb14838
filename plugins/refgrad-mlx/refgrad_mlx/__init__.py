"""MLX as a backend: functions of lazy arrays, on the CPU; derivatives nest."""

import shlex
import sys
from contextlib import contextmanager
from importlib.metadata import version

import mlx.core as mx

from refgrad.errors import Unsupported
from refgrad.harness.adapters import FunctionalBackend
from refgrad.harness.wire import WireBackend
from refgrad_mlx.spelling import IDIOM, SPELLED_OTHERWISE

LACKING = ("not implemented", "not yet implemented", "not supported", "not yet supported", "cannot calculate",
           "float32 or float64", "can only handle", "if groups > 1", "incompatible function arguments")  # fmt: skip


@contextmanager
def lacking():
    """MLX has no class of errors for what it has not."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError) as error:
        if any(said in str(error).lower() for said in LACKING):
            raise Unsupported(str(error).partition("\n")[0]) from error
        raise


class MLX(FunctionalBackend):
    name, version, homepage = "mlx", version("mlx"), "https://ml-explore.github.io/mlx"
    array_module, exceptions, idiom = mx, SPELLED_OTHERWISE, IDIOM
    widest = "float32"  # float64 is there on the CPU, but exp, sin and others compute it in float32

    def __init__(self):
        mx.set_default_device(mx.cpu)

    def asarray(self, array):
        made = mx.array(array)
        # the reduction of an empty matrix of NumPy's is unset, or never ends: docs/findings.md
        return made if array.size else mx.zeros(array.shape, made.dtype)

    def ops(self):
        return {name: lacking()(op) for name, op in super().ops().items()}

    @lacking()
    def vjp(self, fn, primals, cotangent=None):
        weights = mx.ones_like(fn(*primals)) if cotangent is None else cotangent
        (output,), grads = mx.vjp(lambda *given: [fn(*given)], list(primals), [weights])
        return output, tuple(grads)

    @lacking()
    def jvp(self, fn, primals, tangents):
        (output,), (tangent,) = mx.jvp(lambda *given: [fn(*given)], list(primals), list(tangents))
        return output, tangent


class Worker(WireBackend):
    """MLX in a process of its own: integer division by zero and the inverse of an empty matrix end it."""

    idiom = IDIOM

    def __init__(self):
        super().__init__(shlex.join([sys.executable, "-m", "refgrad.harness.wire", "serve", "refgrad_mlx:MLX"]))
