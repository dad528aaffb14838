"""Attention, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(25)


def normal(*shape, dtype="float64", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, requires_grad=requires_grad)


def attend(**kwargs):
    return lambda xp, *tensors: xp.nn.functional.scaled_dot_product_attention(*tensors, **kwargs)


def parted(**kwargs):
    """Out of sight of the graph, which has one node more or less in PyTorch where it scales."""
    return lambda xp, *tensors: attend(**kwargs)(xp, *tensors) * 1 * 1


def seeded(xp, *tensors):
    xp.manual_seed(2)
    return attend(dropout_p=0.4)(xp, *tensors)


def alike(*shape, dtype="float64"):
    return tuple(normal(*shape, dtype=dtype) for _ in range(3))


HEADS = alike(2, 2, 3, 4)
MASK = Array(RNG.uniform(size=(3, 3)) < 0.7, "bool")
CASES = [
    Case("heads", attend(), HEADS),
    Case("single", attend(), alike(2, 2, 3, 4, dtype="float32")),
    Case("causal", attend(is_causal=True), HEADS),
    Case("causal, fewer queries", attend(is_causal=True), (normal(1, 2, 2, 4), normal(1, 2, 5, 4), normal(1, 2, 5, 4))),
    Case("scale", attend(scale=0.1), HEADS),
    Case("mask", attend(), (*HEADS, MASK)),
    Case("mask of nothing", attend(), (*HEADS, Array(np.zeros((3, 3)), "bool"))),
    Case("numbers", attend(), (*HEADS, normal(3, 3, requires_grad=False))),
    Case("mask with a gradient", parted(), (*HEADS, normal(3, 3))),
    Case("no batch", parted(), alike(3, 4)),
    Case("batch", parted(is_causal=True), alike(2, 3, 4)),
    Case("another width", parted(), (normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 6))),
    Case("groups", parted(enable_gqa=True), (normal(2, 4, 3, 4), *HEADS[1:])),
    Case("dropout", seeded, HEADS),
    Case("mask and causal", parted(is_causal=True), (*alike(3, 4), MASK)),
    Case("types", attend(), (HEADS[0], normal(2, 2, 3, 4, dtype="float32"), HEADS[2])),
    Case("vectors", attend(), alike(4)),
    Case("mask of integers", attend(), (*HEADS, Array(np.ones((3, 3)), "int64"))),
    Case("mask of another shape", attend(), (*HEADS, Array(np.ones((2, 2)), "bool"))),
    Case("no heads in common", attend(), (normal(2, 4, 3, 4), *HEADS[1:])),
    Case("probability", attend(dropout_p=1.5), HEADS),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_attention_as_in_pytorch(case):
    """Attention gives PyTorch's value, graph, gradients and error, the missing second derivative included."""
    check(refgrad, pytest.importorskip("torch"), case)


def test_gradients_are_slopes():
    """The gradients of attention in parts are the slopes that finite differences measure, in both orders."""
    check_slopes(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [x.values for x in alike(2, 3, 4)]
    )


def test_one_piece_and_parts_agree():
    """The gradients of attention in one piece are those of its parts."""
    found = []
    for axis in (0, None):  # a batch of heads goes in one piece, without the batch in parts
        tensors = [refgrad.from_numpy(np.array(x.values)).requires_grad_() for x in HEADS]
        given = tensors if axis == 0 else [t.reshape(4, 3, 4) for t in tensors]
        (F.scaled_dot_product_attention(*given, is_causal=True) ** 2).sum().backward()
        found.append([t.grad.numpy() for t in tensors])
    for mine, theirs in zip(*found):
        assert np.allclose(mine, theirs, rtol=1e-12)
