"""Pooling, side by side with PyTorch and against finite differences."""

import itertools

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(12)
SHAPES = {1: (2, 3, 9), 2: (2, 2, 7, 6), 3: (1, 2, 5, 6, 4)}


def distinct(*shape, dtype="float64"):
    """Numbers of which no two are close, so that the largest of a window stays it when they move a little."""
    return Array(RNG.permutation(np.linspace(0.1, 2, int(np.prod(shape)))).reshape(shape), dtype)


def call(name, *args, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, *args, **kwargs)


WINDOWS = [
    (2,),
    (3, 2),
    (3, 1, 1),
    (2, 3, 1),
    ((3,), [], (1,)),
]
SLIDING = [
    (f"{kind}{n}d", (distinct(*shape),), (*window,), {"ceil_mode": ceil_mode})
    for kind in ("avg_pool", "max_pool")
    for n in SHAPES
    for window, ceil_mode, shape in itertools.product(WINDOWS, (False, True), (SHAPES[n], SHAPES[n][1:]))
]
ADAPTIVE = [
    (f"adaptive_{kind}_pool{n}d", (distinct(*shape),), (size,), {})
    for kind in ("avg", "max")
    for n in SHAPES
    for size in (1, 3, 0, 8)
    for shape in (SHAPES[n], SHAPES[n][1:])
]
OTHERS = [
    ("avg_pool2d", (distinct(2, 2, 7, 6),), (3, 2, 1, True, False), {}),
    ("avg_pool3d", (distinct(2, 2, 5, 4, 4),), (2, 3, 1, True, False, 5), {}),
    ("avg_pool2d", (distinct(2, 7, 6),), (2,), {"divisor_override": -3}),
    ("avg_pool2d", (Array(np.arange(16).reshape(1, 4, 4), "int64"),), (2,), {}),
    ("avg_pool2d", (distinct(2, 7, 6, dtype="float32"),), (2,), {}),
    ("max_pool1d", (distinct(2, 3, 9),), (3, 2, 1, 2), {"return_indices": True}),
    ("max_pool2d", (distinct(2, 3, 9, 7),), (2, 2, 1, (2, 1), True, True), {}),
    ("max_pool2d", (Array(np.zeros((1, 4, 4))),), (2, 1), {"return_indices": True}),
    ("max_pool2d", (Array(np.full((1, 4, 4), -np.inf)),), (3, 1, 1), {"return_indices": True}),
    ("max_pool1d", (Array(np.array([[1, np.nan, 2, np.nan, 3, 0]])),), (4, 1), {"return_indices": True}),
    ("max_pool3d", (Array(np.arange(16).reshape(1, 1, 4, 4), "int32"),), (1, 2), {"return_indices": True}),
    ("adaptive_avg_pool2d", (distinct(2, 7, 6),), ((None, 2),), {}),
    ("adaptive_avg_pool3d", (distinct(1, 2, 4, 4, 6),), ((2, None, 5),), {}),
    ("adaptive_max_pool2d", (distinct(2, 7, 6),), ((3, None), True), {}),
    ("adaptive_max_pool1d", (distinct(2, 3, 7),), (3, True), {}),
    ("lp_pool1d", (distinct(2, 3, 9),), (3.0, 2), {}),
    ("lp_pool2d", (distinct(2, 7, 6),), (2, 3, 2, True), {}),
    ("lp_pool2d", (distinct(2, 7, 6),), (float("inf"), 3), {}),
    ("lp_pool2d", (distinct(2, 7, 6),), (float("-inf"), 3), {}),
    ("lp_pool3d", (distinct(1, 5, 4, 4),), (1.5, (2, 1, 2)), {}),
]
REFUSED = [
    (f"{kind}{n}d", (Array(np.ones(SHAPES[n])),), args, {})
    for kind in ("avg_pool", "max_pool")
    for n in SHAPES
    for args in [(0,), (2, 0), (2, 1, 2), (2, 1, -1), (20,), ((1,) * 4,), (2, (1,) * 4), (2, 1, (1,) * 4)]
] + [
    ("avg_pool2d", (distinct(2, 4, 4),), (2,), {"divisor_override": 0}),
    ("avg_pool2d", (Array(np.ones((2, 4, 4)), "bool"),), (2,), {}),
    ("avg_pool2d", (distinct(2, 4, 0),), (2,), {}),
    ("avg_pool3d", (distinct(2, 4, 4, 0),), (2,), {}),
    ("avg_pool1d", (distinct(5),), (2,), {}),
    ("max_pool1d", (distinct(5),), (2,), {}),
    ("max_pool1d", (distinct(5),), (2,), {"return_indices": True}),
    ("max_pool1d", (Array(np.ones((2, 4)), "int64"),), (2,), {}),
    ("max_pool2d", (Array(np.ones((2, 4, 4)), "bool"),), (2,), {}),
    ("max_pool2d", (distinct(2, 4, 4),), (2,), {"dilation": 0}),
    ("max_pool3d", (distinct(2, 0, 4, 4),), (2,), {}),
    ("adaptive_avg_pool1d", (distinct(2, 4),), ((1, 1),), {}),
    ("adaptive_avg_pool2d", (distinct(2, 4, 4),), (-1,), {}),
    ("adaptive_avg_pool2d", (distinct(2, 4, 0),), (2,), {}),
    ("adaptive_avg_pool3d", (distinct(2, 4, 4, 4),), ((1, 1, 1, 1),), {}),
    ("adaptive_max_pool2d", (distinct(2, 4, 4),), (-1,), {}),
    ("adaptive_max_pool2d", (distinct(4, 4),), (1,), {}),
    ("adaptive_max_pool3d", (Array(np.ones((2, 4, 4, 4)), "int64"),), (1,), {}),
]
CALLS = [*SLIDING, *ADAPTIVE, *OTHERS]


@pytest.mark.parametrize("case", [
    # PyTorch cannot differentiate what is pooled to nothing
    Case(f"{name}-{i}", call(name, *args, **kwargs), inputs, 0 if args == (0,) and name.startswith("adaptive") else 2)
    for i, (name, inputs, args, kwargs) in enumerate([*CALLS, *REFUSED])
], ids=lambda case: case.id)  # fmt: skip
def test_pooling_as_in_pytorch(case):
    """A pooling gives PyTorch's value, indices, graph, gradients of both orders, and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize(
    "i", [i for i, (_, (x,), *_) in enumerate(CALLS) if x.dtype == "float64" and np.unique(x.values).size > 16]
)
def test_gradients_are_slopes(i):
    """The gradients of a pooling are the slopes that finite differences measure, in both orders."""
    name, (x,), args, kwargs = CALLS[i]
    check_slopes(lambda input: getattr(F, name)(input, *args, **kwargs), [x.values])


def test_the_first_of_equals_gets_the_gradient():
    """Of several largest elements of a window the first gets the gradient."""
    x = refgrad.ones(1, 1, 4, requires_grad=True)
    F.max_pool1d(x, 4).sum().backward()
    assert x.grad.tolist() == [[[1.0, 0.0, 0.0, 0.0]]]
