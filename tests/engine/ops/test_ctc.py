"""Connectionist temporal classification, side by side with PyTorch and by counting paths."""

import itertools
import math

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check

RNG = np.random.default_rng(24)


def scores(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


def ctc(targets, inputs, lengths, **kwargs):
    def call(xp, x):
        log_probs = xp.nn.functional.log_softmax(x, -1)
        given = [xp.tensor(n) if isinstance(n, list) or kwargs.get("one") else n for n in (inputs, lengths)]
        options = {k: v for k, v in kwargs.items() if k != "one"}
        return xp.nn.functional.ctc_loss(log_probs, xp.tensor(targets), *given, **options)

    return call


X = scores(5, 2, 3)
CASES = [
    # torch has no second derivative
    *(Case(f"rows-{r}", ctc([[1, 2], [2, 2]], [5, 4], [2, 2], reduction=r), (X,)) for r in ("mean", "sum", "none")),
    Case("in a row", ctc([1, 2, 1], [5, 4], [2, 1]), (X,)),
    Case("tuples", ctc([[1, 2], [2, 2]], (5, 4), (2, 1)), (X,)),
    Case("blank", ctc([[0, 1], [1, 0]], [5, 5], [2, 2], blank=2), (X,)),
    Case("nothing", ctc([[1, 2], [2, 2]], [5, 5], [0, 2]), (X,)),
    Case("too short", ctc([[1, 2], [2, 2]], [5, 2], [2, 2]), (X,), 0),
    Case("zero_infinity", ctc([[1, 2], [2, 2]], [5, 2], [2, 2], zero_infinity=True), (X,)),
    Case("single", ctc([[1, 2], [2, 2]], [5, 4], [2, 2]), (scores(5, 2, 3, dtype="float32"),)),
    Case("no batch", ctc([1, 2], 5, 2, one=True), (scores(5, 3),)),
    Case("longer than the input", ctc([[1, 2], [2, 2]], [6, 4], [2, 2]), (X,)),
    Case("one length", ctc([[1, 2], [2, 2]], [5], [2, 2]), (X,)),
    Case("one target length", ctc([[1, 2], [2, 2]], [5, 5], [2]), (X,)),
    Case("longer than the targets", ctc([[1, 2], [2, 2]], [5, 5], [2, 3]), (X,)),
    Case("no such blank", ctc([[1, 2], [2, 2]], [5, 5], [2, 2], blank=3), (X,)),
    Case("fewer in a row", ctc([1, 2], [5, 5], [2, 2]), (X,)),
    Case("lengths of floats", ctc([[1, 2], [2, 2]], [5.0, 5.0], [2, 2]), (X,)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_ctc_as_in_pytorch(case):
    """The loss gives PyTorch's value, graph, gradient and error."""
    check(refgrad, pytest.importorskip("torch"), case)


def collapsed(path):
    """A path with its repetitions merged and its blanks, 0, left out."""
    return [label for label, _ in itertools.groupby(path) if label]


@pytest.mark.parametrize("labels", [[1, 2], [2, 2], [1], [2, 1, 2]])
def test_all_paths_are_counted(labels):
    """The loss is minus the logarithm of the probability of all paths that collapse to the labels."""
    log_probs = F.log_softmax(refgrad.from_numpy(RNG.normal(size=(5, 1, 3))), -1)
    found = F.ctc_loss(log_probs, refgrad.tensor([labels]), (5,), (len(labels),), reduction="sum").item()
    rows = log_probs.numpy()[:, 0]
    paths = [path for path in itertools.product(range(3), repeat=5) if collapsed(path) == labels]
    assert found == pytest.approx(-math.log(sum(math.exp(sum(rows[t, k] for t, k in enumerate(p))) for p in paths)))
