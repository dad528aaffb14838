"""JAX as a backend: pure functions of immutable arrays, differentiated by tracing; derivatives nest."""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.scipy import linalg, special

from refgrad.harness.adapters import FunctionalBackend, axis_of, scipy_ops
from refgrad.harness.program.idioms import numpy_spelling
from refgrad.harness.program.source import Idiom

SPELLED_OTHERWISE = {
    **scipy_ops(special),
    **{name: getattr(nn, name) for name in ("celu", "elu", "mish", "relu", "relu6", "selu", "silu")},
    "gelu": lambda input, approximate="none": nn.gelu(input, approximate == "tanh"),
    "glu": lambda input, dim=-1: nn.glu(input, dim),
    "hardsigmoid": nn.hard_sigmoid,
    "hardswish": nn.hard_silu,
    "hardtanh": lambda input: nn.hard_tanh(input),
    "leaky_relu": lambda input, negative_slope=0.01: nn.leaky_relu(input, negative_slope),
    "linalg.matrix_exp": linalg.expm,
    "linalg.solve_triangular": lambda A, B, *, upper, unitriangular=False: linalg.solve_triangular(
        A, B, lower=not upper, unit_diagonal=unitriangular
    ),
    "log_softmax": lambda input, dim: nn.log_softmax(input, axis_of(input, dim)),
    "logcumsumexp": lambda input, dim: lax.cumlogsumexp(input, dim % input.ndim) if input.ndim else input,
    "logsigmoid": nn.log_sigmoid,
    "rsqrt": lax.rsqrt,
    "softmax": lambda input, dim: nn.softmax(input, axis_of(input, dim)),
    "softplus": lambda input: nn.softplus(input),
    "softsign": nn.soft_sign,
    "to": lambda input, dtype: input.astype(dtype),
    "topk": lambda input, k: tuple(lax.top_k(input, k)),
}
# nearly all of a run is XLA compiling tiny programs: its older emitter takes half the time, and less again where it does not
# optimize; last digits of what cancels, and subnormals, may be others than those of `quick=0`, which a report should rest on
QUICK = "--xla_cpu_use_fusion_emitters=false"
TAKES_IT = (0, 10) <= jax.__version_info__ < (0, 13)  # seen to: at a flag that it does not know XLA aborts
IDIOM = Idiom(
    ("import jax", "import jax.numpy as jnp", 'jax.config.update("jax_enable_x64", True)'),
    "jnp",
    'jnp.array({values}, dtype="{dtype}")',
    numpy_spelling("jnp"),
    functional="jax.vjp(f, {inputs})[1](jnp.asarray({cotangent}))",
)


class JAX(FunctionalBackend):
    name, version, homepage = "jax", jax.__version__, "https://docs.jax.dev"
    array_module, exceptions, idiom = jnp, SPELLED_OTHERWISE, IDIOM

    def __init__(self, jit: bool = False, quick: bool = True):
        if quick and TAKES_IT:
            os.environ.setdefault("XLA_FLAGS", QUICK)  # read when the first program is compiled
            jax.config.update("jax_disable_most_optimizations", True)
        jax.config.update("jax_enable_x64", True)
        self.compiled = jax.jit if jit else lambda fn: fn

    def vjp(self, fn, primals, cotangent=None):
        output, pull = jax.vjp(self.compiled(fn), *primals)
        (weights,) = self.conjugated(np.ones(output.shape, output.dtype) if cotangent is None else cotangent)
        return output, self.conjugated(*pull(weights))

    def jvp(self, fn, primals, tangents):
        return jax.jvp(self.compiled(fn), primals, tangents)
