"""Losses between distributions, side by side with PyTorch and against finite differences."""

import warnings

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(23)


def positive(*shape, requires_grad=True):
    return Array(RNG.uniform(0.2, 2, size=shape), requires_grad=requires_grad)


def call(name, *args, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, *args, **kwargs) * 1 * 1


X, Y, VAR = positive(3, 4), positive(3, 4), positive(3, 4)
LOSSES = [
    ("kl_div", (X, Y), {}),
    ("kl_div", (X, Y), {"log_target": True}),
    ("gaussian_nll_loss", (X, Y, VAR), {}),
    ("gaussian_nll_loss", (X, Y, positive(3)), {"full": True}),
    ("gaussian_nll_loss", (X, Y, positive(3, 1)), {"eps": 0.5}),
    ("poisson_nll_loss", (X, Y), {}),
    ("poisson_nll_loss", (X, Y), {"log_input": False, "full": True}),
]
CASES = [
    *(
        Case(f"{name}-{i}-{reduction}", call(name, **kwargs, reduction=reduction), inputs)
        for i, (name, inputs, kwargs) in enumerate(LOSSES)
        for reduction in ("mean", "sum", "none")
    ),
    Case("kl-batch", call("kl_div", reduction="batchmean"), (X, Y)),
    Case("kl-zeros", call("kl_div"), (X, Array(np.zeros((3, 4)), requires_grad=False))),
    Case("kl-shapes", call("kl_div"), (X, positive(3))),
    Case("gaussian-number", lambda xp, x, y: xp.nn.functional.gaussian_nll_loss(x, y, 0.5), (X, Y)),
    Case("gaussian-negative number", lambda xp, x, y: xp.nn.functional.gaussian_nll_loss(x, y, -0.5), (X, Y)),
    Case("gaussian-negative", call("gaussian_nll_loss"), (X, Y, Array(-VAR.values))),
    Case("gaussian-shape", call("gaussian_nll_loss"), (X, Y, positive(4))),
    Case("reduction", call("kl_div", reduction="some"), (X, Y)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_divergences_as_in_pytorch(case):
    """A loss between distributions gives PyTorch's value, gradients and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.parametrize("i", range(len(LOSSES)))
def test_gradients_are_slopes(i):
    """The gradients are the slopes that finite differences measure, in both orders."""
    name, inputs, kwargs = LOSSES[i]
    if kwargs.get("eps") == 0.5:
        pytest.skip("the clamp is out of the gradient's sight")
    check_slopes(lambda *tensors: getattr(F, name)(*tensors, **kwargs, reduction="sum"), [x.values for x in inputs])


def test_the_mean_warns():
    """The mean of a divergence warns that it is not the batch's."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        F.kl_div(refgrad.ones(2, 2), refgrad.ones(2, 2))
    assert [str(w.message)[:17] for w in caught] == ["reduction: 'mean'"]
