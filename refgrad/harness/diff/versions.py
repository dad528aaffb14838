"""Two backends on many programs, as two versions of one library: what changed, with no oracle but each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from refgrad.errors import BackendCrashed, BackendTimeout
from refgrad.harness.diff.traces import compared
from refgrad.harness.oracle.finding import actions, word
from refgrad.harness.program import Program, generate, interpret, ir, shrink

__all__ = ["Change", "changes"]

TRIES = 300  # runs that the shrinking of a change may take
DEATHS = 12  # the same, where each run may cost a process


@dataclass(frozen=True, slots=True)
class Change:
    """A difference that ``count`` programs show, on the smallest of the first."""

    program: Program
    kind: str
    where: str
    one: str
    other: str
    count: int = 1

    @property
    def signature(self) -> str:
        """Changes of one signature are one."""
        return f"{'+'.join(actions(self.program))}: {self.kind} at {self.where}"


def changes(
    one: Any, other: Any, seeds: Iterable[int], watch: Callable[[int, int], None] = lambda programs, found: None
) -> list[Change]:
    """What the programs of ``seeds`` show, the most frequent first; ``watch`` is told the counts as they grow."""
    found = dict[tuple[str, str], Change]()
    for number, seed in enumerate(seeds, 1):
        change = changed(generate(seed), one, other)
        if change is not None:
            key = change.kind, change.where
            found[key] = replace(found[key], count=found[key].count + 1) if key in found else small(change, one, other)
        watch(number, len(found))
    return sorted(found.values(), key=lambda change: (-change.count, change.signature))


def changed(program: Program, one: Any, other: Any) -> Change | None:
    """How the two differ on ``program``, the end of a process included."""
    try:
        pair = compared(program, one, other)
    except (BackendCrashed, BackendTimeout):
        mine, theirs = end(program, one), end(program, other)
        return None if mine == theirs else Change(program, "process", "its end", mine, theirs)
    if (difference := pair.difference) is None:
        return None
    statement = ir.numbered(pair.program).get(difference.number)
    where = "the end" if statement is None else word(statement)
    return Change(pair.program, difference.field, where, str(difference.actual), str(difference.expected))


def end(program: Program, backend: Any) -> str:
    try:
        interpret(program, backend)
    except (BackendCrashed, BackendTimeout) as error:
        return "crash" if isinstance(error, BackendCrashed) else "timeout"
    return "an answer"


def small(change: Change, one: Any, other: Any) -> Change:
    """The change on the smallest program that still shows it."""

    def again(program: Program) -> Change | None:
        found = changed(program, one, other)
        return found if found and (found.kind, found.where) == (change.kind, change.where) else None

    tries = DEATHS if change.kind == "process" else TRIES
    program = shrink(change.program, lambda program: again(program) is not None, tries=tries)
    return again(program) or change
