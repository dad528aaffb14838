"""One table for every library that spells its special functions as ``scipy.special`` does, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refgrad.harness.adapters.numpy_ops import axis_of

__all__ = ["scipy_ops"]

Op = Callable[..., Any]
SAME = "entr erf erfc erfcx erfinv i0 i0e i1 i1e log_ndtr ndtr ndtri xlog1py xlogy zeta"
RENAMED = {"digamma": "digamma", "lgamma": "gammaln", "sigmoid": "expit"}


def scipy_ops(special: Any) -> dict[str, Op]:
    """The ops of ``special``; what it lacks is left out."""
    spelled = {name: name for name in SAME.split()} | RENAMED
    ops = {name: _tensors(getattr(special, theirs)) for name, theirs in spelled.items() if hasattr(special, theirs)}
    return ops | {name: make(special) for name, (needs, make) in TRANSLATED.items() if hasattr(special, needs)}


def _tensors(function: Op) -> Op:
    return lambda *tensors: function(*tensors)


TRANSLATED: dict[str, tuple[str, Callable[[Any], Op]]] = {  # op -> (what the module must have, how it is made of it)
    "logit": ("logit", lambda special: lambda input: special.logit(input)),
    "logsumexp": (
        "logsumexp",
        lambda special: (
            lambda input, dim, keepdim=False: special.logsumexp(input, axis=axis_of(input, dim), keepdims=keepdim)
        ),
    ),
    "mvlgamma": ("multigammaln", lambda special: lambda input, p: special.multigammaln(input, p)),
    "polygamma": ("polygamma", lambda special: lambda n, input: special.polygamma(n, input)),
}
