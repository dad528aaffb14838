"""HIPS autograd as a backend: functions of NumPy arrays, differentiated by tracing; derivatives nest."""

from importlib.metadata import version

import autograd.numpy as anp
from autograd import make_jvp, make_vjp
from autograd.scipy import special
from autograd.tracer import getval, isbox

from refgrad.harness.adapters import FunctionalBackend
from refgrad.harness.program.idioms import numpy_spelling
from refgrad.harness.program.source import Idiom

SPELLED_OTHERWISE = {
    "erf": special.erf,
    "erfc": special.erfc,
    "logsumexp": lambda input, dim, keepdim=False: special.logsumexp(input, axis=dim, keepdims=keepdim),
    "norm": lambda input, *, dim=None: anp.linalg.norm(input, axis=dim),
    "sigmoid": special.expit,
    "to": lambda input, dtype: input.astype(dtype),
}


IDIOM = Idiom(
    ("import autograd.numpy as np", "from autograd import make_vjp"),
    "np",
    'np.array({values}, dtype="{dtype}")',
    numpy_spelling("np"),
    functional="make_vjp(f, {places})({inputs})[0]({cotangent})",
)


class Autograd(FunctionalBackend):
    name, version, homepage = "autograd", version("autograd"), "https://github.com/HIPS/autograd"
    array_module = anp
    exceptions = SPELLED_OTHERWISE
    idiom = IDIOM

    def to_numpy(self, value):
        while isbox(value):  # one box for each derivative being taken
            value = getval(value)
        return super().to_numpy(value)

    def vjp(self, fn, primals, cotangent=None):
        pull, output = make_vjp(fn, tuple(range(len(primals))))(*primals)
        (weights,) = self.conjugated(anp.ones(anp.shape(output)) if cotangent is None else cotangent)
        return output, self.conjugated(*pull(weights))

    def jvp(self, fn, primals, tangents):
        return make_jvp(fn, tuple(range(len(primals))))(*primals)(tangents)
