"""What a program shows while it runs, and where two runs of it part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from refgrad.harness.compare import Mismatch, compare
from refgrad.harness.tolerance import tolerance_for

__all__ = ["Difference", "Raised", "Seen", "Step", "Trace", "first_difference", "stable"]

Array = np.ndarray[Any, Any]


class Raised(NamedTuple):
    """An error: its class, and its text without what changes from run to run."""

    kind: str
    text: str


class Seen(NamedTuple):
    """One look at a tensor; None stands for what the backend cannot tell, and for the gradient that is not there."""

    value: Array
    requires_grad: bool | None
    is_leaf: bool | None
    grad_fn: bool | None
    version: int | None
    grad: Array | None
    grad_requires_grad: bool | None


class Step(NamedTuple):
    """What one statement did: the tensors it showed by name, what its hooks were given, or the error."""

    number: int
    seen: dict[str, Seen | Raised | None]
    hooked: tuple[tuple[str, Array], ...] = ()
    raised: Raised | None = None
    lacking: str | None = None  # the feature that the backend has not
    passed_over: bool = False  # not run: a tensor that it needs was not made


Trace = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two traces part: in which statement, of which tensor, in what."""

    number: int
    field: str  # "error" | "hook" | "grad" | a field of Seen | "shape" | "dtype"
    name: str
    actual: Any
    expected: Any
    mismatch: Mismatch | None = None

    @property
    def of_gradient(self) -> bool:
        """Whether a number that autograd computed is in question."""
        return self.mismatch is not None and self.mismatch.kind == "value" and self.field in ("grad", "hook")

    def __str__(self) -> str:
        if self.mismatch is not None:
            return f"{self.field} of {self.name}: {self.mismatch}"
        return f"{self.field} of {self.name}: got {self.actual}, expected {self.expected}"


def stable(error: BaseException, names: tuple[str, ...] = ()) -> Raised:
    """An error without addresses, C++ backtraces, and the name of the library that raised it."""
    text = re.sub(r"0x[0-9a-f]+", "0x", str(error)).split("\nException raised from")[0]
    for name in names:
        text = text.replace(name, "torch")
    return Raised(type(error).__name__, text.strip())


def first_difference(actual: Trace, expected: Trace, *, texts: bool = True, unused: bool = True) -> Difference | None:
    """Where ``actual`` first parts from ``expected``, two traces of one program.

    ``texts`` compares errors' classes and texts; without ``unused``, one of the two is of a library without a graph, which has zeros
    where there is no gradient, and gradients of leaves only.
    """
    for mine, other in zip(actual, expected, strict=True):
        found = _step(mine, other, texts, unused)
        if found is not None:
            return found
    return None


def _step(mine: Step, other: Step, texts: bool, unused: bool) -> Difference | None:
    number = mine.number
    if mine.raised != other.raised and (found := _errors(mine, other, texts)) is not None:
        return found
    for name, seen in mine.seen.items():
        theirs = other.seen.get(name)
        if (found := _seen(number, name, seen, theirs, unused)) is not None:
            return found
    if mine.hooked or other.hooked:
        return _hooks(mine, other)
    return None


def _errors(mine: Step, other: Step, texts: bool) -> Difference | None:
    both = mine.raised and other.raised and not texts
    return None if both else Difference(mine.number, "error", "", mine.raised, other.raised)


def _hooks(mine: Step, other: Step) -> Difference | None:
    names = [[name for name, _ in step.hooked] for step in (mine, other)]
    if names[0] != names[1]:
        return Difference(mine.number, "hooks", "", names[0], names[1])
    for (name, grad), (_, theirs) in zip(mine.hooked, other.hooked, strict=True):
        if (found := _arrays(mine.number, "hook", name, grad, theirs)) is not None:
            return found
    return None


FACTS = ("requires_grad", "is_leaf", "grad_fn", "version", "grad_requires_grad")
PLACES = tuple((Seen._fields.index(fact), fact) for fact in FACTS)


def _seen(
    number: int, name: str, mine: Seen | Raised | None, other: Seen | Raised | None, unused: bool
) -> Difference | None:
    if not (isinstance(mine, Seen) and isinstance(other, Seen)):
        # a look is not compared with an error field by field
        alike = mine.__class__ is other.__class__ and mine == other
        if not (alike or unused):
            alike = _nothing(getattr(mine, "value", mine)) and _nothing(getattr(other, "value", other))
        return None if alike else Difference(number, "look", name, mine, other)
    if (found := _arrays(number, "value", name, mine.value, other.value)) is not None:
        return found
    if mine[1:5] != other[1:5] or mine[6] != other[6]:
        for place, fact in PLACES:
            if mine[place] != other[place] and mine[place] is not None and other[place] is not None:
                return Difference(number, fact, name, mine[place], other[place])
    if mine.grad is None or other.grad is None:
        if mine.grad is other.grad or (not unused and _unused(mine, other)):
            return None
        return Difference(number, "grad", name, _told(mine.grad), _told(other.grad))
    return _arrays(number, "grad", name, mine.grad, other.grad)


def _unused(mine: Seen, other: Seen) -> bool:
    """Whether neither gradient says a thing, or a library without a graph was asked for that of what is no leaf."""
    return None in (mine.is_leaf, other.is_leaf) or (_nothing(mine.grad) and _nothing(other.grad))


def _nothing(grad: Any) -> bool:
    return grad is None or (isinstance(grad, np.ndarray) and not grad.any())


def _told(grad: Array | None) -> Any:
    return None if grad is None else grad.tolist()


def _arrays(number: int, field: str, name: str, mine: Array, other: Array) -> Difference | None:
    if mine.dtype != other.dtype:
        return Difference(number, "dtype" if field == "value" else f"{field}'s dtype", name, mine.dtype, other.dtype)
    if mine.shape != other.shape:
        return Difference(number, "shape" if field == "value" else f"{field}'s shape", name, mine.shape, other.shape)
    if mine.tobytes() == other.tobytes() or _near(mine, other):
        return None
    mismatch = compare(mine, other)
    if mismatch is None:
        return None
    return Difference(number, field, name, mismatch.actual, mismatch.expected, mismatch)


def _near(mine: Array, other: Array) -> bool:
    """The common case, decided fast: finite and within the tolerance; ``compare`` decides the rest."""
    if mine.dtype.kind != "f":
        return False
    tolerance = tolerance_for(mine.dtype)
    with np.errstate(all="ignore"):
        apart = np.abs(mine - other)  # nan or inf where one of them is
        return bool(((apart <= tolerance.atol + tolerance.rtol * np.abs(other)) & (apart < np.inf)).all())
