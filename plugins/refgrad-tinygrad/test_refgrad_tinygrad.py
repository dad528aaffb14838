"""tinygrad's adapter."""

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

pytest.importorskip("refgrad_tinygrad")  # which chooses the device, before tinygrad is imported

X = np.array([0.5, 2.0])


@pytest.fixture
def backend():
    """tinygrad."""
    return registry.load("refgrad_tinygrad:Tinygrad")


def test_profiles(backend):
    """tinygrad's gradients nest; it has no forward mode."""
    assert profiles(backend) == {"core", "higher"}


def test_gradients(backend):
    """Several primals get their gradients in double precision, weighted with the cotangent."""
    value, grads = calculus(backend).vjp(lambda xp, x, y: x * y, (X, 2 * X), np.array([1.0, -1.0]))
    assert value.dtype == np.float64
    np.testing.assert_allclose(grads, [[1.0, -4.0], [0.5, -2.0]])


def test_second_derivative(backend):
    """Derivatives nest."""
    np.testing.assert_allclose(calculus(backend).grad(lambda xp, x: x * x * x, X, order=2), 6 * X)


def test_a_scalar_is_no_constant(backend):
    """A scalar primal is not taken for the constants that are equal to it."""
    assert calculus(backend).grad(lambda xp, x: x * xp.tensor(2.0, dtype=xp.float64), np.array(2.0)) == 2.0


def test_other_keywords(backend):
    """PyTorch's keywords reach tinygrad's methods under tinygrad's names; what these do not take is unsupported."""
    np.testing.assert_allclose(calculus(backend).value(lambda xp, x: xp.sum(x, dim=0, keepdim=True), X), [2.5])
    with pytest.raises(Unsupported):
        calculus(backend).value(lambda xp, x: xp.cumsum(x, dim=0, dtype=xp.float64), X)


@pytest.mark.parametrize(
    "fn",
    [
        lambda xp, x: xp.sort(xp.sum(x))[0],
        lambda xp, x: xp.diag(xp.stack([x, x])),
        lambda xp, x: xp.logsumexp(xp.stack([x, x]), dim=(0, 1)),
    ],
    ids=["a number has no order", "diag of a matrix", "logsumexp along two"],
)
def test_takes_less(backend, fn):
    """What PyTorch's function takes and tinygrad's method does not is unsupported, and no failure."""
    with pytest.raises(Unsupported):
        calculus(backend).value(fn, X)


def test_several_outputs(backend):
    """Outputs are computed at once, and stay PyTorch's pair of values and indices."""
    values, indices = calculus(backend).value(lambda xp, x: xp.max(x, dim=0), X)
    assert (values, indices) == (2.0, 1)


def test_single_precision(backend):
    """Ones for a missing cotangent have the dtype of the output."""
    value, (grad,) = calculus(backend).vjp(lambda xp, x: x * x, (X.astype(np.float32),))
    assert (value.dtype, grad.dtype) == (np.float32, np.float32)
