"""``fold``, ``unfold`` and shuffles, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(16)


def normal(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


def call(name, *args, **kwargs):
    return lambda xp, x: getattr(xp.nn.functional, name)(x, *args, **kwargs)


CALLS = [
    ("unfold", (2, 3, 4, 5), (2,), {}),
    ("unfold", (3, 4, 5), ((2, 1),), {"dilation": 2, "padding": 1, "stride": (2, 1)}),
    ("unfold", (0, 3, 4, 5), (2,), {}),
    ("fold", (2, 12, 12), ((4, 5), 2), {}),
    ("fold", (12, 12), ((4, 5), 2), {}),
    ("fold", (2, 4, 6), ((4, 5), (2, 1)), {"dilation": 2, "padding": 1, "stride": (3, 3)}),
    ("pixel_shuffle", (2, 8, 3, 2), (2,), {}),
    ("pixel_shuffle", (9, 1, 2), (3,), {}),
    ("pixel_unshuffle", (2, 3, 4, 6), (2,), {}),
    ("pixel_unshuffle", (2, 1, 3, 4, 6), (1,), {}),
    ("channel_shuffle", (2, 6, 3), (2,), {}),
    ("channel_shuffle", (2, 6, 3, 2), (3,), {}),
]
REFUSED = [
    *(("unfold", (2, 3, 4, 5), args, {}) for args in [(7,), (0,), (2, 0), (2, 1, -1), (2, 1, 0, 0), ((2, 2, 2),)]),
    ("unfold", (3, 4), (2,), {}),
    ("unfold", (2, 0, 4, 5), (2,), {}),
    ("fold", (2, 11, 12), ((4, 5), 2), {}),
    ("fold", (2, 12, 11), ((4, 5), 2), {}),
    ("fold", (12,), ((4, 5), 2), {}),
    ("fold", (2, 12, 12), ((4, 5, 6), 2), {}),
    ("fold", (2, 12, 12), ((4, 5), 2), {"padding": -1}),
    ("pixel_shuffle", (2, 3, 3, 3), (2,), {}),
    ("pixel_shuffle", (3, 3), (2,), {}),
    ("pixel_shuffle", (4, 3, 3), (0,), {}),
    ("pixel_unshuffle", (2, 4, 3, 4), (2,), {}),
    ("pixel_unshuffle", (2, 4, 4, 3), (2,), {}),
    ("pixel_unshuffle", (4, 3, 3), (-1,), {}),
    ("channel_shuffle", (2, 4, 3), (3,), {}),
    ("channel_shuffle", (2, 4), (2,), {}),
    ("channel_shuffle", (2, 4, 3), (0,), {}),
]


@pytest.mark.parametrize("case", [
    Case(f"{name}-{i}", call(name, *args, **kwargs), (normal(*shape),))
    for i, (name, shape, args, kwargs) in enumerate([*CALLS, *REFUSED])
] + [
    Case("single", call("unfold", 2), (normal(2, 3, 4, 5, dtype="float32"),)),
    Case("integers", call("unfold", 2), (Array(np.ones((2, 3, 4, 5)), "int64"),)),
    Case("shuffled integers", call("pixel_shuffle", 2), (Array(np.arange(24).reshape(4, 2, 3), "int64"),)),
], ids=lambda case: case.id)  # fmt: skip
def test_folding_as_in_pytorch(case):
    """Folding and shuffling give PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize("i", [i for i, (_, shape, *_) in enumerate(CALLS) if 0 not in shape])
def test_gradients_are_slopes(i):
    """The gradients are the slopes that finite differences measure."""
    name, shape, args, kwargs = CALLS[i]
    check_slopes(lambda x: getattr(F, name)(x, *args, **kwargs), [RNG.normal(size=shape)])
