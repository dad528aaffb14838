"""Flatten and Unflatten, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, through


def values(xp):
    return xp.arange(24.0).reshape(2, 3, 4).requires_grad_()


@pytest.mark.parametrize("dims", [(), (0,), (0, 1), (-2, -1)], ids=str)
def test_flatten(dims):
    """Dimensions are made one as PyTorch makes them, by default all but the first."""
    agree(through(lambda xp: xp.nn.Flatten(*dims), values))


def test_unflatten():
    """A dimension is made several, and Flatten undoes it."""
    agree(through(lambda xp: xp.nn.Sequential(xp.nn.Unflatten(2, (2, 2)), xp.nn.Flatten(2)), values))


@pytest.mark.parametrize("size", [3, "ab", (2, 2.0)], ids=str)
def test_sizes_that_are_none(size):
    """Unflatten refuses sizes that are no tuple of ints."""
    refuse(lambda xp: xp.nn.Unflatten(1, size))
