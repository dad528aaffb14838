"""``assert_close``: tensors, numbers, and sequences and mappings of them, near in value and alike in type and shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refgrad.engine.tensor import Tensor

__all__ = ["assert_close"]

# Source: torch.testing._comparison, torch 2.13.0
PRECISION = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip
Message = str | Callable[[str], str] | None


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: Message = None,
) -> None:  # fmt: skip
    """Nothing, if ``actual`` is near ``expected``: ``|a - e| <= atol + rtol * |e|`` at every element.

    Errors: AssertionError where they differ; TypeError for what is not compared; ValueError for one tolerance of two.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    options = {
        "rtol": rtol,
        "atol": atol,
        "equal_nan": equal_nan,
        "check_dtype": check_dtype,
        "check_stride": check_stride,
    }
    told = mismatch(actual, expected, (), options)
    if told:
        raise AssertionError(told if msg is None else msg(told) if callable(msg) else msg)


def mismatch(actual: Any, expected: Any, at: tuple[Any, ...], options: dict[str, Any]) -> str:
    """How the two differ, or nothing; ``at`` is where in the whole they stand."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return of_mappings(actual, expected, at, options)
    if all(isinstance(each, Sequence) and not isinstance(each, str) for each in (actual, expected)):
        return of_sequences(actual, expected, at, options)
    if isinstance(actual, Tensor) and isinstance(expected, Tensor):
        told = of_tensors(actual, expected, options)
    elif all(isinstance(each, (bool, int, float, complex, np.generic)) for each in (actual, expected)):
        told = of_numbers(actual, expected, options)
    elif actual is None and expected is None:
        return ""
    else:
        raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")
    place = "".join(f"[{key!r}]" for key in at)
    return f"{told}\n\nThe failure occurred for item {place}" if told and at else told


def of_sequences(actual: Any, expected: Any, at: tuple[Any, ...], options: dict[str, Any]) -> str:
    if len(actual) != len(expected):
        return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
    pairs = enumerate(zip(actual, expected))
    return next(filter(None, (mismatch(a, e, (*at, i), options) for i, (a, e) in pairs)), "")


def of_mappings(actual: Any, expected: Any, at: tuple[Any, ...], options: dict[str, Any]) -> str:
    missing, additional = (sorted(a.keys() - b.keys()) for a, b in ((expected, actual), (actual, expected)))
    if missing or additional:
        return (
            f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {additional}"
        )
    return next(filter(None, (mismatch(actual[k], expected[k], (*at, k), options) for k in expected)), "")


def of_numbers(actual: Any, expected: Any, options: dict[str, Any]) -> str:
    if options["check_dtype"] and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    a, e = np.asarray(actual), np.asarray(expected)
    return of_arrays(a, e, tolerances([a.dtype.name, e.dtype.name], options), options["equal_nan"])


def of_tensors(actual: Tensor, expected: Tensor, options: dict[str, Any]) -> str:
    for name, checked in (("shape", True), ("dtype", options["check_dtype"]), ("stride()", options["check_stride"])):
        found = [each.stride() if name == "stride()" else getattr(each, name) for each in (actual, expected)]
        if checked and found[0] != found[1]:
            return f"The values for attribute '{name}' do not match: {found[0]} != {found[1]}."
    names = [repr(each.dtype).removeprefix("torch.") for each in (actual, expected)]
    a, e = (values(each, name) for each, name in zip((actual, expected), names))
    return of_arrays(a, e, tolerances(names, options), options["equal_nan"])


def values(tensor: Any, dtype: str) -> Any:
    """The values as an array that NumPy can compute with."""
    return (tensor.detach().float() if dtype == "bfloat16" else tensor).numpy(force=True)


def tolerances(names: list[str], options: dict[str, Any]) -> tuple[float, float]:
    """``rtol`` and ``atol``: those given, or the looser ones of the two types."""
    if options["rtol"] is not None:
        return float(options["rtol"]), float(options["atol"])
    found = [PRECISION.get(name, (0.0, 0.0)) for name in names]
    return max(r for r, _ in found), max(a for _, a in found)


def of_arrays(actual: Any, expected: Any, bounds: tuple[float, float], equal_nan: bool) -> str:
    rtol, atol = bounds
    a, e = (each.astype(np.int64) if each.dtype.kind in "biu" else each for each in (actual, expected))
    near = np.asarray(np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan))
    if near.all():
        return ""
    what = "close" if rtol or atol else "equal"
    limits = [f" (up to {bound} allowed)" if what == "close" else "" for bound in (atol, rtol)]
    if not near.ndim:
        a, e = np.asarray(actual.item()), np.asarray(expected.item())
    with np.errstate(all="ignore"):
        distance, relative = np.abs(a - e), np.abs(a - e) / np.abs(e)
    if not near.ndim:
        return (
            f"Scalars are not {what}!\n\nExpected {e.item()} but got {a.item()}.\n"
            f"Absolute difference: {distance.item()}{limits[0]}\nRelative difference: {relative.item()}{limits[1]}"
        )
    wrong = int((~near).sum())
    return (
        f"Tensor-likes are not {what}!\n\nMismatched elements: {wrong} / {near.size} ({wrong / near.size:.1%})\n"
        f"Greatest absolute difference: {greatest(distance, near)}{limits[0]}\n"
        f"Greatest relative difference: {greatest(relative, near)}{limits[1]}"
    )


def greatest(distance: Any, near: Any) -> str:
    """The greatest of the distances that are too great, and where it is."""
    counted = np.where(near, 0, distance)
    index = tuple(map(int, np.unravel_index(int(np.argmax(counted)), counted.shape)))
    return f"{counted[index].item()} at index {index}"
