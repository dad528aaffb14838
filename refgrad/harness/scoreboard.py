"""Several backends side by side: what each came to, theme by theme, and what it chooses where no derivative exists."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from refgrad.errors import InvalidRun
from refgrad.harness.outcomes import PASSED, RED
from refgrad.harness.results import Header, Run, problems, recorded

__all__ = ["Choice", "Row", "Score", "choices", "read", "themes"]

# where a kink was told apart: by `compare` in a test of its own, or by `OpCheck.weigh` as a convention
COMPARED = re.compile(r"got (?P<chosen>.+?), expected (?P<torch>.+?) \(dtype")
WEIGHED = re.compile(
    r"(?P<where>\S.*?), gradient (?P<at>\d+ at \[.*?\]): (?P<chosen>\S+), PyTorch's (?P<torch>[^\s;]+)"
)
SHOWN = 100  # characters of the place of a kink


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
    """A point without a derivative: PyTorch's value there, and each backend's; None where it was not asked."""

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
    passed = [{case.id for case in run.cases if case.outcome in PASSED} for run in runs]
    found = []
    for key in dict.fromkeys(key for each in told for key in each):
        torch = next(each[key]["torch"] for each in told if key in each)
        asked = [
            each[key]["chosen"] if key in each else torch if key[0] in ok else None for each, ok in zip(told, passed)
        ]
        found.append(Choice(key[1], torch, tuple(asked)))
    return found


def noted(run: Run) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """Each choice other than PyTorch's by its test and its point; of an op's points the first."""
    for case in run.cases:
        if case.theme.startswith("kink") and (met := COMPARED.search(case.message)):
            yield (case.id, case.id.partition("::test_")[2]), met.groupdict()
        elif case.outcome == "pass (convention)" and (met := WEIGHED.match(case.reason)):
            where = f"{shortened(met['where'])}, gradient {met['at']}"
            yield (case.id, where), met.groupdict()


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."
