"""Compare two arrays, and say where they part."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.harness.tolerance import EXACT, Tolerance, tolerance_for

__all__ = ["Mismatch", "compare", "ulp_distance"]

INTEGER_VIEW = {2: np.int16, 4: np.int32, 8: np.int64}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first place where ``actual`` is not ``expected``, and how far off it is."""

    kind: str  # "shape" | "value"
    dtype: str
    actual: Any
    expected: Any
    index: tuple[int, ...] = ()
    count: int = 1
    size: int = 1
    ulps: float | None = None
    difference: float | None = None
    bound: float | None = None

    def __str__(self) -> str:
        if self.kind == "shape":
            return f"shape is {self.actual}, expected {self.expected} (dtype {self.dtype})"
        return (
            f"{self.place()}: got {self.actual!r}, expected {self.expected!r} (dtype {self.dtype})\n"
            f"  {self.distance()}\n  {self.count} of {self.size} elements differ"
        )

    def place(self) -> str:
        return f"at index {list(self.index)}" if self.index else "the value"

    def distance(self) -> str:
        if not (math.isfinite(self.difference or 0.0) and math.isfinite(self.bound or 0.0)):
            return "nan and inf are near nothing but themselves"
        ulps = "" if self.ulps is None else f", {self.ulps:,.0f} ulp"
        allowed = "must be equal" if self.bound == 0 else f"bound {self.bound:.3g}"
        return f"off by {self.difference:.3g}{ulps}; {allowed}"


def compare(
    actual: np.ndarray, expected: Any, *, rtol: float | None = None, atol: float | None = None, exact: bool = False
) -> Mismatch | None:
    """The first mismatch, or None; shapes must agree, nan equals nan.

    Numbers and nested lists carry no dtype: for them ``actual``'s alone sets the tolerance.
    """
    dtypes = [actual.dtype] + ([expected.dtype] if isinstance(expected, np.ndarray | np.generic) else [])
    expected = np.asarray(expected)
    if actual.shape != expected.shape:
        return Mismatch("shape", actual.dtype.name, actual.shape, expected.shape)
    tolerance = EXACT if exact else tolerance_for(*dtypes, rtol=rtol, atol=atol)
    return first_mismatch(actual, expected, tolerance)


def first_mismatch(actual: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> Mismatch | None:
    wide_actual, wide_expected = widen(actual), widen(expected)
    with np.errstate(all="ignore"):
        difference = np.abs(wide_actual - wide_expected)
        bound = tolerance.bound(wide_expected)
        plainly_near = (difference <= bound) & (difference < np.inf)
    if plainly_near.all():
        return None
    wrong = ~near(wide_actual, wide_expected, difference, bound)
    if not wrong.any():
        return None
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Mismatch(
        "value",
        actual.dtype.name,
        actual[where].item(),
        expected[where].item(),
        index=where,
        count=int(wrong.sum()),
        size=actual.size,
        ulps=ulp_distance(actual[where], expected[where]),
        difference=float(difference[where]),
        bound=float(bound[where]),
    )


def near(actual: np.ndarray, expected: np.ndarray, difference: np.ndarray, bound: np.ndarray) -> np.ndarray:
    # inf - inf is nan and inf <= inf holds, so the special values are decided by equality
    finite = np.isfinite(actual) & np.isfinite(expected)
    both_nan = np.isnan(actual) & np.isnan(expected)
    with np.errstate(invalid="ignore"):
        return np.asarray((actual == expected) | both_nan | (finite & (difference <= bound)))


def widen(array: np.ndarray) -> np.ndarray:
    """In a dtype where the difference itself does not round or overflow."""
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    return (
        array.astype(np.float64) if array.dtype.kind not in "iub" or array.dtype.itemsize < 8 else wide_integer(array)
    )


def wide_integer(array: np.ndarray) -> np.ndarray:
    return array.astype(np.longdouble)


def ulp_distance(actual: Any, expected: Any) -> float | None:
    """How many representable numbers of ``actual``'s dtype lie between the two.

    Units: ulp; for a complex number the larger of its two parts; None where the notion is empty (integers, nan, inf).
    """
    dtype = np.asarray(actual).dtype
    if dtype.kind == "c":
        parts = [ulp_distance(getattr(actual, part), getattr(np.asarray(expected), part)) for part in ("real", "imag")]
        return None if None in parts else max(part for part in parts if part is not None)
    if dtype.kind in "iubOSU" or dtype.itemsize not in INTEGER_VIEW:
        return None
    with np.errstate(all="ignore"):
        pair = np.array([actual, np.asarray(expected).astype(dtype)], dtype=dtype)
    if not np.isfinite(pair.astype(np.float64)).all():
        return None
    low, high = (ordered(bits) for bits in pair.view(INTEGER_VIEW[dtype.itemsize]))
    return float(abs(high - low))


def ordered(bits: Any) -> int:
    # a float's bits are sign and magnitude; counted from zero they order as the numbers do
    sign_bit = 1 << (8 * bits.dtype.itemsize - 1)
    return int(bits) if bits >= 0 else -(int(bits) + sign_bit)
