"""Interpolation, side by side with PyTorch and against finite differences."""

import warnings

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(15)
SHAPES = {1: (2, 2, 5), 2: (1, 2, 4, 5), 3: (1, 2, 3, 4, 5)}
DIMS = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3), "linear": (1,), "bilinear": (2,),
    "bicubic": (2,), "trilinear": (3,),
}  # fmt: skip
SIZES = [
    {"size": 3}, {"size": 7}, {"size": 1}, {"scale_factor": 2}, {"scale_factor": 0.7}, {"scale_factor": 1.7},
    {"scale_factor": 1.7, "recompute_scale_factor": True},
]  # fmt: skip


def normal(*shape, dtype="float64"):
    return Array(RNG.uniform(1, 2, size=shape), dtype)


def interpolated(**kwargs):
    return lambda xp, x: xp.nn.functional.interpolate(x, **kwargs)


CALLS = [
    (n, {**size, "mode": mode, **corners})
    for mode, dims in DIMS.items()
    for n in dims
    for size in SIZES
    for corners in ({}, {"align_corners": True})
    if not corners or mode.endswith(("linear", "cubic"))
] + [
    (2, {**size, "mode": mode, "antialias": True})
    for mode in ("bilinear", "bicubic", "lanczos")
    for size in SIZES
]  # fmt: skip
REFUSED = [
    (2, {}), (2, {"size": 2, "scale_factor": 2}), (2, {"size": (2, 2, 2)}), (2, {"scale_factor": (2.0,)}),
    (2, {"size": 2, "align_corners": True}), (2, {"size": 2, "antialias": True}), (2, {"size": 0}),
    (2, {"size": 2, "recompute_scale_factor": True}), (2, {"size": (2, 1.5)}), (2, {"size": 1.5}),
    (1, {"size": 2, "mode": "bilinear"}), (2, {"size": 2, "mode": "linear"}), (3, {"size": 2, "mode": "bicubic"}),
    (1, {"size": 2, "mode": "some"}), (2, {"size": 2, "mode": "lanczos"}), (3, {"scale_factor": 0.1}),
    (2, {"size": 2, "mode": "lanczos", "antialias": True, "align_corners": True}),
]  # fmt: skip


@pytest.mark.parametrize("case", [
    Case(f"{kwargs.get('mode')}-{n}-{i}", interpolated(**kwargs), (normal(*SHAPES[n], dtype=dtype),))
    for i, (n, kwargs) in enumerate([*CALLS, *REFUSED])
    for dtype in ("float64", "float32")
] + [
    Case("integers", interpolated(size=2), (Array(np.ones((1, 1, 3, 3)), "int64"),)),
    Case("no batch", interpolated(size=2), (normal(0, 2, 3, 3),)),
    Case("no channels", interpolated(size=2), (normal(2, 0, 3, 3),)),
    Case("matrix", interpolated(size=2), (normal(2, 3),)),
], ids=lambda case: case.id)  # fmt: skip
def test_interpolation_as_in_pytorch(case):
    """Interpolation gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize("i", range(len(CALLS)))
def test_gradients_are_slopes(i):
    """The gradients of interpolation are the slopes that finite differences measure."""
    n, kwargs = CALLS[i]
    check_slopes(lambda x: F.interpolate(x, **kwargs), [RNG.normal(size=SHAPES[n])])


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_old_names(name):
    """The old names still work, with PyTorch's warning."""
    torch = pytest.importorskip("torch")
    told = []
    for xp in (refgrad, torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = getattr(xp.nn.functional, name)(xp.arange(4.0).reshape(1, 1, 2, 2), scale_factor=2)
        told.append(([str(w.message) for w in caught], result.numpy().tolist()))
    assert told[0][0] == told[1][0]
    assert np.allclose(told[0][1], told[1][1])
