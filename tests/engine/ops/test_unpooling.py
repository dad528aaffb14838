"""Fractional pooling and the way back from max pooling, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes
from tests.engine.ops.test_pooling import distinct

RNG = np.random.default_rng(13)
SAMPLES = Array(RNG.uniform(size=(2, 3, 2)), requires_grad=False)


def seeded(name, *args, **kwargs):
    def call(xp, *tensors):
        xp.manual_seed(5)
        return getattr(xp.nn.functional, name)(*tensors, *args, **kwargs)

    return call


def there_and_back(n, *args, **kwargs):
    def call(xp, x):
        values, indices = getattr(xp.nn.functional, f"max_pool{n}d")(x, 2, return_indices=True)
        return getattr(xp.nn.functional, f"max_unpool{n}d")(values, indices, *args, **kwargs)

    return call


CASES = [
    Case("plane", seeded("fractional_max_pool2d", 2, (3, 2)), (distinct(2, 3, 7, 6),)),
    Case("one window", seeded("fractional_max_pool2d", (2, 3), 1, return_indices=True), (distinct(3, 7, 6),)),
    Case("ratio", seeded("fractional_max_pool2d", 2, output_ratio=(0.5, 0.7)), (distinct(3, 7, 6),)),
    Case("float32", seeded("fractional_max_pool2d", 2, 4), (distinct(2, 3, 7, 6, dtype="float32"),)),
    Case("volume", seeded("fractional_max_pool3d", (2, 1, 2), (2, 3, 2)), (distinct(1, 2, 5, 6, 4),)),
    Case("ratio of a volume", seeded("fractional_max_pool3d", 2, output_ratio=0.5), (distinct(2, 5, 6, 4),)),
    Case("no size", seeded("fractional_max_pool2d", 2), (distinct(2, 5, 6),)),
    Case("no fit", seeded("fractional_max_pool2d", 5, 4), (distinct(2, 5, 6),)),
    Case("no planes", seeded("fractional_max_pool2d", 2, 2), (distinct(5, 6),)),
    *(
        Case(f"back-{n}-{i}", there_and_back(n, 2, **kwargs), (distinct(*shape[i:]),))
        for n, shape in {1: (2, 3, 8), 2: (2, 2, 6, 4), 3: (1, 2, 4, 6, 4)}.items()
        for i in (0, 1)
        for kwargs in ({}, {"output_size": shape[2:]})
    ),
    Case("another size", there_and_back(1, 2, output_size=(7,)), (distinct(2, 7),)),
    Case("a wrong size", there_and_back(2, 2, output_size=(20, 20)), (distinct(2, 4, 4),)),
    Case("a size of too many", there_and_back(2, 2, output_size=(4, 4, 4)), (distinct(2, 4, 4),)),
    Case("too small", there_and_back(2, 1, 1), (distinct(2, 4, 4),)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_unpooling_as_in_pytorch(case):
    """Places drawn at random are PyTorch's, and so are values, gradients and errors."""
    check(refgrad, pytest.importorskip("torch"), case)


def test_gradients_are_slopes():
    """The gradients are the slopes that finite differences measure."""
    samples = refgrad.from_numpy(SAMPLES.values)
    check_slopes(lambda x: F.fractional_max_pool2d(x, 2, 3, _random_samples=samples), [distinct(2, 3, 6, 6).values])
    check_slopes(lambda x: there_and_back(2, 2)(refgrad, x), [distinct(2, 6, 6).values])


def test_indices_of_another_shape():
    """Indices must have the shape of the values."""
    with pytest.raises(RuntimeError, match="Expected shape of indices to be same as that of the input tensor"):
        F.max_unpool2d(refgrad.ones(1, 2, 2), refgrad.zeros(1, 2, 1, dtype=refgrad.int64), 2)
