"""Two recorded runs of the suite: what got worse, what got better, what is new and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refgrad.harness.outcomes import EXCUSED, RED
from refgrad.harness.results import Case, Run

__all__ = ["RunDiff", "compared", "render"]


@dataclass(frozen=True, slots=True)
class RunDiff:
    """The cases of two runs by what became of them; a pair is the old case and the new."""

    old: Run
    new: Run
    regressions: tuple[tuple[Case, Case], ...]
    fixes: tuple[tuple[Case, Case], ...]
    changed: tuple[tuple[Case, Case], ...]
    added: tuple[Case, ...]
    gone: tuple[Case, ...]

    @property
    def worse(self) -> bool:
        """Whether a case got red, is new and red, or is not there any more."""
        return bool(self.regressions or self.gone or any(case.outcome in RED for case in self.added))


def compared(old: Run, new: Run) -> RunDiff:
    """Match the cases by id; one that was tested and no longer is has got worse, too."""
    before, after = ({case.id: case for case in run.cases} for run in (old, new))
    pairs = [(before[id], case) for id, case in after.items() if id in before and before[id].outcome != case.outcome]
    worse = [pair for pair in pairs if got_worse(*pair)]
    better = [pair for pair in pairs if got_worse(*reversed(pair))]
    others = [pair for pair in pairs if pair not in worse and pair not in better]
    added = tuple(case for id, case in after.items() if id not in before)
    gone = tuple(case for id, case in before.items() if id not in after)
    return RunDiff(old, new, tuple(worse), tuple(better), tuple(others), added, gone)


def got_worse(old: Case, new: Case) -> bool:
    if new.outcome in RED:
        return old.outcome not in RED
    return old.outcome == "pass" and (new.outcome in EXCUSED or new.outcome == "xfail")


def render(diff: RunDiff) -> str:
    """The lists that are not empty, then the sums."""
    lists = {
        "REGRESSIONS": map(moved, diff.regressions),
        "fixes": map(moved, diff.fixes),
        "changed": map(moved, diff.changed),
        "new": map(single, diff.added),
        "gone": map(single, diff.gone),
    }
    return "\n".join([*(line for name, lines in lists.items() for line in section(name, list(lines))), sums(diff)])


def section(name: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield from (f"{name} ({len(lines)})", *(f"  {line}" for line in lines), "")


def moved(pair: tuple[Case, Case]) -> str:
    old, new = pair
    said = new.reason or next(iter(new.message.splitlines()), "")
    return f"{new.id}: {old.outcome} -> {new.outcome}" + (f"  ({said})" if said else "")


def single(case: Case) -> str:
    return f"{case.id}: {case.outcome}"


def sums(diff: RunDiff) -> str:
    names = [f"{run.header.backend} {run.header.version}" for run in (diff.old, diff.new)]
    counts = {
        "regressions": len(diff.regressions), "fixes": len(diff.fixes), "changed": len(diff.changed),
        "new": len(diff.added), "gone": len(diff.gone),
    }  # fmt: skip
    return f"{names[0]} -> {names[1]}: " + ", ".join(f"{number} {name}" for name, number in counts.items())
