"""Covariances, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(44)
normal, integers, positive = DRAWN.normal, DRAWN.integers, DRAWN.positive
OFTEN = Array(np.array([1, 2, 0, 1]), "int64")
MUCH = positive(4)
X = normal(3, 4)

CASES = [
    *(Case(f"{name}-{i}", lambda xp, x, name=name: getattr(xp, name)(x), (x,)) for name in ("cov", "corrcoef") for i, x in enumerate([
        X, normal(4), normal(1, 4), normal(3, 4, dtype="float32"), normal(3, 4, dtype="complex128"), integers(3, 4), normal(2, 2, 2),
        normal(3, 4, layout="transposed"), normal(3, 1), normal(), Array(np.ones((2, 3))), Array(np.ones((2, 3)), "bool"),
    ])),
    *(Case(f"cov-correction {c}", lambda xp, x, c=c: xp.cov(x, correction=c), (X,)) for c in (0, 1, 2, 4)),
    Case("cov-fweights", lambda xp, x, f: xp.cov(x, fweights=f), (X, OFTEN)),
    Case("cov-aweights", lambda xp, x, a: xp.cov(x, aweights=a), (X, MUCH)),
    Case("cov-aweights, no correction", lambda xp, x, a: xp.cov(x, correction=0, aweights=a), (X, MUCH)),
    Case("cov-both", lambda xp, x, f, a: xp.cov(x, fweights=f, aweights=a), (X, OFTEN, MUCH)),
    *(Case(f"cov-wrong fweights-{i}", lambda xp, x, f: xp.cov(x, fweights=f), (X, f)) for i, f in enumerate([
        MUCH, integers(3), integers(2, 2), Array(np.array([1, -1, 1, 1]), "int64")
    ])),
    *(Case(f"cov-wrong aweights-{i}", lambda xp, x, a: xp.cov(x, aweights=a), (X, a)) for i, a in enumerate([
        OFTEN, positive(3), positive(2, 2), Array(np.array([1.0, -1.0, 1.0, 1.0]))
    ])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A covariance gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


def test_slopes():
    """The gradients are the slopes that finite differences measure, weights included."""
    often = refgrad.from_numpy(OFTEN.values)
    check_slopes_of(lambda x, a: refgrad.cov(x, fweights=often, aweights=a), normal(3, 4, dtype="complex128"), MUCH)
    check_slopes_of(refgrad.corrcoef, X)
