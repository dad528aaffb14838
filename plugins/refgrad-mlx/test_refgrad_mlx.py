"""MLX's adapter: in single precision, and in a process of its own."""

import numpy as np
import pytest

from refgrad.errors import BackendCrashed, Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

pytest.importorskip("mlx.core")

X = np.array([0.5, 1.0])


@pytest.fixture(params=["refgrad_mlx:MLX", "refgrad_mlx:Worker"])
def backend(request):
    """MLX, in this process and in another."""
    backend = registry.load(request.param)
    yield backend
    getattr(backend, "close", lambda: None)()


def test_profiles(backend):
    """MLX has forward mode and higher derivatives, and no tape."""
    assert profiles(backend) == {"core", "forward", "higher"}


def test_single_precision(backend):
    """What goes in and what comes out is in single precision, in which MLX computes."""
    value, (grad,) = calculus(backend).vjp(lambda xp, x: xp.exp(x), (X,), np.array([1.0, -1.0]))
    assert (value.dtype, grad.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(grad, np.exp(X) * [1.0, -1.0], rtol=1e-6)


def test_double_precision_is_none():
    """The reason: in MLX's float64 exp is as good as in float32, and no better."""
    import mlx.core as mx

    error = abs(np.array(mx.exp(mx.array(X, mx.float64), stream=mx.cpu)) - np.exp(X))
    assert 1e-10 < error.max() < 1e-6


def test_no_derivative(backend):
    """A derivative that MLX has not is unsupported."""
    with pytest.raises(Unsupported, match="Cholesky"):
        calculus(backend).vjp(lambda xp, x: xp.linalg.cholesky(x), (np.eye(2),), np.eye(2))


def test_the_end_of_a_process():
    """What ends MLX's process is a crash, and the next question is answered."""
    backend = registry.load("refgrad_mlx:Worker")
    with pytest.raises(BackendCrashed):
        calculus(backend).value(lambda xp, x: xp.linalg.inv(x), np.zeros((0, 0)))
    np.testing.assert_allclose(calculus(backend).value(lambda xp, x: x + x, X), 2 * X)
    backend.close()


def test_reductions_of_nothing(backend):
    """An empty matrix is MLX's own, so that its reductions are set."""
    empty = np.zeros((0, 3), np.float32)
    assert calculus(backend).value(lambda xp, x: xp.prod(x), empty) == 1
