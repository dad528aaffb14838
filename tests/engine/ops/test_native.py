"""The top-level spellings, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array, Case, check

RNG = np.random.default_rng(27)


def normal(*shape):
    return Array(RNG.normal(size=shape))


def seeded(name, *args):
    def call(xp, x):
        xp.manual_seed(3)
        return getattr(xp, name)(x, *args)

    return call


def running(training):
    return lambda xp, x, w, b: xp.native_batch_norm(
        x, w, b, xp.zeros(4, dtype=x.dtype), xp.ones(4, dtype=x.dtype), training, 0.1, 1e-5
    )


X, W, B = normal(2, 4, 5), normal(4), normal(4)
SIGNS = Array(np.array([1.0, -1.0]), requires_grad=False)
CASES = [
    *(Case(n, seeded(n, 0.5, True), (X,)) for n in ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout")),
    Case("dropout-off", seeded("dropout", 0.5, False), (X,)),
    Case("dropout-probability", seeded("dropout", 1.5, True), (X,)),
    Case("native_dropout", seeded("native_dropout", 0.3, True), (X,)),
    Case("native_dropout-off", seeded("native_dropout", 0.3, False), (X,)),
    Case("native_layer_norm", lambda xp, x, w, b: xp.native_layer_norm(x, (5,), w, b, 1e-5), (X, normal(5), normal(5))),
    Case("native_batch_norm", running(True), (X, W, B)),
    Case("native_batch_norm-off", running(False), (X, W, B)),
    Case("group_norm", lambda xp, x, w, b: xp.group_norm(x, 2, w, b, 1e-5), (X, W, B)),
    Case("instance_norm", lambda xp, x, w, b: xp.instance_norm(x, w, b, None, None, True, 0.1, 1e-5, False), (X, W, B)),
    Case("batch_norm", lambda xp, x, w, b: xp.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False), (X, W, B)),
    Case("embedding", lambda xp, w, i: xp.embedding(w, i, 1), (normal(4, 3), Array(np.array([0, 1, 1]), "int64"))),
    Case(
        "embedding_bag", lambda xp, w, i, o: xp.embedding_bag(w, i, o, mode=0)[0],
        (normal(4, 3), Array(np.array([0, 1, 1]), "int64"), Array(np.array([0, 2]), "int64")), 1,
    ),
    Case("adaptive_max_pool1d", lambda xp, x: xp.adaptive_max_pool1d(x, 2), (X,)),
    Case("max_pool1d_with_indices", lambda xp, x: xp.max_pool1d_with_indices(x, 2), (X,)),
    Case("margin_ranking_loss", lambda xp, a, b, t: xp.margin_ranking_loss(a, b, t, 0.5, 2), (normal(2), normal(2), SIGNS)),
    Case("hinge_embedding_loss", lambda xp, a, t: xp.hinge_embedding_loss(a, t, 0.5, 2), (normal(2), SIGNS)),
    Case("kl_div", lambda xp, a, b: xp.kl_div(a, b, 1, log_target=True), (normal(2), normal(2))),
    Case("triplet_margin_loss", lambda xp, a, b, c: xp.triplet_margin_loss(a, b, c, 1.0, 2, 1e-6, False, 1), (normal(2, 3), normal(2, 3), normal(2, 3))),
    Case("poisson_nll_loss", lambda xp, a, b: xp.poisson_nll_loss(a, b, True, False, 1e-8, 1), (normal(2), normal(2))),
    Case("logits", lambda xp, a, b: xp.binary_cross_entropy_with_logits(a, b), (normal(2), normal(2))),
    Case("cosine_embedding_loss", lambda xp, a, b, t: xp.cosine_embedding_loss(a, b, t), (normal(2, 3), normal(2, 3), SIGNS)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_spellings_as_in_pytorch(case):
    """A top-level spelling gives PyTorch's values, graph and gradients."""
    check(refgrad, pytest.importorskip("torch"), case)


def test_gradients_reach_the_moments_of_groups():
    """The means and deviations that native_group_norm gives are differentiable, as in PyTorch."""
    torch = pytest.importorskip("torch")
    found = []
    for xp in (refgrad, torch):
        x = xp.from_numpy(X.values.copy()).requires_grad_()
        result, mean, scale = xp.native_group_norm(x, None, None, 2, 4, 5, 2, 1e-5)
        (result.sum() + (mean * mean).sum() + scale.sum()).backward()
        found.append(x.grad.numpy())
    assert np.allclose(*found)
