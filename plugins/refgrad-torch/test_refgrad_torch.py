"""PyTorch's adapter, in each of PyTorch's ways."""

import numpy as np
import pytest

from refgrad.errors import BackendUnavailable, InvalidBackend, Unsupported
from refgrad.harness import registry, session
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

torch = pytest.importorskip("torch")

X = np.array([0.5, 1.0])
WAYS = ["device=cpu", "func=1", "compile=aot_eager"]


@pytest.fixture(autouse=True)
def default_device():
    """PyTorch's default device is put back."""
    yield
    torch.set_default_device(None)


def load(options):
    return registry.load(f"refgrad_torch:backend:{options}")


def test_profiles():
    """PyTorch has every profile, on the CPU unless told otherwise; without its tape it is a functional library."""
    backend = registry.load("refgrad_torch:backend")
    assert profiles(backend) == {"core", "forward", "higher", "tape", "namespace"}
    assert backend.device == "cpu"
    assert profiles(load("func=1")) == profiles(load("compile=eager")) == {"core", "forward", "higher"}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # by torch's forward mode
@pytest.mark.parametrize("way", WAYS)
def test_derivatives(way):
    """Value, gradient, tangent and second derivative are PyTorch's, whichever way they are asked for."""
    ask = calculus(load(way))
    np.testing.assert_allclose(ask.value(lambda xp, x: xp.sin(x), X), np.sin(X))
    np.testing.assert_allclose(ask.grad(lambda xp, x: xp.sin(x) ** 2, X), np.sin(2 * X))
    np.testing.assert_allclose(ask.jvp(lambda xp, x: xp.sin(x), (X,), (2 * X,))[1], 2 * X * np.cos(X))
    np.testing.assert_allclose(ask.grad(lambda xp, x: xp.sin(x), X, order=2), -np.sin(X))


@pytest.mark.parametrize("way", WAYS)
def test_unused(way):
    """An output that does not depend on an input has no gradient by it, or zeros."""
    _, (grad,) = calculus(load(way)).vjp(lambda xp, x: xp.ones(2), (X,))
    assert grad is None or not grad.any()


def test_what_cannot_be_compiled():
    """A branch that depends on values breaks the graph, and nothing passes uncompiled."""
    with pytest.raises(Unsupported, match=r"torch\.compile: Data-dependent branching"):
        calculus(load("compile=eager")).value(lambda xp, x: x if x[0] > 0 else -x, X)


@pytest.mark.parametrize("way", WAYS)
def test_release(way):
    """Each way is asked for the behaviour of the PyTorch that it is."""
    assert session.release(load(way), None) == torch.__version__


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ("device=cuda:99", BackendUnavailable, "cuda:99"),
        ("device=gpu", InvalidBackend, "gpu"),
        ("compile=llvm", InvalidBackend, "compile='llvm' is none of no, eager, aot_eager, inductor"),
        ("func=1,compile=eager", InvalidBackend, "ask for one of them"),
    ],
)
def test_one_line_for_each_mistake(options, error, text):
    """A device that is not here, or a way that is none, is one line that names it."""
    with pytest.raises(error, match=text):
        load(options)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_accelerator(device):
    """On an accelerator values live there, and come back to NumPy."""
    if not getattr(torch, device if device == "cuda" else "mps").is_available():
        pytest.skip(f"no {device} here")
    backend = load(f"device={device}")
    x = backend.asarray(np.ones(2, np.float32))
    assert x.device.type == device
    np.testing.assert_array_equal(backend.to_numpy(x), [1.0, 1.0])
