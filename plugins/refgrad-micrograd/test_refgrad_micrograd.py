"""micrograd's adapter."""

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

pytest.importorskip("micrograd")

X = np.array([0.5, -2.0])


@pytest.fixture
def backend():
    """micrograd."""
    return registry.load("refgrad_micrograd:Micrograd")


def test_profiles(backend):
    """micrograd has the least that a backend may have."""
    assert profiles(backend) == {"core"}


def test_gradients(backend):
    """Every element gets its gradient, weighted with the cotangent."""
    value, (grad,) = calculus(backend).vjp(lambda xp, x: xp.relu(x) * x, (X,), np.array([2.0, 1.0]))
    np.testing.assert_allclose(value, [0.25, 0.0])
    np.testing.assert_allclose(grad, [2.0, 0.0])


@pytest.mark.parametrize("lacking", [lambda xp, x: xp.exp(x), lambda xp, x: abs(x), lambda xp, x: x < 1.0])
def test_what_micrograd_lacks(backend, lacking):
    """What micrograd lacks is unsupported."""
    with pytest.raises(Unsupported):
        calculus(backend).value(lacking, X)


def test_single_precision(backend):
    """micrograd's numbers are Python's."""
    with pytest.raises(Unsupported, match="float32"):
        calculus(backend).value(lambda xp, x: x, X.astype(np.float32))
