"""Grids, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(26)


def normal(*shape, dtype="float64"):
    return Array(RNG.normal(size=shape), dtype)


def places(*shape, dtype="float64"):
    return Array(RNG.uniform(-1.6, 1.6, size=shape), dtype)


def sampled(*args):
    return lambda xp, *tensors: xp.nn.functional.grid_sample(*tensors, *args)


def affine(*args):
    return lambda xp, theta: xp.nn.functional.affine_grid(theta, *args)


IMAGE, GRID = normal(2, 3, 4, 5), places(2, 3, 2, 2)
VOLUME, CUBE = normal(1, 2, 3, 4, 3), places(1, 2, 2, 3, 3)
MODES = [
    (mode, padding, corners)
    for mode in ("bilinear", "nearest", "bicubic")
    for padding in ("zeros", "border", "reflection")
    for corners in (True, False)
]
CASES = [
    *(Case(f"{m}-{p}-{c}", sampled(m, p, c), (IMAGE, GRID)) for m, p, c in MODES),
    *(Case(f"volume-{m}-{p}-{c}", sampled(m, p, c), (VOLUME, CUBE), 1) for m, p, c in MODES),
    Case("edges", sampled("bilinear", "border", True), (IMAGE, Array(np.array([[[[-1.0, 1.0]]], [[[0.0, 2.0]]]]))), 1),
    Case("nan", sampled("bilinear", "zeros", True), (normal(1, 1, 2, 2), Array(np.full((1, 1, 1, 2), np.nan))), 0),
    Case(
        "single",
        sampled("bilinear", "zeros", False),
        (normal(1, 2, 3, 3, dtype="float32"), places(1, 2, 2, 2, dtype="float32")),
    ),
    Case("alignment", sampled(), (IMAGE, GRID), 1),
    Case("empty", sampled("bilinear", "zeros", False), (normal(0, 2, 3, 3), places(0, 2, 2, 2)), 0),
    Case("mode", sampled("some"), (IMAGE, GRID)),
    Case("padding", sampled("bilinear", "some"), (IMAGE, GRID)),
    Case("batches", sampled(), (IMAGE, places(1, 3, 2, 2))),
    Case("coordinates", sampled(), (IMAGE, places(2, 3, 2, 3))),
    Case("nothing to sample", sampled(), (normal(2, 3, 4, 0), GRID)),
    Case("types", sampled(), (IMAGE, places(2, 3, 2, 2, dtype="float32"))),
    *(Case(f"affine-{c}", affine((2, 1, 3, 4), c), (normal(2, 2, 3),)) for c in (True, False)),
    *(Case(f"affine-volume-{c}", affine((2, 1, 3, 4, 2), c), (normal(2, 3, 4),)) for c in (True, False)),
    Case("affine-one", affine((2, 1, 1, 4), True), (normal(2, 2, 3),)),
    Case("affine-maps", affine((2, 1, 3, 4)), (normal(2, 3, 4),)),
    Case("affine-dims", affine((2, 1, 3)), (normal(2, 2, 3),)),
    Case("affine-empty", affine((2, 1, 3, 0)), (normal(2, 2, 3),)),
    Case("affine-batch", affine((1, 1, 3, 4)), (normal(2, 2, 3),)),
    Case("affine-integers", affine((1, 1, 3, 4)), (Array(np.ones((1, 2, 3)), "int64"),), 0),
    Case("function", lambda xp, x, g: xp.grid_sampler(x, g, 0, 1, True), (IMAGE, GRID), 1),
]
CASES = [case for case in CASES if case.id != "affine-integers"]  # its text names the library's type


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_grids_as_in_pytorch(case):
    """Sampling gives PyTorch's value, graph, gradients and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize(("mode", "padding", "corners"), [m for m in MODES if m[0] != "nearest"])
def test_gradients_are_slopes(mode, padding, corners):
    """The gradients by image and grid are the slopes that finite differences measure, in both orders."""
    check_slopes(lambda x, g: F.grid_sample(x, g, mode, padding, corners), [IMAGE.values, GRID.values])


def test_the_map_that_changes_nothing():
    """The grid of the identity samples each element where it is."""
    x = refgrad.from_numpy(IMAGE.values)
    identity = refgrad.tensor([[[1.0, 0, 0], [0, 1, 0]]] * 2, dtype=refgrad.float64)
    for corners in (True, False):
        grid = F.affine_grid(identity, (2, 3, 4, 5), corners)
        assert np.allclose(F.grid_sample(x, grid, align_corners=corners).numpy(), IMAGE.values)


def test_maps_of_integers():
    """A map must be of floats."""
    with pytest.raises(ValueError, match="Expected theta to have floating point type"):
        F.affine_grid(refgrad.ones(1, 2, 3, dtype=refgrad.int64), (1, 1, 2, 2), True)
