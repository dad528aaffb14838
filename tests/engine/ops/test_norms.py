"""Norms and condition numbers, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(9)
normal, integers, regular = DRAWN.normal, DRAWN.integers, DRAWN.regular
INF = float("inf")
ORDERS, NORMS = (0, 0.5, 1, 1.5, 2, 3, INF, -1, -2, -INF), ("fro", "nuc", 1, -1, 2, -2, INF, -INF)


def vector(ord, **options):
    return lambda xp, x: xp.linalg.vector_norm(x, ord, **options)


def matrix(ord, **options):
    return lambda xp, x: xp.linalg.matrix_norm(x, ord, **options)


CASES = [
    *(Case(f"vector-{o}-{i}", vector(o), (x,)) for o in ORDERS for i, x in enumerate([normal(2, 3), normal(), normal(3, dtype="complex128"), Array([0.0, 0.0]), Array([1.0, -1.0, 0.0])])),
    *(Case(f"vector-{o}-dim", vector(o, dim=(0, -1), keepdim=True), (normal(2, 3, 2),)) for o in ORDERS),
    *(Case(f"vector-{o}-empty-{s}", vector(o, dim=d), (normal(*s),)) for o in ORDERS for s, d in [((0,), None), ((2, 0), 1), ((2, 0), 0)]),
    *(Case(f"matrix-{o}-{i}", matrix(o), (x,)) for o in NORMS for i, x in enumerate([normal(2, 3), normal(2, 3, 3), normal(3, 2, dtype="complex128")])),
    *(Case(f"matrix-{o}-dim-{k}", matrix(o, dim=(0, 2), keepdim=k), (normal(2, 3, 4),)) for o in NORMS for k in (False, True)),
    *(Case(f"matrix-{o}-empty", matrix(o), (normal(0, 3),)) for o in NORMS if o != -2),
    *(Case(f"matrix-wrong-{i}", matrix(o), (x,)) for i, (o, x) in enumerate([(3, normal(2, 2)), ("x", normal(2, 2)), (1, normal(2)), (2, normal(2, 2, dtype="float16")), ("fro", integers(2, 2))])),
    *(Case(f"norm-{i}", lambda xp, x, a=a, o=o: xp.linalg.norm(x, *a, **o), (x,)) for i, (x, a, o) in enumerate([
        (normal(2, 3), (), {}), (normal(2, 3), (2,), {}), (normal(3), (3,), {}), (normal(2, 3, 2), (), {"dim": 1}), (normal(2, 3, 2), ("nuc",), {"dim": (0, 2)}),
        (normal(2, 3, 2), (2,), {}), (normal(3), ("fro",), {}), (normal(2, 2), (), {"dim": (0, 1, 1)}), (normal(2, 2, 2), ("fro",), {})])),
    *(Case(f"top-{i}", lambda xp, x, a=a, o=o: xp.norm(x, *a, **o), (x,)) for i, (x, a, o) in enumerate([
        (normal(2, 3), (), {}), (normal(2, 3), (None,), {}), (normal(2, 3), ("nuc",), {}), (normal(2, 3), ("x",), {}), (normal(2), ("nuc",), {}), (normal(2, 3), (INF,), {"dim": 1})])),
    *(Case(f"cond-{p}", lambda xp, A, p=p: xp.linalg.cond(A, p), (regular(2, 3, 3),)) for p in (None, 2, -2, "nuc")),
    *(Case(f"cond-{p}-value", lambda xp, A, p=p: xp.linalg.cond(A, p), (regular(2, 3, 3),), 0) for p in ("fro", 1, -1, INF, -INF)),
    *(Case(f"cond-wrong-{i}", lambda xp, A, p=p: xp.linalg.cond(A, p), (A,), 0) for i, (A, p) in enumerate([(normal(2), None), (normal(2, 3), 1), (regular(2, 2), 3), (regular(2, 2), "x")])),
    *(Case(f"renorm-{i}", lambda xp, x, a=a: xp.renorm(x, *a), (x,)) for i, (x, a) in enumerate([
        (normal(2, 3), (2, 0, 1.0)), (normal(2, 3, 2), (1, -1, 0.5)), (normal(2, 3, dtype="complex128"), (2, 1, 0.5)), (normal(2), (2, 0, 1)), (normal(2, 2), (0, 0, 1)), (normal(2, 2), (2, 5, 1))])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A norm gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("ord", NORMS)
def test_slopes(ord):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda A: refgrad.linalg.matrix_norm(A, ord), Array(regular(3, 3).values + np.eye(3)))
