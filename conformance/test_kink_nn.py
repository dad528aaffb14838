"""What PyTorch chooses where a loss, a pool or an activation has no derivative, or none that a float can hold."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def gradient(calculus, fn, x, cotangent=None):
    """The gradient of ``fn(F, x)`` at ``x``, with ones where no cotangent is given."""
    return calculus.vjp(lambda xp, x: fn(xp.nn.functional, x), (np.array(x),), cotangent)[1][0]


SATURATED = {
    "logsigmoid": (lambda F, x: F.logsigmoid(x), [-1000.0, 1000.0], [1.0, 0.0]),
    "softplus": (lambda F, x: F.softplus(x), [1000.0, -1000.0], [1.0, 0.0]),
    "tanh": (lambda F, x: x.tanh(), [50.0, -50.0], [0.0, 0.0]),
    "sigmoid": (lambda F, x: x.sigmoid(), [1000.0, -1000.0], [0.0, 0.0]),
    "bce_with_logits": (
        lambda F, x: F.binary_cross_entropy_with_logits(x, zeros(x) + 1, reduction="sum"),
        [1000.0, -1000.0],
        [0.0, -1.0],
    ),
}


@behaviour("SG-37", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), SATURATED.values(), ids=SATURATED)
def test_saturated(calculus, check, fn, x, expected):
    """Far out a saturating function has the limit of its derivative, neither nan nor infinity."""
    check.equal(gradient(calculus, fn, x), expected)


DROPOUTS = {
    "p_0": (lambda F, x: F.dropout(x, 0.0), [1.0, 1.0]),
    "p_1": (lambda F, x: F.dropout(x, 1.0), [0.0, 0.0]),
    "evaluation": (lambda F, x: F.dropout(x, 0.5, training=False), [1.0, 1.0]),
}


@behaviour("SG-33", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "expected"), DROPOUTS.values(), ids=DROPOUTS)
def test_dropout(calculus, check, fn, expected):
    """dropout keeps all at p = 0 and in evaluation, and nothing at p = 1."""
    check.equal(gradient(calculus, fn, [1.0, 2.0]), expected)


@behaviour("SG-34", source=SOURCE, profile="namespace")
def test_embedding(xp, calculus, check):
    """A row of an embedding gets the sum of its uses; the padding row gets none."""
    index = xp.tensor([0, 1, 1])
    check.equal(gradient(calculus, lambda F, w: F.embedding(index, w), [[1.0], [2.0]]), [[1.0], [2.0]])
    check.equal(gradient(calculus, lambda F, w: F.embedding(index, w, padding_idx=0), [[1.0], [2.0]]), [[0.0], [2.0]])


def zeros(x):
    return x.detach() * 0


LOSSES = {
    "l1": (lambda F, x: F.l1_loss(x, zeros(x), reduction="sum"), [0.0, 2.0], [0.0, 1.0]),
    "smooth_l1": (
        lambda F, x: F.smooth_l1_loss(x, zeros(x), reduction="sum"),
        [0.0, 1.0, -1.0],
        [0.0, 1.0, -1.0],
    ),
    "smooth_l1_beta_0": (lambda F, x: F.smooth_l1_loss(x, zeros(x), beta=0.0), [0.0], [0.0]),
    "huber": (lambda F, x: F.huber_loss(x, zeros(x), reduction="sum"), [0.0, 1.0, -1.0], [0.0, 1.0, -1.0]),
    "hinge": (lambda F, x: F.hinge_embedding_loss(x, zeros(x) - 1), [1.0], [-1.0]),
    "margin": (lambda F, x: F.margin_ranking_loss(x, zeros(x), zeros(x) + 1), [0.0], [-1.0]),
    "pairwise_distance": (lambda F, x: F.pairwise_distance(x, zeros(x)), [[0.0, 0.0]], [[0.5**0.5, 0.5**0.5]]),
    "cosine": (lambda F, x: F.cosine_similarity(x, zeros(x) + 1), [[0.0, 0.0]], [[1e8 * 0.5**0.5, 1e8 * 0.5**0.5]]),
    "normalize": (lambda F, x: F.normalize(x, dim=0), [0.0, 0.0], [1e12, 1e12]),
}


@behaviour("SG-26", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), LOSSES.values(), ids=LOSSES)
def test_loss(calculus, check, fn, x, expected):
    """A loss has gradient 0 where prediction and target are equal, and its outer slope where its pieces meet."""
    check.close(gradient(calculus, fn, x), expected)


POOLS = {
    "max_pool1d": (lambda F, x: F.max_pool1d(x, 2), [[[1.0, 1.0, 2.0, 2.0]]], [[[1.0, 0.0, 1.0, 0.0]]]),
    "adaptive": (lambda F, x: F.adaptive_max_pool1d(x, 1), [[[3.0, 3.0]]], [[[1.0, 0.0]]]),
    "max_pool2d": (lambda F, x: F.max_pool2d(x, 2), [[[[5.0, 5.0], [5.0, 5.0]]]], [[[[1.0, 0.0], [0.0, 0.0]]]]),
    "avg_pool1d": (lambda F, x: F.avg_pool1d(x, 2), [[[3.0, 3.0]]], [[[0.5, 0.5]]]),
}


@behaviour("SG-30", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), POOLS.values(), ids=POOLS)
def test_pool(calculus, check, fn, x, expected):
    """Of equal maxima in a window the first gets the gradient."""
    check.equal(gradient(calculus, fn, x), expected)


STEEP = 158.11388300841895  # half of the root of 1 / eps, eps = 1e-5
NORMALIZED = {
    "layer_norm": (lambda F, x: F.layer_norm(x, (2,)), [3.0, 3.0], [1.0, 2.0], [-STEEP, STEEP]),
    "batch_norm": (
        lambda F, x: F.batch_norm(x, None, None, training=True),
        [[1.0], [1.0]],
        [[1.0], [2.0]],
        [[-STEEP], [STEEP]],
    ),
}


@behaviour("SG-36", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "cotangent", "expected"), NORMALIZED.values(), ids=NORMALIZED)
def test_normalized_constant(calculus, check, fn, x, cotangent, expected):
    """Normalizing a constant divides by the root of eps alone, and so does the gradient."""
    check.close(gradient(calculus, fn, x, cotangent), expected)


ENTROPIES = {
    "binary_cross_entropy": (lambda F, x: F.binary_cross_entropy(x, zeros(x) + 1), [0.0], [-1e12]),
    "right_and_sure": (lambda F, x: F.binary_cross_entropy(x, x.detach()), [0.0, 1.0], [0.0, 0.0]),
    "kl_div": (lambda F, x: F.kl_div(x.log(), zeros(x), reduction="sum"), [0.5], [0.0]),
}


@behaviour("SG-19", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), ENTROPIES.values(), ids=ENTROPIES)
def test_entropy(calculus, check, fn, x, expected):
    """A cross entropy of 0 against 1 is steep but finite; where target and input agree its gradient is 0."""
    check.close(gradient(calculus, fn, x), expected, rtol=1e-6)
