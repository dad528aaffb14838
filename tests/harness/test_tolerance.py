"""Tolerances, against torch.testing's own."""

import numpy as np
import pytest

from refgrad.harness.tolerance import BY_DTYPE, EXACT, Tolerance, tolerance_for


@pytest.mark.parametrize("name", BY_DTYPE)
def test_same_as_torch(name):
    """Each dtype's tolerance is the one that torch.testing.assert_close takes by default."""
    torch = pytest.importorskip("torch")
    near = torch.ones((), dtype=getattr(torch, name))
    with pytest.raises(AssertionError) as caught:
        torch.testing.assert_close(near, near * 2)
    found = BY_DTYPE[name]
    assert f"up to {found.atol} allowed" in str(caught.value)
    assert f"up to {found.rtol} allowed" in str(caught.value)


def test_loosest_of_two():
    """Where two dtypes meet, the looser tolerance holds."""
    assert tolerance_for(np.dtype("float64"), np.dtype("float32")) == BY_DTYPE["float32"]


@pytest.mark.parametrize("name", ["int64", "uint8", "bool"])
def test_integers_are_exact(name):
    """Integers and bools compare exactly."""
    assert tolerance_for(np.dtype(name)) == EXACT


def test_given_values_win():
    """A given rtol or atol replaces the dtype's, each by itself."""
    assert tolerance_for(np.dtype("float32"), rtol=0.5) == Tolerance(0.5, 1e-5)
    assert tolerance_for(np.dtype("float32"), atol=0.5) == Tolerance(1.3e-6, 0.5)


def test_bound_grows_with_the_expected():
    """The bound is atol + rtol * abs(expected), element by element."""
    assert Tolerance(0.1, 1.0).bound(np.array([0.0, -10.0])).tolist() == [1.0, 2.0]
