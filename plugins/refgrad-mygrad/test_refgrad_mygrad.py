"""MyGrad's adapter: its tape as it is, without what it lacks."""

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus, facade
from refgrad.harness.backend import capabilities, profiles

pytest.importorskip("mygrad")


@pytest.fixture
def backend():
    """MyGrad."""
    return registry.load("refgrad_mygrad:MyGrad")


@pytest.fixture
def xp(backend):
    """MyGrad in PyTorch's words."""
    return facade(backend)


def test_profiles(backend):
    """MyGrad is a tape without derivatives of derivatives."""
    assert profiles(backend) == {"core", "tape"}
    assert not {"retain_graph", "create_graph", "autograd.grad", "hooks"} & capabilities(backend)


def test_gradient(backend):
    """A product's gradients are right."""
    _, grads = calculus(backend).vjp(
        lambda xp, x, y: x * y, (np.array([1.0, 2.0]), np.array([3.0, 4.0])), np.array([1.0, -1.0])
    )
    np.testing.assert_allclose(grads, [[3.0, -4.0], [1.0, -2.0]])


def test_tape(xp):
    """A leaf goes backward, its gradient can be nulled, and flags are MyGrad's own in PyTorch's words."""
    x, c = xp.tensor([2.0], requires_grad=True), xp.tensor([3.0])
    y = x**2 * c
    assert (x.requires_grad, c.requires_grad, y.requires_grad) == (True, False, True)
    assert (x.is_leaf, (c * 2).is_leaf, y.is_leaf) == (True, True, False)
    y.backward()
    assert x.grad.item() == 12.0
    assert not x.grad.requires_grad
    x.grad = None
    assert x.grad is None


def test_inplace(xp):
    """In-place ops are MyGrad's, recorded."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.exp_()
    y[0] = 5.0
    y *= 2
    y.neg_()
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [-10.0, -2 * np.exp(2)], rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), [0.0, -2 * np.exp(2)], rtol=1e-6)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.sum().backward(retain_graph=True),
        lambda x: x.sum().backward(create_graph=True),
        lambda x: setattr(x, "grad", x),
        lambda x: x.floor(),
        lambda x: x.requires_grad_(False),
    ],
    ids=["retain_graph", "create_graph", "set_grad", "floor", "requires_grad_"],
)
def test_what_mygrad_lacks(xp, use):
    """What MyGrad lacks is unsupported, not imitated."""
    with pytest.raises(Unsupported):
        use(xp.tensor([1.0, 2.0], requires_grad=True))
