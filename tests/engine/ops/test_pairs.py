"""Distances of tensors and of all pairs of rows, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(43)
normal, integers = DRAWN.normal, DRAWN.integers
NORMS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf"))
TIED = Array(np.array([[1.0, 2.0], [3.0, 4.0]]))
MEETING = Array(np.array([[1.0, 2.0], [4.0, 5.0]]))


# no gradient is asked of dist at p = 0, which is 0: PyTorch's own backward fails there, for want of a tensor (2.13.0)
def dist(p=2):
    return lambda xp, a, b: xp.dist(a, b, p)


def cdist(p=2.0, **options):
    return lambda xp, a, b: xp.cdist(a, b, p, **options)


MANY = normal(26, 2), normal(3, 2)
CASES = [
    *(Case(f"dist-{p}", dist(p), (normal(2, 3), normal(2, 3)), orders=2 if p else 0) for p in NORMS),
    *(Case(f"dist-{p}-0", dist(p), (TIED, TIED), orders=2 if p else 0) for p in NORMS),
    Case("dist-broadcast", dist(), (normal(2, 3), normal(3))),
    Case("dist-complex", dist(), (normal(3, dtype="complex128"), normal(3, dtype="complex128"))),
    Case("dist-mixed", dist(), (normal(3), normal(3, dtype="float32"))),
    Case("dist-empty", dist(), (normal(0), normal(0))),
    Case("dist-integers", dist(), (integers(3), integers(3))),
    *(Case(f"cdist-{p}", cdist(p), (normal(3, 2), normal(4, 2)), orders=1) for p in NORMS),
    *(Case(f"cdist-{p}-meeting", cdist(p), (TIED, MEETING), orders=1) for p in NORMS),
    Case("cdist-batches", cdist(), (normal(2, 3, 2), normal(1, 4, 2)), orders=1),
    Case("cdist-broadcast", cdist(1.0), (normal(3, 2), normal(2, 4, 2)), orders=1),
    Case("cdist-single", cdist(), (normal(3, 2, dtype="float32"), normal(4, 2, dtype="float32")), orders=1),
    Case("cdist-no rows", cdist(), (normal(0, 2), normal(4, 2)), orders=1),
    Case("cdist-no columns", cdist(), (normal(3, 0), normal(4, 0)), orders=1),
    Case("cdist-many", cdist(), MANY),
    Case("cdist-by products", cdist(compute_mode="use_mm_for_euclid_dist"), (normal(3, 2), normal(4, 2))),
    Case("cdist-many, not by products", cdist(compute_mode="donot_use_mm_for_euclid_dist"), MANY, orders=1),
    *(Case(f"cdist-wrong-{i}", cdist(p), x) for i, (p, x) in enumerate([
        (2.0, (normal(3), normal(3, 2))), (2.0, (normal(3, 2), normal(3))), (2.0, (integers(3, 2), normal(3, 2))),
        (2.0, (normal(3, 2), normal(3, 3))), (-1.0, (normal(3, 2), normal(3, 2))), (2.0, (normal(3, 2), normal(3, 2, dtype="float32"))),
        (2.0, (normal(2, 3, 2), normal(3, 3, 2))),
    ])),
    Case("cdist-wrong mode", cdist(compute_mode="any"), (normal(3, 2), normal(3, 2))),
    Case("cdist-twice", cdist(3.0), (normal(3, 2), normal(4, 2))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A distance gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_slopes(p):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda a, b: refgrad.dist(a, b, p), normal(2, 3), normal(3))


def test_slopes_by_products():
    """So are those of the distances that are computed by a product of matrices."""
    check_slopes_of(lambda a, b: refgrad.cdist(a, b, compute_mode="use_mm_for_euclid_dist"), normal(3, 2), normal(4, 2))
