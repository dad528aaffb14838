"""The special functions of four chapters (gamma, bessel, gaussian, limits), side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(8)
INF, NAN = float("inf"), float("nan")
EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, INF, -INF, NAN]
CALLS = {
    "digamma": lambda xp, x: xp.digamma(x),
    "lgamma": lambda xp, x: xp.lgamma(x),
    **{f"polygamma-{n}": lambda xp, x, n=n: xp.polygamma(n, x) for n in range(4)},
    "mvlgamma": lambda xp, x: xp.mvlgamma(x + 1, 2),
    "erfinv": lambda xp, x: xp.erfinv(x / 4),
    "i0": lambda xp, x: xp.i0(x),
    "sinc": lambda xp, x: xp.sinc(x),
    **{
        n: lambda xp, x, n=n: getattr(xp.special, n)(x)
        for n in ("i0e", "i1", "i1e", "ndtr", "log_ndtr", "erfcx", "entr")
    },
    "ndtri": lambda xp, x: xp.special.ndtri(x / 4),
    "xlog1py": lambda xp, x: xp.special.xlog1py(x, x),
    "xlog1py-number": lambda xp, x: xp.special.xlog1py(x, 2.0),
    "xlog1py-swapped": lambda xp, x: xp.special.xlog1py(2.0, x),
    "zeta-swapped": lambda xp, x: xp.special.zeta(2.0, x),
    "igamma": lambda xp, x: xp.igamma(xp.full_like(x.detach(), 1.5), x),
    "igammac": lambda xp, x: xp.igammac(xp.full_like(x.detach(), 1.5), x),
}
UNDEFINED = {"igamma", "igammac", "zeta-swapped"}  # at the edges SciPy and torch differ in which limit they give
CASES = [
    *(Case(f"{n}-{i}", c, (x,)) for n, c in CALLS.items() for i, x in enumerate([DRAWN.positive(2, 3), DRAWN.positive(), DRAWN.positive(0, 2), DRAWN.positive(3, dtype="float32")])),
    *(Case(f"{n}-edges", c, (Array(EDGES),), 0) for n, c in CALLS.items() if n not in UNDEFINED),
    *(Case(f"{n}-complex", c, (DRAWN.normal(2, dtype="complex128"),), 0) for n, c in CALLS.items() if n not in UNDEFINED),
    *(Case(f"{n}-integers", c, (DRAWN.integers(3),)) for n, c in CALLS.items() if n not in UNDEFINED),
    Case("polygamma-negative", lambda xp, x: xp.polygamma(-1, x), (DRAWN.positive(2),)),
    Case("mvlgamma-0", lambda xp, x: xp.mvlgamma(x, 0), (DRAWN.positive(2),)),
    Case("methods", lambda xp, x: x.digamma() + x.lgamma() + x.polygamma(1) + x.i0() + x.sinc(), (DRAWN.positive(3),)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A special function gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", CALLS)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda x: CALLS[name](refgrad, x), Array(np.linspace(0.6, 2.4, 4)))
