"""Derivatives of reductions: sums, means, products, extrema without ties, variance, softmax."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

MATHS = "mathematics"
X = np.array([[0.3, -1.2, 2.1], [1.7, -0.4, -2.5]])
POSITIVE = np.array([[0.3, 1.2, 2.1], [1.7, 0.4, 2.5]])
BLOCK = np.arange(24.0).reshape(2, 3, 4) / 7 - 1.5


def _softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


WHOLE = {
    "sum": (lambda xp, x: x.sum(), X, lambda x: np.ones_like(x)),
    "mean": (lambda xp, x: x.mean(), X, lambda x: np.full_like(x, 1 / x.size)),
    "prod": (lambda xp, x: x.prod(), X, lambda x: x.prod() / x),
    "max": (lambda xp, x: x.max(), X, lambda x: x == x.max()),
    "min": (lambda xp, x: x.min(), X, lambda x: x == x.min()),
    "amax": (lambda xp, x: xp.amax(x), X, lambda x: x == x.max()),
    "var": (lambda xp, x: x.var(), X, lambda x: 2 * (x - x.mean()) / (x.size - 1)),
    "std": (lambda xp, x: x.std(), X, lambda x: (x - x.mean()) / ((x.size - 1) * x.std(ddof=1))),
    "norm": (lambda xp, x: x.norm(), X, lambda x: x / np.sqrt((x * x).sum())),
}


@behaviour("DER-06", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "x", "derivative"), WHOLE.values(), ids=WHOLE)
def test_whole(calculus, check, fn, x, derivative):
    """A reduction to a scalar spreads its cotangent over all elements by its derivative."""
    value, (grad,) = calculus.vjp(fn, (x,), np.array(-1.75))
    assert value.shape == ()
    check.close(grad, -1.75 * derivative(x))


DIMS = {
    "sum": (lambda xp, x: x.sum(dim=1), lambda x: x.sum(1), lambda x, g: np.ones_like(x) * g[:, None]),
    "sum_negative": (lambda xp, x: x.sum(dim=-2), lambda x: x.sum(0), lambda x, g: np.ones_like(x) * g),
    "sum_keepdim": (
        lambda xp, x: x.sum(dim=1, keepdim=True),
        lambda x: x.sum(1, keepdims=True),
        lambda x, g: np.ones_like(x) * g,
    ),
    "mean": (lambda xp, x: x.mean(dim=0), lambda x: x.mean(0), lambda x, g: np.ones_like(x) * g / 2),
    "prod": (lambda xp, x: x.prod(dim=1), lambda x: x.prod(1), lambda x, g: (g * x.prod(1))[:, None] / x),
    "amax": (
        lambda xp, x: xp.amax(x, dim=1),
        lambda x: x.max(1),
        lambda x, g: (x == x.max(1, keepdims=True)) * g[:, None],
    ),
    "amin": (lambda xp, x: xp.amin(x, dim=0), lambda x: x.min(0), lambda x, g: (x == x.min(0)) * g),
    "logsumexp": (
        lambda xp, x: xp.logsumexp(x, dim=1),
        lambda x: np.log(np.exp(x).sum(1)),
        lambda x, g: _softmax(x, 1) * g[:, None],
    ),
    "var_population": (
        lambda xp, x: x.var(dim=1, correction=0),
        lambda x: x.var(1),
        lambda x, g: 2 * (x - x.mean(1, keepdims=True)) / 3 * g[:, None],
    ),
    "cumsum": (lambda xp, x: xp.cumsum(x, dim=1), lambda x: x.cumsum(1), lambda x, g: g[:, ::-1].cumsum(1)[:, ::-1]),
}


@behaviour("BC-19", source="torch 2.13.0; mathematics", profile="core")
@pytest.mark.parametrize(("fn", "forward", "backward"), DIMS.values(), ids=DIMS)
def test_along_a_dimension(calculus, check, fn, forward, backward):
    """A reduction along a dimension sends each result's cotangent back to the elements that it was made of."""
    expected = forward(X)
    g = np.random.default_rng(2).normal(size=expected.shape)
    value, (grad,) = calculus.vjp(fn, (X,), g)
    check.close(value, expected)
    check.close(grad, backward(X, g))


@behaviour("BC-26", source="torch 2.13.0", profile="core")
def test_several_dimensions(calculus, check):
    """sum over several dimensions, some of them negative, gives back the input's shape."""
    value, (grad,) = calculus.vjp(lambda xp, x: x.sum((0, -1)), (BLOCK,), np.array([1.0, 2.0, 3.0]))
    check.close(value, BLOCK.sum((0, 2)))
    check.equal(grad, np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None], (2, 3, 4)))


PRODUCTS = {
    "no_zero": ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
    "one_zero": ([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    "two_zeros": ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "single": ([0.0], [1.0]),
}


@behaviour("SG-17", source="torch 2.13.0; mathematics", profile="core")
@pytest.mark.parametrize(("x", "expected"), PRODUCTS.values(), ids=PRODUCTS)
def test_prod_with_zeros(calculus, check, x, expected):
    """The gradient of a product with zeros among its factors is exact, not 0 / 0."""
    check.close(calculus.vjp(lambda xp, x: x.prod(), (np.array(x),))[1][0], np.array(expected))


@behaviour("DER-11", source=MATHS, profile="core")
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("dim", [0, 1])
def test_of_a_square(calculus, check, name, dim):
    """Where both dimensions have the same size, the gradient still goes along the one that was reduced."""
    cotangent = np.array([1.0, -2.0, 0.5])
    _, (grad,) = calculus.vjp(lambda xp, x: getattr(x, name)(dim=dim), (BLOCK[0, :, :3],), cotangent)
    check.close(grad, np.expand_dims(cotangent, dim) * np.ones((3, 3)) / (3 if name == "mean" else 1))


@behaviour("DER-07", source=MATHS, profile="core")
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax(calculus, check, dim):
    """The softmax's gradient is s (g - sum(g s)) along its dimension."""
    g = np.random.default_rng(3).normal(size=X.shape)
    s = _softmax(X, dim)
    value, (grad,) = calculus.vjp(lambda xp, x: xp.softmax(x, dim=dim), (X,), g)
    check.close(value, s)
    check.close(grad, s * (g - (g * s).sum(dim, keepdims=True)))


@behaviour("DER-08", source=MATHS, profile="core")
@pytest.mark.parametrize("dim", [0, 1])
def test_log_softmax(calculus, check, dim):
    """The log_softmax's gradient is g - softmax sum(g) along its dimension."""
    g = np.random.default_rng(4).normal(size=X.shape)
    s = _softmax(X, dim)
    value, (grad,) = calculus.vjp(lambda xp, x: xp.log_softmax(x, dim=dim), (X,), g)
    check.close(value, np.log(s))
    check.close(grad, g - s * g.sum(dim, keepdims=True))


@behaviour("DER-09", source=MATHS, profile="core")
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_large_values(calculus, check, name):
    """softmax and its relatives subtract the maximum first: values of 1000 neither overflow nor lose the gradient."""
    x, g = np.array([[1000.0, 999.0, -1000.0]]), np.array([[1.0, -2.0, 0.5]])
    s = _softmax(x, 1)
    expected = {"softmax": s * (g - (g * s).sum()), "log_softmax": g - s * g.sum(), "logsumexp": s}[name]
    cotangent = np.array([1.0]) if name == "logsumexp" else g
    _, (grad,) = calculus.vjp(lambda xp, x: getattr(xp, name)(x, dim=1), (x,), cotangent)
    check.close(grad, expected)


@behaviour("BC-27", source="torch 2.13.0", profile="core")
@pytest.mark.parametrize(("name", "expected"), [("sum", 0.0), ("prod", 1.0)])
def test_empty(calculus, check, name, expected):
    """The sum of nothing is 0 and its product 1; the gradient is empty."""
    value, (grad,) = calculus.vjp(lambda xp, x: getattr(x, name)(), (np.ones((0, 2)),))
    check.equal(value, np.array(expected))
    check.equal(grad, np.ones((0, 2)))
