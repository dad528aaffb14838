"""Orderings, side by side with PyTorch."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refgrad
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(3)
INPUTS = {
    "matrix": Array(RNG.normal(size=(3, 4))),
    "single": Array(RNG.normal(size=(3, 4)), "float32"),
    "number": Array(np.array(1.5)),
    "empty": Array(np.zeros((0, 3))),
    "unknown": Array(np.array([[1.0, math.nan, 0.0], [2.0, -math.inf, math.inf]])),
    "integers": Array(np.array([[1, 5], [5, 0]]), "int64"),
}
TIES = {
    "ties": Array(np.array([[1.0, 2.0, 1.0, 2.0], [3.0, 3.0, 3.0, 0.0]])),
    "bools": Array([True, False, True], "bool"),
}

ORDERINGS = {
    "sort": lambda xp, x: xp.sort(x),
    "sort-first-down": lambda xp, x: x.sort(0, True),
    "sort-stable": lambda xp, x: x.sort(stable=True),
    "sort-stable-down": lambda xp, x: x.sort(dim=-1, stable=True, descending=True),
    "sort-beyond": lambda xp, x: x.sort(2),
    "argsort": lambda xp, x: x.argsort(),
    "argsort-down": lambda xp, x: xp.argsort(x, dim=0, descending=True, stable=True),
    "msort": lambda xp, x: xp.msort(x),
}
CHOICES = {
    "topk": lambda xp, x: x.topk(1),
    "topk-smallest": lambda xp, x: xp.topk(x, 2, 0, largest=False),
    "topk-too-many": lambda xp, x: x.topk(9),
    "topk-negative": lambda xp, x: x.topk(-1),
    "kthvalue": lambda xp, x: xp.kthvalue(x, 1),
    "kthvalue-kept": lambda xp, x: xp.kthvalue(x, 2, 0, True),
    "kthvalue-too-large": lambda xp, x: xp.kthvalue(x, 9, 0),
}
CASES = [
    *(Case(f"{n}-{k}", call, (x,)) for n, call in ORDERINGS.items() for k, x in (INPUTS | TIES).items()),
    *(Case(f"{n}-{k}", call, (x,)) for n, call in CHOICES.items() for k, x in INPUTS.items() if k != "integers"),
    Case("unique", lambda xp, x: xp.unique(x), (INPUTS["integers"],)),
    Case("unique-all", lambda xp, x: xp.unique(x, return_inverse=True, return_counts=True), (INPUTS["integers"],)),
    Case("unique-nan", lambda xp, x: xp.unique(x), (Array(np.array([math.nan, math.nan, 1.0]), requires_grad=False),)),
    Case("unique-dim", lambda xp, x: xp.unique(x, dim=0), (Array(np.array([[1, 2], [1, 2], [0, 1]]), "int64"),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_sorting_as_in_pytorch(case):
    """An ordering gives PyTorch's values, indices, graph, gradients and error."""
    check(refgrad, torch, case)


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(
        "float64", hnp.array_shapes(max_dims=2, max_side=9), elements=st.sampled_from([0.0, 1.0, 2.0, math.nan])
    ),
    st.data(),
)
def test_kthvalue_of_equal_elements(values, data):
    """Of equal elements, nan among them, ``kthvalue`` takes the one that PyTorch takes."""
    dim = data.draw(st.integers(0, values.ndim - 1))
    k = data.draw(st.integers(1, values.shape[dim]))
    mine, theirs = (xp.kthvalue(xp.from_numpy(values), k, dim) for xp in (refgrad, torch))
    assert mine.indices.tolist() == theirs.indices.tolist()
