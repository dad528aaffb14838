"""The base of eager libraries: derivatives by ``backward``, or by a ``grad`` that can be recorded."""

import numpy as np
import pytest

import refgrad as torch
from refgrad.harness.adapters import TapeBackend, calculus
from refgrad.harness.backend import profiles

X = np.array([0.5, 1.0])


class ByBackward(TapeBackend):
    """What every tape has."""

    name, version, homepage = "tape", "1.0", "https://example.org"

    def asarray(self, array):
        return torch.tensor(array)

    def to_numpy(self, value):
        return value.detach().numpy().copy()

    def ops(self):
        return {"sin": torch.sin, "sum": torch.sum}

    def leaf(self, array, requires_grad=True):
        return torch.tensor(array, requires_grad=requires_grad)

    def backward(self, tensor, gradient=None):
        tensor.backward(gradient)

    def grad_of(self, tensor):
        return tensor.grad

    def requires_grad(self, tensor):
        return tensor.requires_grad


class ByGrad(ByBackward):
    """A tape with a function that gives gradients, and records them if asked to."""

    def grad(self, outputs, inputs, grad_outputs=None, *, create_graph=False, allow_unused=False):
        return torch.autograd.grad(outputs, inputs, grad_outputs, create_graph=create_graph, allow_unused=allow_unused)


@pytest.mark.parametrize("backend", [ByBackward(), ByGrad()], ids=["backward", "grad"])
def test_vjp(backend):
    """Both weight with the cotangent, take None for ones, and have no gradient for what was not used."""
    for cotangent in (np.array([1.0, -2.0]), None):
        value, (grad, unused) = calculus(backend).vjp(lambda xp, x, y: xp.sin(x), (X, X), cotangent)
        np.testing.assert_allclose(value, np.sin(X))
        np.testing.assert_allclose(grad, np.cos(X) * (1 if cotangent is None else cotangent))
        assert unused is None


def test_higher():
    """Derivatives of derivatives are there where ``grad`` takes ``create_graph``."""
    assert profiles(ByBackward()) == {"core", "tape"}
    assert profiles(ByGrad()) == {"core", "tape", "higher"}


@pytest.mark.parametrize(("order", "expected"), [(1, np.cos(X)), (2, -np.sin(X)), (3, -np.cos(X))])
def test_orders(order, expected):
    """A ``vjp`` inside another is recorded."""
    np.testing.assert_allclose(calculus(ByGrad()).grad(lambda xp, x: xp.sin(x), X, order=order), expected)


def test_second():
    """The gradients of a weighted gradient reach every primal, also where a first one is constant."""
    weight, directions = np.array([1.0, 2.0]), (X, np.ones(2))
    found = calculus(ByGrad()).second(lambda xp, x, y: x * y, (X, 2 * X), weight, directions)
    np.testing.assert_allclose(found, [weight * directions[1], weight * directions[0]])


def test_constant():
    """An output that does not depend on the inputs has no gradients."""
    value, grads = calculus(ByGrad()).vjp(lambda xp, x: xp.tensor([3.0]), (X,))
    assert value.item() == 3.0
    assert grads == (None,)
