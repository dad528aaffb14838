"""Is the derivative of an op defined at a point? Differences to the left and to the right say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.harness.oracle.derivative import Slope, one_sided

__all__ = ["slope"]

Array = np.ndarray[Any, Any]
FARTHEST = 1e6  # beyond, differences see nothing


def slope(function: Callable[[Array], Array], x: Array, at: tuple[int, ...], weights: Array) -> Slope:
    """The one-sided derivatives of ``sum(weights * function(x))`` by the element of ``x`` at ``at``."""
    if not abs(x[at]) <= FARTHEST:  # nor is there anything near nan
        return Slope(None, None)
    scale, start = max(1.0, abs(float(x[at]))), function(x)

    def moved(step: float) -> float:
        there = x.copy()
        there[at] += step * scale
        with np.errstate(all="ignore"):
            return float(np.sum(weights * change(start, function(there))) / scale)

    found = Slope(one_sided(moved, -1), one_sided(moved, 1))
    nothing_moves = found.left == found.right == (0.0, 0.0)
    # where the function is nan or inf, and stays so, it has no derivative
    return Slope(None, None) if nothing_moves and not np.isfinite(start).all() else found


def change(before: Array, after: Array) -> Array:
    """What moved; an element that stayed as it is, nan and inf among them, says nothing."""
    still = (before == after) | (np.isnan(before) & np.isnan(after))
    return np.where(still, 0.0, after - before)
