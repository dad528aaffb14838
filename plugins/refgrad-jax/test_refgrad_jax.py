"""JAX's adapter."""

import os

import numpy as np
import pytest

from refgrad.errors import NotApplicable
from refgrad.harness import registry
from refgrad.harness.adapters import calculus, facade
from refgrad.harness.backend import profiles

pytest.importorskip("jax")

X = np.array([0.5, 1.0])


@pytest.fixture(params=["refgrad_jax:JAX", "refgrad_jax:JAX:jit=1"])
def backend(request):
    """JAX, op by op and compiled."""
    return registry.load(request.param)


def test_profiles(backend):
    """JAX has forward mode and higher derivatives, and no tape."""
    assert profiles(backend) == {"core", "forward", "higher"}
    with pytest.raises(NotApplicable):
        facade(backend)


def test_gradients(backend):
    """Several primals get their gradients in double precision, weighted with the cotangent."""
    value, grads = calculus(backend).vjp(lambda xp, x, y: x * y, (X, 2 * X), np.array([1.0, -1.0]))
    assert value.dtype == np.float64
    np.testing.assert_allclose(grads, [[1.0, -2.0], [0.5, -1.0]])


@pytest.mark.parametrize(("order", "expected"), [(1, np.cos(X)), (2, -np.sin(X)), (3, -np.cos(X))])
def test_orders(backend, order, expected):
    """Derivatives nest."""
    np.testing.assert_allclose(calculus(backend).grad(lambda xp, x: xp.sin(x), X, order=order), expected)


def test_quick(monkeypatch):
    """XLA is asked for its quicker emitter, where it has one, but not by quick=0, nor over the user's own flags."""
    refgrad_jax = pytest.importorskip("refgrad_jax")
    monkeypatch.setenv("XLA_FLAGS", "--mine")
    registry.load("refgrad_jax:JAX")
    assert os.environ["XLA_FLAGS"] == "--mine"
    monkeypatch.delenv("XLA_FLAGS")
    registry.load("refgrad_jax:JAX:quick=0")
    assert "XLA_FLAGS" not in os.environ
    registry.load("refgrad_jax:JAX")
    assert os.environ.get("XLA_FLAGS") == (refgrad_jax.QUICK if refgrad_jax.TAKES_IT else None)


def test_complex(backend):
    """The gradient of a complex number is PyTorch's, the conjugate of JAX's."""
    z = np.array([1.0 + 2.0j])
    _, (grad,) = calculus(backend).vjp(lambda xp, z: z * z, (z,), np.ones(1, complex))
    np.testing.assert_allclose(grad, 2 * np.conj(z))
