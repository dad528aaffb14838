"""Tables that are looked up, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(18)


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, layout, requires_grad)


def embedding(xp, weight, indices, **kwargs):
    return xp.nn.functional.embedding(indices, weight, **kwargs)


def indices(*values, dtype="int64"):
    return Array(np.array(values), dtype)


EMBEDDING = [
    Case("plain", embedding, (normal(4, 3), indices(0, 2, 2))),
    Case("matrix", embedding, (normal(4, 3, dtype="float32"), indices([0, 3], [1, 1], dtype="int32"))),
    Case("number", embedding, (normal(4, 3), Array(np.array(1), "int64"))),
    Case("none", embedding, (normal(4, 3), Array(np.zeros(0), "int64")), 1),  # torch's second derivative fails
    Case("padding", lambda xp, w, i: embedding(xp, w, i, padding_idx=2), (normal(4, 3), indices(0, 2, 2, 1))),
    Case("padding from the end", lambda xp, w, i: embedding(xp, w, i, padding_idx=-1), (normal(4, 3), indices(0, 3))),
    Case(
        "frequency", lambda xp, w, i: embedding(xp, w, i, scale_grad_by_freq=True), (normal(4, 3), indices(0, 2, 2)), 1
    ),
    Case("no such padding", lambda xp, w, i: embedding(xp, w, i, padding_idx=5), (normal(4, 3), indices(0))),
    Case("beyond", embedding, (normal(4, 3), indices(7))),
    Case("float", embedding, (normal(4, 3), indices(1.0, dtype="float32"))),
    Case("vector", embedding, (normal(4), indices(1))),
]
ONE_HOT = [
    Case(f"one_hot-{i}", lambda xp, x, n=n: xp.nn.functional.one_hot(x, n), (x,))
    for i, (x, n) in enumerate(
        [
            (indices(0, 2), -1),
            (indices(0, 2), 5),
            (indices(0, 2), 2),
            (indices(-1), -1),
            (Array(np.zeros(0), "int64"), -1),
            (Array(np.zeros(0), "int64"), 3),
            (Array(np.array(1), "int64"), 3),
            (indices([1, 0], [2, 2]), -1),
            (indices(1, dtype="int32"), -1),
            (normal(2), -1),
        ]
    )
]


def bag(xp, weight, indices, offsets=None, **kwargs):
    return xp.nn.functional.embedding_bag(indices, weight, offsets, **kwargs)


def weighted(xp, weight, samples, indices, offsets):
    return xp.nn.functional.embedding_bag(indices, weight, offsets, mode="sum", per_sample_weights=samples)


def bagged(**kwargs):
    return lambda xp, *tensors: bag(xp, *tensors, **kwargs)


FLAT = (normal(5, 3), indices(0, 2, 2, 4, 1), indices(0, 3, 3))
# of bags torch has no second derivative
BAGS = [
    *(Case(f"{mode}-flat", bagged(mode=mode), FLAT, 1) for mode in ("sum", "mean", "max")),
    *(Case(f"{mode}-rows", bagged(mode=mode), (normal(5, 3), indices([0, 2], [4, 4])), 1) for mode in ("sum", "mean")),
    *(Case(f"{mode}-padding", bagged(mode=mode, padding_idx=2), FLAT, 1) for mode in ("sum", "mean", "max")),
    # with other indices torch takes another row's frequency
    Case(
        "bags-frequency",
        bagged(mode="sum", scale_grad_by_freq=True),
        (normal(5, 3), indices(2, 0, 2), indices(0, 1)),
        1,
    ),
    Case("bags-last", bagged(include_last_offset=True), (normal(5, 3), indices(0, 2, 2, 4), indices(0, 3, 4)), 1),
    Case("weighted", weighted, (normal(5, 3), normal(5), *FLAT[1:]), 1),
    Case("bags-no offsets", bag, (normal(5, 3), indices(0, 1))),
    Case("bags-mode", bagged(mode="some"), FLAT),
    Case("bags-vector", bag, (normal(5), indices(0, 1), indices(0))),
    Case("bags-late", bag, (normal(5, 3), indices(0, 1), indices(1))),
    Case("bags-beyond", bag, (normal(5, 3), indices(0, 1), indices(0, 5))),
    Case("bags-max of frequency", bagged(mode="max", scale_grad_by_freq=True), FLAT),
    Case("weighted mean", lambda xp, w, i, o: bag(xp, w, i, o, per_sample_weights=xp.ones(5)), FLAT),
]
CASES = [*EMBEDDING, *ONE_HOT, *BAGS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_embedding_as_in_pytorch(case):
    """A look-up gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, torch, case)


def test_gradients_are_slopes():
    """The gradients of bags are the slopes that finite differences measure, in both orders."""
    taken, starts = refgrad.tensor([0, 2, 2, 4, 1]), refgrad.tensor([0, 3, 3])
    weight, samples = RNG.normal(size=(5, 3)), RNG.normal(size=5)
    check_slopes(
        lambda w, s: F.embedding_bag(taken, w, starts, mode="sum", per_sample_weights=s, padding_idx=4),
        [weight, samples],
    )
    check_slopes(lambda w: F.embedding_bag(taken, w, starts, mode="mean"), [weight])
    check_slopes(lambda w: F.embedding_bag(taken, w, starts, mode="max"), [weight])


def test_an_index_out_of_range():
    """A bag with an index out of range is refused."""
    with pytest.raises(RuntimeError, match="found idx to be 7"):
        F.embedding_bag(refgrad.tensor([[7]]), refgrad.ones(2, 2))


def test_offsets_beside_rows():
    """A matrix of indices needs no offsets, and takes none."""
    with pytest.raises(ValueError, match="if input is 2D, then offsets has to be None"):
        F.embedding_bag(refgrad.tensor([[0]]), refgrad.ones(2, 2), refgrad.tensor([0]))
