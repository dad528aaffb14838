"""Scenes: short programs written once, run on refgrad and on PyTorch, and compared in all that they show."""

from __future__ import annotations

import importlib
import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import refgrad

Scene = Callable[[Any], Any]
RTOL, ATOL = 2e-5, 1e-6  # float32, a few operations deep


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception as it is compared: its class and its text, without addresses."""

    kind: str
    text: str


def raised(error: BaseException) -> Raised:
    return Raised(type(error).__name__, plain(str(error)))


def attempt(action: Callable[[], Any]) -> Any:
    """What ``action`` gives, or the exception that it raises."""
    try:
        return action()
    except (Exception, KeyboardInterrupt) as error:
        return raised(error)


def plain(text: str) -> str:
    """``text`` without addresses, C++ backtraces and the one name that has to differ."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text).split("\nException raised from")[0]
    return text.replace("refgrad", "torch").strip()


def leaf(xp: Any, *values: Any, dtype: str = "float32", requires_grad: bool = True) -> Any:
    """A leaf tensor of ``values``; 0-d for a single number."""
    data = values[0] if len(values) == 1 else list(values)
    return xp.tensor(data, dtype=getattr(xp, dtype), requires_grad=requires_grad)


def facts(xp: Any, value: Any) -> Any:
    """``value`` as plain data that can be compared between libraries."""
    if isinstance(value, xp.Tensor):
        node = value.grad_fn
        array = np.array(value.detach().numpy(force=True))
        kind = (str(value.dtype), tuple(value.shape), value.requires_grad, None if node is None else node.name())
        return {"tensor": array, "kind": kind}
    if isinstance(value, dict):
        return {key: facts(xp, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [facts(xp, item) for item in value]
    if isinstance(value, BaseException):
        return raised(value)
    if hasattr(value, "next_functions"):
        return f"<{value.name()}>"
    if isinstance(value, str):
        return plain(value)
    if value is None or isinstance(value, (bool, int, float, complex, Raised, np.ndarray, np.generic)):
        return value
    return plain(repr(value))


def same(mine: Any, theirs: Any) -> bool:
    """Whether two lots of facts agree; floats to rounding, all else exactly."""
    if type(mine) is not type(theirs):
        return False
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(same(mine[k], theirs[k]) for k in mine)
    if isinstance(mine, (list, tuple)):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    if isinstance(mine, (np.ndarray, np.generic)):
        exact = mine.dtype.kind not in "fc"
        return mine.dtype == theirs.dtype and mine.shape == theirs.shape and _close(mine, theirs, exact)
    if isinstance(mine, complex):
        return same(mine.real, theirs.real) and same(mine.imag, theirs.imag)
    if isinstance(mine, float):
        return math.isclose(mine, theirs, rel_tol=RTOL, abs_tol=ATOL) or (math.isnan(mine) and math.isnan(theirs))
    return bool(mine == theirs)


def _close(mine: Any, theirs: Any, exact: bool) -> bool:
    return np.array_equal(mine, theirs) if exact else np.allclose(mine, theirs, rtol=RTOL, atol=ATOL, equal_nan=True)


def first_difference(mine: Any, theirs: Any, at: str = "") -> str:
    """Where two lots of facts part, and what each has there."""
    if isinstance(mine, dict) and isinstance(theirs, dict) and mine.keys() == theirs.keys():
        pairs: Any = [(k, mine[k], theirs[k]) for k in mine]
    elif isinstance(mine, (list, tuple)) and isinstance(theirs, (list, tuple)) and len(mine) == len(theirs):
        pairs = [(i, a, b) for i, (a, b) in enumerate(zip(mine, theirs))]
    else:
        return f"at {at or 'all'}\n  refgrad: {mine}\n  torch:   {theirs}"
    return next(first_difference(a, b, f"{at}[{key!r}]") for key, a, b in pairs if not same(a, b))


@contextmanager
def always_warned(xp: Any) -> Iterator[list[Any]]:
    """Collect warnings, those that come once a process included."""
    before = xp.is_warn_always_enabled()
    xp.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        xp.set_warn_always(before)


def observe(xp: Any, scene: Scene) -> dict[str, Any]:
    """What a scene gives (or raises), what it warns of, and whether it leaves grad mode as it was."""
    with always_warned(xp) as caught:
        outcome = attempt(lambda: facts(xp, scene(xp)))
    left = xp.is_grad_enabled()
    xp.set_grad_enabled(True)
    told = [f"{w.category.__name__}: {_first_sentence(str(w.message))}" for w in caught]
    return {"outcome": outcome, "warnings": told, "grad mode": left}


def _first_sentence(text: str) -> str:
    """C++ appends where a warning was triggered; and tells of its own source."""
    return plain(text.split("(Triggered internally")[0])


def whole(torch: Any) -> Any:
    """PyTorch with the parts that it loads late; what it says of its own insides while it does is no scene's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")
    return torch


def live(scene: Scene) -> Callable[[], None]:
    """A test of a scene: on refgrad it shows what it shows on PyTorch."""

    def test() -> None:
        torch = whole(pytest.importorskip("torch"))
        mine, theirs = observe(refgrad, scene), observe(torch, scene)
        assert same(mine, theirs), f"{scene.__doc__ or ''} {first_difference(mine, theirs)}"

    test.__name__, test.__doc__, test.__module__ = scene.__name__, scene.__doc__, scene.__module__
    return test
