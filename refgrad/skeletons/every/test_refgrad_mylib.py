"""mylib's adapter."""

import subprocess
import sys

import numpy as np

from refgrad.harness import registry
from refgrad.harness.adapters import calculus


def test_gradients():
    """Each input gets its own gradient, weighted with the cotangent."""
    ask, x, y, cotangent = calculus(registry.load("mylib")), np.ones(2), np.array([2.0, 3.0]), np.array([1.0, -1.0])
    _, grads = ask.vjp(lambda xp, x, y: x * y, (x, y), cotangent)
    np.testing.assert_allclose(grads, [y * cotangent, x * cotangent])


def test_smoke():
    """The ten checks that tell a wrong adapter from a wrong library."""
    subprocess.run([sys.executable, "-m", "refgrad", "check", "mylib", "test_smoke.py"], check=True)
