"""Several backends side by side: what each came to, theme by theme, and what it chooses where no derivative exists."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refgrad.errors import InvalidRun
from refgrad.harness.outcomes import PASSED, RED
from refgrad.harness.results import Case, Header, Run, problems, recorded

__all__ = ["Choice", "Row", "Score", "choices", "read", "themes"]

RAISES = "raises"  # where a gradient would be told


@dataclass(frozen=True, slots=True)
class Row:
    """One backend: its run, or the reason why there is none."""

    header: Header
    run: Run | None
    reason: str = ""

    @property
    def name(self) -> str:
        """Backend and version; of one that could not be loaded, what was asked for."""
        return f"{self.header.backend} {self.header.version}".strip()

    @property
    def green(self) -> bool:
        return self.run is not None and self.run.green


@dataclass(frozen=True, slots=True)
class Score:
    """Cases of one backend: those that apply, and of these the ones that pass, that differ, declared or not, that it lacks."""

    passed: int
    differ: int
    lacking: int

    @property
    def applicable(self) -> int:
        return self.passed + self.differ + self.lacking


@dataclass(frozen=True, slots=True)
class Choice:
    """A point without a derivative: PyTorch's gradient there, and each backend's; None where it was not asked."""

    where: str
    torch: str
    chosen: tuple[str | None, ...]


def read(path: Path) -> Row:
    """What the record at ``path`` comes to; a run that proves nothing is a row with the reason."""
    try:
        run = recorded(path)
    except InvalidRun as error:
        return Row(Header(path.stem, "", path.stem), None, str(error).removeprefix(f"{path}: "))
    reason = next((reason for wrong, reason in problems(run) if wrong), "")
    return Row(run.header, None if reason else run, reason)


def score(counts: dict[str, int]) -> Score:
    passed, differ = (sum(counts.get(outcome, 0) for outcome in kind) for kind in (PASSED, RED | {"xfail"}))
    return Score(passed, differ, counts.get("unsupported", 0))


def themes(rows: Iterable[Row]) -> dict[str, list[Score]]:
    """Each theme with the score of each backend that ran, smoke first."""
    found = [row.run.themes() for row in rows if row.run]
    names = sorted({name for each in found for name in each}, key=lambda name: (name != "smoke", name))
    return {name: [score(each.get(name, {})) for each in found] for name in names}


def choices(rows: Iterable[Row]) -> list[Choice]:
    """The points at which the choice of one that ran is not PyTorch's."""
    runs = [row.run for row in rows if row.run]
    told = [dict(noted(run)) for run in runs]
    cases = [{case.id: case for case in run.cases} for run in runs]
    found = []
    for point in sorted({point for each in told for point in each}):
        torch = next(each[point][1] for each in told if point in each)
        chosen = (
            each[point][0] if point in each else unsaid(point, by_id.get(point[0]), torch)
            for each, by_id in zip(told, cases)
        )
        found.append(Choice(words(*point), torch, tuple(chosen)))
    return found


def noted(run: Run) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Each value other than PyTorch's at a kink, and PyTorch's, by the test and the point in it."""
    for case in run.cases:
        if case.theme.startswith("kink") or "::test_kink[" in case.id:
            yield from (((case.id, where), (chosen, torch)) for where, chosen, torch in case.choices)


def unsaid(point: tuple[str, str], case: Case | None, torch: str) -> str | None:
    """The value at a point of which a run has noted none: PyTorch's, if all is well there."""
    if case is None:
        return None
    if case.outcome in PASSED:
        return torch
    raised = case.message.partition(":")[0].isidentifier()  # the class of an error; a disagreement names the case
    return RAISES if raised and not point[1] else None


def words(id: str, where: str) -> str:
    """A point's name: the test's own where it has but one."""
    test, _, parameters = id.partition("::test_")[2].removesuffix("]").partition("[")
    return where or ": ".join(each.replace("_", " ") for each in (test, parameters) if each)
