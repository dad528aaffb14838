"""Where a derivative is defined, told by differences alone."""

import numpy as np
import pytest

from refgrad.harness.kinks import slope

ONE = np.ones(1)


def at(function, x):
    with np.errstate(all="ignore"):
        return slope(function, np.array([x]), (0,), ONE)


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [(np.exp, 0.0, 1.0), (np.exp, 1.0, np.e), (lambda x: x**2, 1e3, 2e3), (lambda x: x * np.abs(x), 0.0, 0.0)],
)
def test_defined(function, x, expected):
    """Where the function is smooth both sides agree, and only that slope is allowed."""
    found = at(function, x)
    assert found.defined
    assert found.left[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found.holds(expected)
    assert not found.holds(expected + 0.01 * (1 + abs(expected)))


@pytest.mark.parametrize(
    ("function", "left", "right"),
    [(np.abs, -1, 1), (lambda x: np.maximum(x, 0), 0, 1), (lambda x: np.maximum(x, 2 * x), 1, 2)],
)
def test_corner(function, left, right):
    """At a corner every slope between the sides is allowed, and none outside."""
    found = at(function, 0.0)
    assert not found.defined
    assert all(found.holds(left + share * (right - left)) for share in (0, 0.5, 1))
    assert not found.holds(left - 0.01)
    assert not found.holds(right + 0.01)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.sqrt, 0.0),
        (np.log, 1e-300),
        (np.reciprocal, 0.0),
        (np.sign, 0.0),
        (np.exp, np.inf),
        (np.sin, 1e300),
        (np.abs, np.nan),
    ],
)
def test_nothing_to_say(function, x):
    """Where a side has no finite slope (ends of the domain, jumps, nan, inf, far out) nothing is said against any."""
    found = at(function, x)
    assert not found.defined
    assert found.holds(0.0)
    assert found.holds(np.nan)


def test_weights():
    """The slope is that of the weighted sum; elements that do not move, nan among them, do not count."""
    found = slope(
        lambda x: np.array([3 * x[0], np.nan, x[0] ** 2]), np.array([1.0, 5.0]), (0,), np.array([2.0, 1.0, -1.0])
    )
    assert found.right[0] == pytest.approx(4.0)
