"""How near is near: ``torch.testing``'s tolerances, per dtype."""

from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["EXACT", "Tolerance", "tolerance_for"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """``abs(actual - expected) <= atol + rtol * abs(expected)`` is near enough."""

    rtol: float
    atol: float

    def bound(self, expected: np.ndarray) -> np.ndarray:
        """The distance allowed at each element of ``expected``."""
        return np.asarray(self.atol + self.rtol * np.abs(expected))


EXACT = Tolerance(0.0, 0.0)

# Source: torch.testing._comparison._DTYPE_PRECISIONS, torch 2.13.0
BY_DTYPE = {
    "float16": Tolerance(1e-3, 1e-5),
    "bfloat16": Tolerance(1.6e-2, 1e-5),
    "float32": Tolerance(1.3e-6, 1e-5),
    "float64": Tolerance(1e-7, 1e-7),
    "complex64": Tolerance(1.3e-6, 1e-5),
    "complex128": Tolerance(1e-7, 1e-7),
}


@cache
def tolerance_for(*dtypes: np.dtype, rtol: float | None = None, atol: float | None = None) -> Tolerance:
    """The loosest tolerance among ``dtypes``; integers and bools compare exactly.

    Source: ``torch.testing.assert_close`` takes the maximum over both dtypes likewise.
    """
    found = [BY_DTYPE.get(dtype.name, EXACT) for dtype in dtypes]
    return Tolerance(
        max(each.rtol for each in found) if rtol is None else rtol,
        max(each.atol for each in found) if atol is None else atol,
    )
