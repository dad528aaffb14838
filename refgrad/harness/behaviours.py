"""The catalogue: what a test of the suite checks, said beside the test."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_args

from refgrad.errors import UnknownRelease
from refgrad.harness.expectations import in_range

__all__ = ["NEWEST", "OLDEST", "Behaviour", "Level", "Profile", "behaviour", "behaviour_of", "known_release"]

OLDEST, NEWEST = "2.0", "2.13"  # the releases of torch whose behaviour the catalogue knows

Level = Literal["must", "should", "may"]
Profile = Literal["core", "forward", "higher", "tape", "namespace"]
Test = TypeVar("Test", bound=Callable[..., Any])

ID = re.compile(r"[A-Z][A-Z0-9]*-\d{2,}")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that PyTorch does and a backend is asked to do.

    ``must``: values, derivatives and whether an error happens; ``should``: classes and texts of errors, names,
    printing; ``may``: internals (versions, strides). ``torch``: the releases of torch that behave so.
    ``profile``: what a backend needs for the question to make sense.
    """

    id: str
    statement: str
    source: str
    level: Level = "must"
    torch: str = f">={OLDEST}"
    profile: Profile = "tape"
    smoke: bool = False

    def holds_for(self, release: str) -> bool:
        """Whether a release of torch behaves so."""
        return in_range(release, self.torch, source=self.id)


def known_release(release: str) -> str:
    """``release``, if the catalogue knows how that release of torch behaves.

    Errors: ``UnknownRelease``.
    """
    from packaging.version import InvalidVersion, Version  # comes with pytest, which the suite needs anyway

    try:
        oldest, asked, newest = (Version(each).release for each in (OLDEST, release, NEWEST))
    except InvalidVersion:
        raise UnknownRelease(f"{release!r} is no release of torch; write one such as {NEWEST}") from None
    if not oldest <= (*asked, 0)[:2] <= newest:
        raise UnknownRelease(f"torch {release}: the catalogue knows the behaviour of torch {OLDEST} to {NEWEST}")
    return release


def behaviour(
    id: str,
    *,
    source: str,
    level: Level = "must",
    torch: str = f">={OLDEST}",
    profile: Profile = "tape",
    smoke: bool = False,
) -> Callable[[Test], Test]:
    """Say which behaviour a test checks; its statement is the test's docstring.

    Errors: ``ValueError`` for a malformed id, an unknown level or profile, or a test without docstring or source.
    """

    def attach(test: Test) -> Test:
        record = Behaviour(id, statement(test), source, level, torch, profile, smoke)
        refuse_malformed(record, test.__name__)
        cast(Any, test).behaviour = record
        return test

    return attach


def behaviour_of(test: object) -> Behaviour | None:
    """The record that ``@behaviour`` left on a test, if any."""
    found = getattr(test, "behaviour", None)
    return found if isinstance(found, Behaviour) else None


def statement(test: Callable[..., Any]) -> str:
    return " ".join((test.__doc__ or "").split())


def refuse_malformed(record: Behaviour, name: str) -> None:
    problems = (
        (not ID.fullmatch(record.id), f"id {record.id!r} is not of the form THEME-01"),
        (not record.statement, "no docstring; it is the behaviour's statement"),
        (not record.source, "no source"),
        (record.level not in get_args(Level), f"level {record.level!r} is not one of {get_args(Level)}"),
        (record.profile not in get_args(Profile), f"profile {record.profile!r} is not one of {get_args(Profile)}"),
    )
    for wrong, reason in problems:
        if wrong:
            raise ValueError(f"@behaviour on {name}: {reason}")
