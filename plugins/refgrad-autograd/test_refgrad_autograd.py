"""HIPS autograd's adapter."""

import numpy as np
import pytest

from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus, facade
from refgrad.harness.backend import profiles

pytest.importorskip("autograd")

X = np.array([0.5, 1.0])


@pytest.fixture
def backend():
    """HIPS autograd."""
    return registry.load("refgrad_autograd:Autograd")


def test_profiles(backend):
    """autograd has forward mode and higher derivatives, and no tape."""
    assert profiles(backend) == {"core", "forward", "higher"}
    with pytest.raises(NotApplicable):
        facade(backend)


def test_gradients(backend):
    """Several primals get their gradients, weighted with the cotangent."""
    _, grads = calculus(backend).vjp(lambda xp, x, y: x * y, (X, 2 * X), np.array([1.0, -1.0]))
    np.testing.assert_allclose(grads, [[1.0, -2.0], [0.5, -1.0]])


@pytest.mark.parametrize(("order", "expected"), [(1, np.cos(X)), (2, -np.sin(X)), (3, -np.cos(X))])
def test_orders(backend, order, expected):
    """Derivatives nest."""
    np.testing.assert_allclose(calculus(backend).grad(lambda xp, x: xp.sin(x), X, order=order), expected)


def test_hessian(backend):
    """The Hessian of x0^2 x1 is [[2 x1, 2 x0], [2 x0, 0]]."""
    found = calculus(backend).hessian(lambda xp, x: x[0] ** 2 * x[1], X)
    np.testing.assert_allclose(found, [[2.0, 1.0], [1.0, 0.0]])


def test_jvp(backend):
    """Forward mode carries a tangent."""
    value, tangent = calculus(backend).jvp(lambda xp, x, y: x * y, (X, X), (np.ones(2), np.zeros(2)))
    np.testing.assert_allclose((value, tangent), (X * X, X))


def test_a_rule_that_autograd_lacks(backend):
    """An op without a rule is unsupported, in autograd's words."""
    with pytest.raises(Unsupported, match="VJP of flip"):
        calculus(backend).vjp(lambda xp, x: xp.flip(x, (0,)), (X,))
