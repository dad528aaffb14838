"""Rows: calls with their inputs, each held to PyTorch, and to finite differences without it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

import refgrad
from tests.engine.ops.parity import Array, Case, close, cotangent, differences, numpy_of, observe
from tests.engine.ops.slopes import check_slopes, derivable, leaves, ops_of, results

Call = Callable[..., Any]
Row = tuple[Any, ...]  # a call of a library and tensors, and the tensors


def floats(*shape: int, dtype: str = "float64", layout: str = "contiguous", seed: int = 0) -> Array:
    """Random numbers without ties or kinks."""
    return Array(2 * np.random.default_rng([seed, *shape]).normal(size=shape), dtype, layout)


def complexes(*shape: int, dtype: str = "complex128") -> Array:
    """Random complex numbers."""
    rng = np.random.default_rng(len(shape))
    return Array(rng.normal(size=shape) + 1j * rng.normal(size=shape), dtype)


def whole(values: Any, dtype: str = "int64") -> Array:
    """Integers."""
    return Array(values, dtype)


def f(name: str, *args: Any, **kwargs: Any) -> Call:
    """The function of a library, with more arguments behind its tensors."""
    return lambda xp, *tensors: getattr(xp, name)(*tensors, *args, **kwargs)


def m(name: str, *args: Any, **kwargs: Any) -> Call:
    """The method of the first tensor."""
    return lambda xp, x, *tensors: getattr(x, name)(*tensors, *args, **kwargs)


def in_place(name: str, *args: Any, **kwargs: Any) -> Call:
    """The method that writes to a copy of the first tensor."""
    return lambda xp, x, *tensors: getattr(x.clone(), name)(*tensors, *args, **kwargs)


# side by side with PyTorch --------------------------------------------------------------------------------------------


def tangents(xp: Any, row: Row) -> list[Any]:
    """The tangents of the results, from one of each input that can have one."""
    call, *inputs = row
    made = [x.make(xp) for x in inputs]
    with xp.autograd.forward_ad.dual_level():
        duals = [
            xp.autograd.forward_ad.make_dual(x.detach(), cotangent(xp, x, 20 + i)) if x.requires_grad else x
            for i, x in enumerate(made)
        ]
        found = call(xp, *duals)
        outputs = found if isinstance(found, (tuple, list)) else [found]
        parts = [xp.autograd.forward_ad.unpack_dual(y).tangent for y in outputs if isinstance(y, xp.Tensor)]
        return [None if t is None else numpy_of(t) for t in parts]


def forward_differences(torch: Any, row: Row) -> list[str]:
    """Where the tangents differ; what PyTorch has no forward mode for is nobody's fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = tangents(torch, row)
        except (RuntimeError, NotImplementedError):
            return []
        mine = tangents(refgrad, row)
    kinds = [x.dtype for x in row[1:] if isinstance(x, Array)]
    loose = max((1e-10 if k in ("float64", "complex128") else 2e-2 if "16" in k else 4e-5) for k in kinds)
    pairs = [(a if a is not None or b is None else np.zeros_like(b), b) for a, b in zip(mine, theirs)]
    same = [
        a is b is None or (b is not None and close(a, b, loose, loose)) or (b is None and not a.any()) for a, b in pairs
    ]
    return [] if all(same) and len(mine) == len(theirs) else [f"tangents {mine} instead of {theirs}"]


def as_in_pytorch(torch: Any, row: Row, *, orders: int = 2, forward: bool = True) -> None:
    """Values, types, strides, views, the graph, both gradients, the tangents and errors are PyTorch's."""
    call, *inputs = row
    case = Case("row", call, tuple(inputs), orders)
    mine, theirs = observe(refgrad, case), observe(torch, case)
    found = differences(mine, theirs)
    if not found and "error" not in theirs and orders and forward and any(x.make(torch).requires_grad for x in inputs):
        found = forward_differences(torch, row)
    assert not found, "\n  ".join(found)


# without a second library ---------------------------------------------------------------------------------------------


def on_refgrad(row: Row) -> Call:
    """The row's call, of refgrad and doubles; squared, so that a rule that is linear has a second order too."""
    return lambda *tensors: [y * y for y in results(lambda *xs: row[0](refgrad, *xs), tensors)]


def arrays_of(row: Row) -> list[Any]:
    """The row's inputs as arrays."""
    return [np.asarray(x.values, x.dtype) for x in row[1:]]


def smooth(rows: Mapping[str, Row], kinks: Iterable[str] = ()) -> dict[str, Row]:
    """The rows that finite differences can measure: of doubles alone, with a result, away from kinks."""
    return {name: row for name, row in rows.items() if name not in set(kinks) and _is_measurable(row)}


def _is_measurable(row: Row) -> bool:
    if any(x.dtype != "float64" or np.size(x.values) == 0 or not np.isfinite(x.values).all() for x in row[1:]):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = results(on_refgrad(row), leaves(arrays_of(row)))
            return any(y.requires_grad and y.numel() for y in found)
        except (RuntimeError, IndexError, TypeError, ValueError, AttributeError, NotImplementedError):
            return False


def as_measured(row: Row) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check_slopes(on_refgrad(row), arrays_of(row))


def measured_by(rows: Iterable[Row]) -> set[str]:
    """The primitives that the rows run."""
    return {name for row in rows for name in ops_of(on_refgrad(row), arrays_of(row))}


def unmeasured(modules: Iterable[Any], rows: Iterable[Row]) -> set[str]:
    """The primitives of chapters whose rules no row runs."""
    return set[str]().union(*map(derivable, modules)) - measured_by(rows)
