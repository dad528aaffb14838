"""Softmax and layers, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional
from refgrad.engine import ops
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(6)
MATRIX = Array(RNG.normal(size=(3, 4)))
INPUTS = {
    "matrix": MATRIX,
    "single": Array(RNG.normal(size=(3, 4)), "float32"),
    "half": Array(RNG.normal(size=(3, 4)), "float16"),
    "cube": Array(RNG.normal(size=(2, 3, 4))),
    "turned": Array(RNG.normal(size=(3, 4)), layout="transposed"),
    "number": Array(np.array(1.5)),
    "empty": Array(np.zeros((0, 3))),
    "large": Array(np.array([[1000.0, -1000.0, 0.0]])),
    "infinite": Array(np.array([[math.inf, 0.0], [-math.inf, -math.inf], [-math.inf, 0.0]])),
    "integers": Array(np.array([[1, -2], [3, 0]]), "int64"),
    "bools": Array(np.array([True, False]), "bool"),
}
SOFTMAX = [
    Case(f"{name}-{dim}-{label}", lambda xp, x, name=name, dim=dim: getattr(xp.nn.functional, name)(x, dim), (x,))
    for name in ("softmax", "log_softmax", "softmin")
    for dim in (0, -1, 3)
    for label, x in INPUTS.items()
] + [
    Case("softmax-method", lambda xp, x: x.softmax(0), (MATRIX,)),
    Case("softmax-function", lambda xp, x: xp.softmax(x, 0, xp.float64), (INPUTS["single"],)),
    Case("softmax-of integers", lambda xp, x: xp.nn.functional.softmax(x, 0, dtype=xp.float32), (INPUTS["integers"],)),
    Case("log_softmax-wide", lambda xp, x: x.log_softmax(-1, dtype=xp.float64), (INPUTS["single"],)),
]


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, layout, requires_grad)


def linear(xp, *tensors):
    return xp.nn.functional.linear(*tensors)


LINEAR = [
    (normal(2, 3), normal(5, 3), normal(5)),
    (normal(2, 3, dtype="float32"), normal(5, 3, dtype="float32"), normal(5, dtype="float32")),
    (normal(3), normal(5, 3), normal(5)),
    (normal(4, 2, 3), normal(5, 3), normal(5)),
    (normal(2, 4, 2, 3), normal(5, 3), normal(5)),
    (normal(4, 2, 3, layout="transposed"), normal(5, 3), normal(5)),
    (normal(2, 3), normal(5, 3)),
    (normal(3), normal(5, 3)),
    (normal(4, 2, 3), normal(5, 3)),
    (normal(2, 3), normal(3)),
    (normal(0, 3), normal(5, 3), normal(5)),
    (normal(2, 3, requires_grad=False), normal(5, 3), normal(5)),
    (normal(2, 3), normal(5, 4), normal(5)),
    (normal(2, 3), normal(5, 4)),
    (normal(2, 3), normal(5, 3), normal(4)),
    (normal(), normal(5, 4)),
    (normal(2, 3, dtype="float32"), normal(5, 3)),
    (normal(2, 3, dtype="float32"), normal(5, 3), normal(5, dtype="float32")),
]


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


def layer_norm(shape):
    return lambda xp, *tensors: xp.nn.functional.layer_norm(tensors[0], shape, *tensors[1:])


LAYER_NORM = [
    Case("last", layer_norm((4,)), (normal(3, 4),)),
    Case("two", layer_norm((2, 3)), (normal(4, 2, 3),)),
    Case("scaled", layer_norm((4,)), (normal(3, 4), normal(4), normal(4))),
    Case("single", layer_norm([4]), (normal(3, 4, dtype="float32"), normal(4, dtype="float32"))),
    Case("wrong", layer_norm((2,)), (normal(3, 4),)),
    Case("wrong weight", layer_norm((4,)), (normal(3, 4), normal(2))),
]
CASES = [
    *SOFTMAX,
    *(Case(f"linear-{i}", linear, x) for i, x in enumerate(LINEAR)),
    *EMBEDDING,
    *ONE_HOT,
    *LAYER_NORM,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nn_as_in_pytorch(case):
    """A layer gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


def test_implicit_dim_warns():
    """Softmax without a dimension chooses one, and warns in PyTorch's words."""
    x = refgrad.tensor([[1.0, 2.0]])
    with pytest.warns(UserWarning, match=r"^Implicit dimension choice for softmax has been deprecated\."):
        result = refgrad.nn.functional.softmax(x)
    assert result.tolist() == refgrad.nn.functional.softmax(x, 1).tolist()


@pytest.mark.parametrize(("p", "kept"), [(0.5, [2.0, 0.0, 6.0]), (0.0, [1.0, 0.0, 3.0]), (1.0, [0.0, 0.0, 0.0])])
def test_dropout_by_a_mask(p, kept):
    """What a mask keeps is scaled by 1 / (1 - p), and so is its gradient."""
    x = refgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    result = ops.dropout_with(x, refgrad.tensor([True, False, True]), p)
    result.sum().backward()
    assert result.tolist() == kept
    assert x.grad.tolist() == [k / v for k, v in zip(kept, (1.0, 2.0, 3.0))]
