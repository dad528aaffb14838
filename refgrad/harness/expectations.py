"""Gaps that an adapter's author knows of and declares, strictly: ``expectations.toml``.

[[expect]]
test = "test_inplace.py::test_version_error"    # an id or a glob; without its [parameters] it means all of them;
                                                # {a,b} stands for a, and for b
outcome = "fail"                                # fail | unsupported | crash (or a mere failure) | timeout
reason = "saves copies, so nothing can be stale"
url = "https://..."                             # optional
when = ">=2.0,<3"                               # optional: versions of the library

A file may begin with what other files declare, too: include = ["expectations.toml"], beside it.

A finding of `refgrad fuzz` is declared by its signature, test = "program::SIGNATURE"; the suite passes over such an entry.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from refgrad.errors import InvalidExpectations

__all__ = ["PROGRAM", "Expectation", "Expectations", "in_range", "load_expectations"]

PROGRAM = "program"  # where a test has its file, a finding on random programs has this
DECLARABLE = ("fail", "unsupported", "crash", "timeout")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One declared gap."""

    test: str
    outcome: str
    reason: str
    url: str = ""
    when: str = ""

    def covers(self, id: str) -> bool:
        """Whether ``id`` is the test, one of its parametrizations, or matched by the glob."""
        return pattern(self.test).fullmatch(id) is not None

    @property
    def file(self) -> str:
        """The part before ``::``, which names the suite's file."""
        return self.test.split("::")[0]

    def __str__(self) -> str:
        return f"{self.test} ({self.outcome}: {self.reason})"


@dataclass(frozen=True, slots=True)
class Expectations:
    """An adapter's declared gaps, those that hold for the version under test."""

    entries: tuple[Expectation, ...] = ()
    path: Path | None = None

    def for_case(self, id: str) -> Expectation | None:
        """The entry that covers ``id``; an exact one goes before a glob."""
        covering = [entry for entry in self.entries if entry.covers(id)]
        return min(covering, key=lambda entry: "*" in entry.test, default=None)

    def matching_nothing(self, ids: Iterable[str], files: set[str] | None = None) -> list[Expectation]:
        """The suite's entries that no id answers to; with ``files``, only of those that name one of them."""
        known = list(ids)
        asked = [each for each in self.entries if (each.file != PROGRAM if files is None else each.file in files)]
        return [entry for entry in asked if not any(entry.covers(id) for id in known)]

    def not_borne_out(self, outcomes: Mapping[str, str]) -> list[Expectation]:
        """The entries that cover cases in ``outcomes`` (id to outcome), none of which came out as declared."""
        came_out: dict[Expectation, set[str]] = {}
        for id, outcome in outcomes.items():
            if (entry := self.for_case(id)) is not None:
                came_out.setdefault(entry, set()).add(outcome)
        return [each for each in self.entries if each in came_out and not came_out[each] & {each.outcome, "xfail"}]


def load_expectations(path: Path, version: str) -> Expectations:
    """Read ``path``, keeping the entries whose ``when`` holds for ``version``.

    Errors: ``InvalidExpectations`` for a file that cannot be read or includes itself, an unknown or missing field, an unknown
    outcome, an empty reason, a test declared twice.
    """
    holding = tuple(each for each in declared(path) if not each.when or in_range(version, each.when, source=str(path)))
    names = [each.test for each in holding]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidExpectations(f"{path}: {twice!r} is declared twice")
    return Expectations(holding, path)


def declared(path: Path, within: tuple[Path, ...] = ()) -> list[Expectation]:
    """The entries of the files that ``path`` includes, and its own."""
    if path in within:
        raise InvalidExpectations(f"{path}: includes itself")
    tables, included = contents(path)
    before = [each for name in included for each in declared(path.parent / name, (*within, path))]
    return before + [entry(table, path, number) for number, table in enumerate(tables, 1)]


def contents(path: Path) -> tuple[list[Any], list[str]]:
    """The tables, and the names of the files that are included."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidExpectations(f"{path}: cannot be read ({error})") from error
    found, included = document.pop("expect", []), document.pop("include", [])
    if document or not isinstance(found, list):
        raise InvalidExpectations(
            f"{path}: only [[expect]] tables and include are understood, found {', '.join(document) or 'expect'}"
        )
    if not isinstance(included, list) or not all(isinstance(name, str) for name in included):
        raise InvalidExpectations(f'{path}: include is a list of files: include = ["expectations.toml"]')
    return found, included


def entry(table: Any, path: Path, number: int) -> Expectation:
    where = f"{path}, entry {number}"
    known = {each.name for each in fields(Expectation)}
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise InvalidExpectations(f"{where}: fields are strings: {', '.join(sorted(known))}")
    if unknown := set(table) - known:
        raise InvalidExpectations(
            f"{where}: unknown field {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    for name in ("test", "outcome", "reason"):
        if not table.get(name, "").strip():
            raise InvalidExpectations(f"{where} ({table.get('test', '?')}): no {name}")
    if table["outcome"] not in DECLARABLE:
        raise InvalidExpectations(f"{where}: outcome {table['outcome']!r} is not one of {', '.join(DECLARABLE)}")
    return Expectation(**table)


@cache
def in_range(version: str, when: str, *, source: str = "") -> bool:
    """Whether ``version`` lies in ``when`` (``">=2.5,<3"``), pre-releases included.

    Errors: ``InvalidExpectations`` for a range or a version that cannot be read.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # comes with pytest, which the suite needs anyway
    from packaging.version import InvalidVersion, Version

    try:
        return SpecifierSet(when).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion) as error:
        raise InvalidExpectations(f"{source}: cannot tell whether {version!r} is in {when!r} ({error})") from error


@cache
def alternatives(test: str) -> tuple[str, ...]:
    """The tests that ``a{b,c}d`` means: abd and acd."""
    head, opened, rest = test.partition("{")
    inside, closed, tail = rest.partition("}")
    if not (opened and closed):
        return (test,)
    return tuple(f"{head}{each}{end}" for each in inside.split(",") for end in alternatives(tail))


@cache
def pattern(test: str) -> re.Pattern[str]:
    """The ids that ``test`` means: * is a wildcard, and what has none means its [parameters] too."""
    return re.compile("|".join(map(meant, alternatives(test))), re.DOTALL)


def meant(test: str) -> str:
    return ".*".join(map(re.escape, test.split("*"))) + ("" if "*" in test else r"(\[.*)?")
