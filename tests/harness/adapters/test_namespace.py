"""The adapter of a library that speaks torch."""

import numpy as np
import pytest

from refgrad.errors import BackendUnavailable, InvalidBackend
from refgrad.harness import adapters
from refgrad.harness.adapters import NamespaceBackend
from refgrad.harness.backend import profiles

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def default_device():
    """PyTorch's default device is put back."""
    yield
    torch.set_default_device(None)


@pytest.fixture
def backend():
    """PyTorch."""
    return NamespaceBackend(torch)


def test_identity(backend):
    """Name and version come from the module."""
    assert (backend.name, backend.version) == ("torch", torch.__version__)


def test_profiles(backend):
    """PyTorch has every profile."""
    assert profiles(backend) == {"core", "forward", "higher", "tape", "namespace"}


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int64", "bool", "complex64", "complex128", "uint8"]
)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)], ids=str)
def test_round_trip(backend, dtype, shape):
    """An array comes back with its dtype, shape and values, as a copy."""
    array = np.ones(shape, dtype)
    back = backend.to_numpy(backend.asarray(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert not np.shares_memory(back, array)


def test_strides(backend):
    """An array with negative strides, read-only, is taken too."""
    array = np.arange(6.0).reshape(2, 3)[::-1, ::-1]
    array.flags.writeable = False
    np.testing.assert_array_equal(backend.to_numpy(backend.asarray(array)), array)


def test_to_numpy_takes_anything(backend):
    """Tensors that require grad, are conjugated lazily or are bfloat16, and Python's numbers, all become arrays."""
    x = torch.tensor([1 + 2j], requires_grad=True)
    np.testing.assert_array_equal(backend.to_numpy(x.conj()), [1 - 2j])
    np.testing.assert_array_equal(backend.to_numpy(torch.tensor([1.5], dtype=torch.bfloat16)), [1.5])
    np.testing.assert_array_equal(backend.to_numpy(2.5), 2.5)


def test_ops(backend):
    """The ops are the module's own."""
    assert backend.ops()["exp"] is torch.exp
    assert backend.ops()["nn.functional.softplus"] is torch.nn.functional.softplus


def test_tape(backend):
    """A leaf goes backward and has its gradient, which can be set."""
    x = backend.leaf(np.array([2.0]))
    backend.backward(x * x, torch.ones(1))
    np.testing.assert_array_equal(backend.grad_of(x), [4.0])
    backend.set_grad_of(x, None)
    assert backend.grad_of(x) is None


def test_unused_and_constant(backend):
    """A primal that was not used, and every primal of a constant, has no gradient."""
    x, y = torch.tensor(1.0), torch.tensor(2.0)
    assert backend.vjp(lambda a, b: a * 2, (x, y))[1][1] is None
    assert backend.vjp(lambda a: torch.tensor(3.0), (x,))[1] == (None,)


def test_device():
    """A device becomes the default device."""
    backend = NamespaceBackend(torch, device="cpu")
    assert backend.asarray(np.ones(1)).device.type == "cpu"


def test_a_device_that_is_none():
    """A device that PyTorch does not know is a mistake in the options."""
    with pytest.raises(InvalidBackend, match="'gpu' is no device"):
        NamespaceBackend(torch, device="gpu")


@pytest.mark.parametrize("device", ["cuda:99", "mps:9", "privateuseone"])
def test_a_device_that_is_not_here(device):
    """A device that this machine lacks is said in one line, with PyTorch's own words."""
    with pytest.raises(BackendUnavailable, match=f"no device '{device}' on this machine") as raised:
        NamespaceBackend(torch, device=device)
    assert "\n" not in str(raised.value)


class Bare:
    """A backend that is its namespace, and nothing else."""

    name, version, homepage, namespace = "bare", "1", "", torch


def test_a_namespace_is_enough():
    """A bare ``namespace`` attribute gives every functional question for free."""
    value, (grad,) = adapters.calculus(Bare()).vjp(lambda xp, x: xp.exp(x * 2), (np.array(0.0),))
    assert (value.item(), grad.item()) == (1.0, 2.0)
    assert adapters.to_numpy(Bare(), torch.ones(2)).tolist() == [1.0, 1.0]


def test_without_autograd_grad():
    """A look-alike without ``autograd.grad`` is differentiated by ``backward``."""

    class Old:
        __name__, Tensor, tensor, ones_like = (
            "old",
            torch.Tensor,
            staticmethod(torch.tensor),
            staticmethod(torch.ones_like),
        )

    backend = NamespaceBackend(Old())
    assert not backend.nested
    assert not hasattr(backend, "jvp")
    np.testing.assert_array_equal(backend.vjp(lambda x: x * x, (torch.tensor(3.0),))[1][0], 6.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own insides
def test_forward_by_dual_numbers():
    """A look-alike with ``forward_ad`` and without ``func`` has a forward mode."""

    class Duals:
        __name__, Tensor, tensor, autograd, zeros_like = (
            "duals",
            torch.Tensor,
            torch.tensor,
            torch.autograd,
            torch.zeros_like,
        )

    output, tangent = NamespaceBackend(Duals).jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
    assert (output.item(), tangent.item()) == (0.0, 2.0)
