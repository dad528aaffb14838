"""Special functions, as ``torch.special``."""

from refgrad.engine.ops import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    round,
    sinc,
    softmax,
    xlogy,
)
from refgrad.engine.ops import digamma as psi
from refgrad.engine.ops import igamma as gammainc
from refgrad.engine.ops import igammac as gammaincc
from refgrad.engine.ops import lgamma as gammaln
from refgrad.engine.ops import sigmoid as expit
from refgrad.engine.ops import special_entr as entr
from refgrad.engine.ops import special_erfcx as erfcx
from refgrad.engine.ops import special_i0e as i0e
from refgrad.engine.ops import special_i1 as i1
from refgrad.engine.ops import special_i1e as i1e
from refgrad.engine.ops import special_log_ndtr as log_ndtr
from refgrad.engine.ops import special_multigammaln as multigammaln
from refgrad.engine.ops import special_ndtr as ndtr
from refgrad.engine.ops import special_ndtri as ndtri
from refgrad.engine.ops import special_polygamma as polygamma
from refgrad.engine.ops import special_xlog1py as xlog1py
from refgrad.engine.ops import special_zeta as zeta

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip
