"""Products of reflections: what is refused, side by side with PyTorch."""

from __future__ import annotations

from itertools import product
from typing import Any

from tests.engine.live import attempt, live

SHAPES = [(), (1,), (2,), (1, 1), (2, 2), (2, 1), (1, 2), (3, 2)]


@live
def test_householder_product(xp: Any) -> Any:
    """Shapes that do not fit are refused in PyTorch's words."""
    make = xp.linalg.householder_product
    return [attempt(lambda a=a, b=b: tuple(make(xp.ones(a), xp.ones(b)).shape)) for a, b in product(SHAPES, SHAPES)]


@live
def test_ormqr(xp: Any) -> Any:
    """So are those of a product with another matrix, from either side."""
    return [
        attempt(lambda a=a, b=b, c=c, left=left: tuple(xp.ormqr(xp.ones(a), xp.ones(b), xp.ones(c), left).shape))
        for a, b, c in product(SHAPES[1:], SHAPES[:4], SHAPES)
        for left in (True, False)
    ]
