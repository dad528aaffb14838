"""Moments, quantiles, differences, integrals and counts: side by side with PyTorch, and against finite differences."""

from __future__ import annotations

import math
from typing import Any

import pytest

from refgrad.engine.ops import extremum, moments, quantiles
from tests.engine.ops.parity import Array
from tests.engine.ops.rows import Row, as_in_pytorch, as_measured, complexes, f, floats, smooth, unmeasured, whole

torch = pytest.importorskip("torch")
NAN, INF = math.nan, math.inf
X, BOX, VECTOR, NUMBER, EMPTY = floats(3, 4), floats(2, 3, 4), floats(4), floats(), floats(0, 3)
SINGLE, HALF, COMPLEX, TURNED = (
    floats(3, 4, dtype="float32"),
    floats(3, 4, dtype="float16"),
    complexes(2, 3),
    floats(3, 4, layout="transposed"),
)
KNOWN, UNKNOWN = Array([[3.0, 1.0, 2.0], [NAN, 5.0, 4.0]]), Array([[NAN, NAN], [NAN, 1.0]])
INTS, BOOLS, TIES, SPECIAL = (
    whole([[1, 2, 2], [3, 3, 1]]),
    whole([[True, False, True]], "bool"),
    Array([[2.0, 1.0, 1.0, 2.0, 3.0], [0.0, -0.0, 1.0, 1.0, 0.0]]),
    Array([NAN, INF, -INF, 0.0]),
)
INPUTS = {
    "matrix": X,
    "box": BOX,
    "number": NUMBER,
    "empty": EMPTY,
    "single": SINGLE,
    "half": HALF,
    "turned": TURNED,
    "integers": INTS,
    "complex": COMPLEX,
    "nan": KNOWN,
    "ties": TIES,
}

MOMENTS: dict[str, Row] = {
    **{f"{name} {label} {how}": (call, x) for name in ("var_mean", "std_mean") for label, x in INPUTS.items() for how, call in (("all", f(name)), ("last", f(name, -1)))},
    **{f"{name} {how}": (call, BOX) for name in ("var_mean", "std_mean") for how, call in (("two", f(name, (0, 2), keepdim=True)), ("biased", f(name, unbiased=False)), ("old", f(name, False)), ("corrected", f(name, 1, correction=2)), ("beyond", f(name, 3)))},
    **{f"{name} part {i}": (lambda xp, x, i=i, name=name: getattr(xp, name)(x, 1)[i], X) for name in ("var_mean", "std_mean") for i in (0, 1)},
    **{f"{name} {label} {how}": (call, x) for name in ("nanmean", "nanmedian") for label, x in {**INPUTS, "unknown": UNKNOWN}.items() for how, call in (("all", f(name)), ("first", f(name, 0)), ("last", f(name, -1, True)))},
    **{f"aminmax {how} {label}": (f("aminmax", **named), x) for how, named in (("all", {}), ("last", {"dim": -1}), ("first", {"dim": 0, "keepdim": True})) for label, x in INPUTS.items() if label != "complex"}, "aminmax parts": (lambda xp, x: xp.sub(*xp.aminmax(x, dim=1)), X),
    "nanmean wide": (f("nanmean", dtype=None), SINGLE), "nanmean two": (f("nanmean", (0, 1)), KNOWN), "nanmedian bools": (f("nanmedian"), BOOLS), "std of one": (f("std_mean"), floats(1)),
}  # fmt: skip
QUANTILES: dict[str, Row] = {
    **{f"{name} {label} {how}": (f(name, *args, **kwargs), x) for name in ("quantile", "nanquantile") for label, x in INPUTS.items() if label != "complex" for how, args, kwargs in (("all", (0.4,), {}), ("dim", (0.25, 0), {"keepdim": True}))},
    **{f"{how}": (f("quantile", 0.3, 1, interpolation=how), X) for how in ("linear", "lower", "higher", "midpoint", "nearest", "other")},
    **{f"several {dim} {keep}": (f("quantile", dim=dim, keepdim=keep), BOX, Array([0.1, 0.65, 1.0])) for dim in (None, 0, 1, -1) for keep in (False, True)},
    "fixed": (lambda xp, x: xp.quantile(x, xp.tensor([0.1, 0.65, 1.0], dtype=xp.float64), 1), BOX), "outside": (f("quantile", 1.5), X), "outside tensor": (f("quantile"), X, Array([1.5])), "matrix q": (f("quantile"), X, Array([[0.5]])), "types": (f("quantile"), SINGLE, Array([0.5])), "text": (f("quantile", "a"), X), "nan dim": (f("quantile", 0.5, 1), KNOWN),
    "nan known": (f("nanquantile", 0.3, 1), KNOWN), "nan all": (f("nanquantile", 0.3), UNKNOWN),
    **{f"mode {label} {how}": (call, x) for label, x in INPUTS.items() if label not in ("complex", "nan") for how, call in (("last", f("mode")), ("first", f("mode", 0, True)))}, "mode bools": (f("mode"), BOOLS),
}  # fmt: skip
DIFFERENCES: dict[str, Row] = {
    "once": (f("diff"), X), "twice": (f("diff", 2), X), "never": (f("diff", 0), X), "often": (f("diff", 9), X), "first": (f("diff", dim=0), BOX), "0-d": (f("diff"), NUMBER), "bools": (f("diff"), BOOLS), "integers": (f("diff"), INTS), "negative": (f("diff", -1), X),
    "prepend": (lambda xp, x, y: xp.diff(x, prepend=y), X, floats(3, 2)), "append": (lambda xp, x, y: xp.diff(x, dim=0, append=y), X, floats(1, 4)), "prepend rank": (lambda xp, x, y: xp.diff(x, prepend=y), X, VECTOR), "prepend misfit": (lambda xp, x, y: xp.diff(x, prepend=y), X, floats(2, 4)), "beyond": (f("diff", dim=2), X), "empty": (f("diff", dim=0), EMPTY),
    **{f"{name} {how}": row for name in ("trapezoid", "cumulative_trapezoid") for how, row in {"plain": (f(name), X), "dx": (f(name, dx=2), X), "x": (f(name), X, VECTOR), "x matrix": (f(name), X, floats(3, 4, seed=1)), "x spread": (f(name), BOX, floats(3, 4)), "first": (f(name, dim=0), BOX), "misfit": (f(name), X, floats(3)), "bools": (f(name), BOOLS), "0-d": (f(name), NUMBER), "both": (lambda xp, x, y, name=name: getattr(xp, name)(x, x=y, dx=1), X, VECTOR), "integers": (f(name), INTS), "single": (f(name), SINGLE)}.items()},
    "trapezoid of none": (f("trapezoid", dim=0), EMPTY), "trapz": (f("trapz"), X),
    "gradient": (f("gradient"), X), "gradient dim": (f("gradient", dim=1), X), "gradient dims": (f("gradient", dim=(0, 2)), floats(3, 2, 3)), "gradient spacing": (f("gradient", spacing=2.0), X), "gradient spacings": (f("gradient", spacing=[1.0, 2.0]), X),
    "gradient second order": (f("gradient", edge_order=2), X), "gradient third order": (f("gradient", edge_order=3), X), "gradient short": (f("gradient"), floats(1)), "gradient shorter": (f("gradient", edge_order=2), floats(2, 3)), "gradient integers": (f("gradient"), INTS), "gradient few spacings": (f("gradient", spacing=[1.0]), X), "gradient dim twice": (f("gradient", dim=(0, 0)), X),
    "gradient few of dims": (f("gradient", spacing=[1.0], dim=(0, 1)), X), "gradient 0-d": (f("gradient"), NUMBER),
    **{f"gradient coordinates {order}": (lambda xp, x, a, b, order=order: xp.gradient(x, spacing=(a, b), edge_order=order), X, Array([0.0, 1.0, 3.0]), Array([0.0, 0.5, 1.5, 4.0])) for order in (1, 2)},
}  # fmt: skip
COUNTS: dict[str, Row] = {
    **{f"histc {how}": (f("histc", *args), x) for how, args, x in (("plain", (), X), ("few", (4,), VECTOR), ("range", (4, -1, 1), X), ("reversed", (4, 2, 0), X), ("none", (0,), X), ("one", (3, 1, 1), Array([0.0, 1.0, 2.0])), ("integers", (3,), INTS), ("empty", (3,), EMPTY), ("single", (5,), SINGLE), ("equal", (3,), Array([2.0, 2.0])))},
    "bincount": (f("bincount"), whole([1, 2, 2])), "bincount matrix": (f("bincount"), INTS), "bincount long": (f("bincount", minlength=6), whole([1, 2, 2])), "bincount negative length": (f("bincount", minlength=-1), whole([1])), "bincount negative": (f("bincount"), whole([-1])), "bincount floats": (f("bincount"), VECTOR), "bincount none": (f("bincount", minlength=2), whole([])),
    **{f"bincount weights {x.dtype}": (f("bincount"), whole([1, 2, 2, 0]), x) for x in (Array([1.0, 2.0, 3.0, 4.0], requires_grad=False), Array([1.0, 2.0, 3.0, 4.0], "float32", requires_grad=False), whole([1, 2, 3, 4]))}, "bincount weights few": (f("bincount"), whole([1, 2]), Array([1.0], requires_grad=False)),
    **{f"histogram {how}": (f("histogram", *args, **kwargs), Array(x.values, x.dtype, requires_grad=False)) for how, args, kwargs, x in (("plain", (4,), {}, X), ("range", (4,), {"range": (0.0, 2.0)}, X), ("density", (4,), {"density": True}, X), ("none", (0,), {}, X), ("integers", (3,), {}, INTS), ("equal", (2,), {}, Array([2.0])))},
    "histogram edges": (f("histogram"), Array(X.values, requires_grad=False), Array([-1.0, 0.0, 0.5, 2.0], requires_grad=False)), "histogram gradient": (lambda xp, x: xp.histogram(x, 3)[0], X),
    **{f"{name} {how}": row for name in ("unique", "unique_consecutive") for how, row in {"plain": (f(name), INTS), "all": (f(name, return_inverse=True, return_counts=True), INTS), "rows": (f(name, return_inverse=True, return_counts=True, dim=0), INTS), "columns": (f(name, return_counts=True, dim=1), INTS), "empty": (f(name), whole(EMPTY.values)), "empty rows": (f(name, dim=0), whole(EMPTY.values)), "empty columns": (f(name, dim=1), whole(EMPTY.values)), "0-d": (f(name), whole(3)), "nan": (f(name), Array(KNOWN.values, requires_grad=False))}.items()},
    "searchsorted": (f("searchsorted"), whole([1, 3, 5]), whole([[0, 1], [5, 6]])), "searchsorted right": (f("searchsorted", right=True), whole([1, 3, 5]), whole([1, 3])), "searchsorted rows": (f("searchsorted"), whole([[1, 3], [2, 9]]), whole([[2, 3], [2, 3]])), "searchsorted misfit": (f("searchsorted"), whole([[1, 3], [2, 9]]), whole([1])),
    "searchsorted number": (lambda xp, x: xp.searchsorted(x, 3), whole([1, 3, 5])), "searchsorted sides": (f("searchsorted", side="left", right=True), whole([1]), whole([1])), "searchsorted side": (f("searchsorted", side="x"), whole([1]), whole([1])), "searchsorted 0-d": (f("searchsorted"), whole([[1]]), whole(1)),
    "searchsorted sorter": (lambda xp, x, v, s: xp.searchsorted(x, v, sorter=s), whole([5, 3, 1]), whole([4, 0]), whole([2, 1, 0])), "searchsorted sorter short": (lambda xp, x, v, s: xp.searchsorted(x, v, sorter=s), whole([5, 3, 1]), whole([4, 0]), whole([1, 0])), "searchsorted sorter float": (lambda xp, x, v, s: xp.searchsorted(x, v, sorter=s), whole([5, 3]), whole([4]), Array([1.0, 0.0])),
    "searchsorted int32": (f("searchsorted", out_int32=True), whole([1, 3, 5]), whole([2])), "bucketize": (f("bucketize"), whole([[0, 3], [5, 9]]), whole([1, 3, 5])), "bucketize right": (f("bucketize", right=True, out_int32=True), whole([1, 3]), whole([1, 3, 5])), "bucketize matrix": (f("bucketize"), whole([1]), INTS), "bucketize number": (lambda xp, b: xp.bucketize(3, b), whole([1, 3])),
    "isin": (f("isin"), INTS, whole([1, 7])), "isin number": (f("isin", 2), INTS), "number isin": (lambda xp, x: xp.isin(1, x), INTS), "isin not": (f("isin", 2, invert=True), INTS), "isin numbers": (lambda xp: xp.isin(1, 1),), "isin bools": (f("isin"), BOOLS, BOOLS), "isin complex": (f("isin"), Array(COMPLEX.values, "complex128", requires_grad=False), Array(COMPLEX.values, "complex128", requires_grad=False)),
    "vander": (f("vander"), VECTOR), "vander few": (f("vander", 2, True), VECTOR), "vander none": (f("vander", 0), VECTOR), "vander one": (f("vander", 1), VECTOR), "vander negative": (f("vander", -1), VECTOR), "vander matrix": (f("vander"), X), "vander integers": (f("vander"), whole([1, 2, 3])),
}  # fmt: skip
TABLES = {"moments": MOMENTS, "quantiles": QUANTILES, "differences": DIFFERENCES, "counts": COUNTS}
ROWS = {f"{table}: {name}": row for table, rows in TABLES.items() for name, row in rows.items()}


@pytest.mark.parametrize("name", ROWS)
def test_as_in_pytorch(name: str) -> None:
    """A call gives what PyTorch's gives, to the graph, both gradients and tangents."""
    as_in_pytorch(torch, ROWS[name], forward="empty all" not in name)  # of nothing the tangent is 0, or nan


KINKS = (
    "ties",
    "lower",
    "higher",
    "nearest",
    "several",
    "histogram",
    "vander",
    "number all",
    "number last",
    "std of one",
)
SMOOTH: dict[str, Any] = smooth(ROWS, kinks=[name for name in ROWS if any(kink in name for kink in KINKS)])


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    as_measured(SMOOTH[name])


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences."""
    chosen = [(f(name), X) for name in ("var", "std", "median", "amax", "amin", "max", "min")]
    chosen += [(lambda xp, x, name=name: getattr(xp, name)(x, 1), X) for name in ("median", "max", "min")]
    assert unmeasured([extremum, moments, quantiles], [*SMOOTH.values(), *chosen]) == set()
