"""PaddlePaddle's adapter: its tape in PyTorch's words."""

import numpy as np
import pytest

from refgrad.errors import BackendCrashed, Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus, facade
from refgrad.harness.backend import capabilities, profiles
from refgrad.harness.outcomes import lacks

pytest.importorskip("paddle")

X = np.array([0.5, 1.0])


@pytest.fixture(params=["refgrad_paddle:Paddle", "refgrad_paddle:Worker"])
def backend(request):
    """PaddlePaddle, in this process and in another."""
    backend = registry.load(request.param)
    yield backend
    getattr(backend, "close", lambda: None)()


@pytest.fixture
def xp(backend):
    """PaddlePaddle in PyTorch's words."""
    return facade(backend)


def test_profiles(backend):
    """PaddlePaddle has a tape and higher derivatives, but no forward mode, and no ``create_graph`` in ``backward``."""
    assert profiles(backend) == {"core", "tape", "higher"}
    assert {"autograd.grad", "hooks", "inplace", "is_leaf", "no_grad", "retain_graph"} <= capabilities(backend)
    assert "create_graph" not in capabilities(backend)


def test_gradients(backend):
    """Several primals get their gradients in double precision, weighted with the cotangent."""
    value, grads = calculus(backend).vjp(lambda xp, x, y: x * y, (X, 2 * X), np.array([1.0, -1.0]))
    assert value.dtype == np.float64
    np.testing.assert_allclose(grads, [[1.0, -2.0], [0.5, -1.0]])


@pytest.mark.parametrize(("order", "expected"), [(1, np.cos(X)), (2, -np.sin(X)), (3, -np.cos(X))])
def test_orders(backend, order, expected):
    """Derivatives nest, by ``paddle.grad``."""
    np.testing.assert_allclose(calculus(backend).grad(lambda xp, x: xp.sin(x), X, order=order), expected)


def test_tape(xp):
    """``stop_gradient`` is ``requires_grad`` upside down, and gradients accumulate."""
    x, c = xp.tensor([2.0], requires_grad=True), xp.tensor([3.0])
    y = x**2 * c
    assert (x.requires_grad, c.requires_grad, y.requires_grad) == (True, False, True)
    assert (x.is_leaf, y.is_leaf) == (True, False)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24.0
    x.grad = None
    assert x.grad is None
    with xp.no_grad():
        assert not (x * 2).requires_grad


def test_inplace(xp):
    """In-place ops are PaddlePaddle's, with numbers as tensors, and recorded."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.add_(1.0)
    y *= 2
    y[0] = 5.0
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), [5.0, 6.0])
    np.testing.assert_allclose(x.grad.numpy(), [0.0, 2.0])


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda xp, x: xp.sum(x, dim=1, keepdim=True), [[3.0], [7.0]]),
        (lambda xp, x: xp.max(x, dim=0).indices, [1, 1]),
        (lambda xp, x: x.transpose(0, 1).reshape(4), [1.0, 3.0, 2.0, 4.0]),
        (lambda xp, x: xp.gather(x, 1, xp.tensor([[1], [0]])), [[2.0], [3.0]]),
        (lambda xp, x: xp.nn.functional.avg_pool1d(x[None], 2, count_include_pad=False), [[[1.5], [3.5]]]),
        (lambda xp, x: xp.var(x, correction=0), 1.25),
    ],
    ids=["dim", "max", "transpose", "gather", "pool", "var"],
)
def test_spelling(xp, call, value):
    """An op is called with PyTorch's parameters."""
    np.testing.assert_allclose(call(xp, xp.tensor([[1.0, 2.0], [3.0, 4.0]])).numpy(), value)


def test_what_it_lacks(xp, backend, tmp_path):
    """A parameter that an op does not have is unsupported, and so is what PaddlePaddle says it has no kernel for."""
    x = xp.tensor([[[1.0, 2.0]]], requires_grad=True)
    with pytest.raises(Unsupported, match="dilation"):
        xp.nn.functional.max_pool1d(x, 2, dilation=2)
    with pytest.raises(RuntimeError) as caught:
        xp.fft.fft(xp.tensor([1, 2])).cos().logsumexp(0)
    assert "is not registered" in lacks(caught.value, backend, tmp_path)


def test_worker():
    """What ends PaddlePaddle's process ends a worker, and the next question has another one."""
    backend = registry.load("refgrad_paddle:Worker")
    with pytest.raises(BackendCrashed):
        calculus(backend).vjp(lambda xp, x: xp.linalg.qr(x)[0], (np.eye(2),))
    np.testing.assert_allclose(calculus(backend).value(lambda xp, x: x + x, X), 2 * X)
    backend.close()
