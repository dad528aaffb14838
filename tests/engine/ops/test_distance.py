"""Distances and directions, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(21)


def normal(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


def call(name, *args, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, *args, **kwargs)


def apart(*args, **kwargs):
    """``pairwise_distance`` with its first node out of sight: PyTorch has another name for it."""
    return lambda xp, x, y: xp.nn.functional.pairwise_distance(x, y, *args, **kwargs) * 1 * 1


ZEROS = Array(np.array([[0.0, 0.0], [3.0, 4.0]]))
SAME_ROWS = Array(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [0.0, 2.0, 1.0], [4.0, 2.0, 1.0]]))
CASES = [
    *(Case(f"normalize-{p}", call("normalize", p), (normal(2, 4, 5),)) for p in (1, 2.0, 3, float("inf"))),
    Case("normalize-dims", call("normalize", 2.0, (0, 2)), (normal(2, 4, 5),)),
    Case("normalize-zeros", call("normalize"), (ZEROS,), 1),
    Case("cosine", call("cosine_similarity"), (normal(3, 4), normal(3, 4))),
    Case("cosine-broadcast", call("cosine_similarity", -1), (normal(2, 4, 5), normal(1, 5))),
    Case("cosine-zeros", call("cosine_similarity"), (ZEROS, normal(2, 2)), 1),
    Case("cosine-mixed", call("cosine_similarity"), (normal(3, 4), normal(3, 4, dtype="float32")), 1),
    Case("cosine-integers", call("cosine_similarity"), (Array(np.ones((2, 2)), "int64"),) * 2),
    Case("cosine-shapes", call("cosine_similarity"), (normal(2, 4), normal(3, 4))),
    *(Case(f"pairwise-{p}", apart(p), (normal(3, 4), normal(3, 4))) for p in (1.0, 2.0, 3.0, float("inf"))),
    Case("pairwise-keepdim", apart(2.0, 0.1, True), (normal(3, 4), normal(4))),
    Case("pairwise-shapes", apart(), (normal(3, 4), normal(3, 5))),
    # of pdist torch has no second derivative
    *(
        Case(f"pdist-{p}-{i}", call("pdist", p), (x,), 1)
        for p in (0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf"))
        for i, x in enumerate((normal(4, 3), SAME_ROWS, normal(1, 3), normal(4, 0)))
    ),
    Case("pdist-vector", call("pdist"), (normal(4),)),
    Case("pdist-integers", call("pdist"), (Array(np.ones((2, 2)), "int64"),)),
    Case("pdist-negative", call("pdist", -1.0), (normal(4, 3),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_distance_as_in_pytorch(case):
    """A distance gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, torch, case)


def test_gradients_are_slopes():
    """The gradients are the slopes that finite differences measure, in both orders; PyTorch has no second one of ``pdist``."""
    x, y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
    check_slopes(F.normalize, [x])
    check_slopes(F.cosine_similarity, [x, y])
    check_slopes(lambda a, b: F.pairwise_distance(a, b, 3.0), [x, y])
    for p in (1.5, 2.0, 3.0, float("inf")):
        assert refgrad.autograd.gradcheck(lambda a: F.pdist(a, p), refgrad.tensor(x, requires_grad=True))
