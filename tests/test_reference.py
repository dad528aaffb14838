"""The engine as a backend."""

import numpy as np

from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles
from refgrad.reference import Reference


def test_found_without_being_installed():
    """The reference is a backend by name, made as a stranger's would be."""
    assert isinstance(registry.load("refgrad"), Reference)


def test_speaks_torch():
    """The reference is a namespace backend with a tape and higher derivatives."""
    assert {"core", "higher", "tape", "namespace"} <= profiles(Reference())


def test_answers():
    """The reference answers the harness's questions."""
    value, (grad,) = calculus(Reference()).vjp(lambda xp, x: (x**2).sum(), (np.array([1.0, 2.0]),))
    np.testing.assert_allclose(value, 5.0)
    np.testing.assert_allclose(grad, [2.0, 4.0])
