"""PyTorch's adapter."""

import numpy as np
import pytest

from refgrad.errors import BackendUnavailable, InvalidBackend
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def default_device():
    """PyTorch's default device is put back."""
    yield
    torch.set_default_device(None)


def test_profiles():
    """PyTorch has every profile, on the CPU unless told otherwise."""
    backend = registry.load("refgrad_torch:Torch")
    assert profiles(backend) == {"core", "forward", "higher", "tape", "namespace"}
    assert backend.device == "cpu"


def test_gradient():
    """The gradient is PyTorch's."""
    ask = calculus(registry.load("refgrad_torch:Torch:device=cpu"))
    np.testing.assert_allclose(ask.grad(lambda xp, x: xp.sin(x) ** 2, np.array([0.5, 1.0])), np.sin([1.0, 2.0]))


@pytest.mark.parametrize(("device", "error"), [("cuda:99", BackendUnavailable), ("gpu", InvalidBackend)])
def test_device_that_is_not_here(device, error):
    """A device that is not here, or is none, is one line that names it."""
    with pytest.raises(error, match=device):
        registry.load(f"refgrad_torch:Torch:device={device}")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_accelerator(device):
    """On an accelerator values live there, and come back to NumPy."""
    if not getattr(torch, device if device == "cuda" else "mps").is_available():
        pytest.skip(f"no {device} here")
    backend = registry.load(f"refgrad_torch:Torch:device={device}")
    x = backend.asarray(np.ones(2, np.float32))
    assert x.device.type == device
    np.testing.assert_array_equal(backend.to_numpy(x), [1.0, 1.0])
