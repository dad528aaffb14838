"""From pytest's reports to a run: one verdict a test, one exit code."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from refgrad.errors import BackendCrashed, BackendTimeout
from refgrad.harness.behaviours import Behaviour
from refgrad.harness.check import Disagreement
from refgrad.harness.expectations import Expectation, Expectations
from refgrad.harness.outcomes import PASSED, RED
from refgrad.harness.results import Case, Recorder, Run

__all__ = ["FAILED", "GREEN", "MISADAPTED", "Tally", "Verdict", "judge", "op_of", "theme_of", "worst"]

GREEN, FAILED, MISADAPTED = 0, 1, 3
LONGEST = 2000  # characters of a failure's message that are worth keeping

WORST_FIRST = ("crash", "timeout", "fail", "xpass", "xfail", "unsupported", "n/a", "pass (convention)", "pass")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test, or a phase of it, came to, in words that survive the way from a worker process."""

    outcome: str
    reason: str = ""
    message: str = ""
    behaviour: str = ""
    statement: str = ""
    level: str = "must"
    smoke: bool = False
    choices: tuple[tuple[str, str, str], ...] = ()

    def case(self, id: str, duration: float) -> Case:
        """The record of the whole test."""
        return Case(
            id, self.outcome, self.behaviour, self.statement, self.level, theme_of(id), self.reason, self.message,
            round(duration, 4), choices=self.choices,
        )  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As JSON takes it, what is the default left out."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}


def judge(
    behaviour: Behaviour,
    *,
    outcome: str,
    error: BaseException | None,
    excused: tuple[str, str] | None,
    expected: Expectation | None,
    choices: Iterable[tuple[str, str, str]] = (),
    lacking: Iterable[str] = (),
) -> Verdict:
    """The verdict on a phase that pytest calls ``outcome``, seen against what the adapter declares.

    A smoke check cannot be declared away. What a test that passes noted on its way is the verdict's reason.
    """
    kept = behaviour.id, behaviour.statement, behaviour.level, behaviour.smoke, tuple(choices)
    found = Verdict(outcome, "", "", *kept)
    if excused is not None:
        found = replace(found, outcome=excused[0], reason=excused[1])
    elif outcome == "fail":
        found = replace(found, outcome=died(error) or "fail", message=said(error))
    elif outcome == "pass":
        found = noted(found, list(lacking))
    return found if expected is None or behaviour.smoke else declared(found, expected)


def died(error: BaseException | None) -> str | None:
    """The outcome of a test whose backend, in a process of its own, is no more."""
    return {BackendCrashed: "crash", BackendTimeout: "timeout"}.get(type(error))  # type: ignore[arg-type]


def noted(found: Verdict, lacking: list[str]) -> Verdict:
    """A pass with what it is worth: where the backend's choice is not PyTorch's, and what it was not asked."""
    outcome = "pass (convention)" if found.choices else found.outcome
    conventions = [f"{where}: {chosen}, PyTorch's {torch}" for where, chosen, torch in found.choices]
    missing = [f"unsupported for {each}" for each in lacking]
    return replace(found, outcome=outcome, reason="; ".join([*conventions, *missing])[:LONGEST])


def declared(found: Verdict, expected: Expectation) -> Verdict:
    if found.outcome in PASSED:
        return replace(found, outcome="xpass", reason=expected.reason, message=surprise(expected))
    borne_out = {"crash": ("crash", "fail")}.get(expected.outcome, (expected.outcome,))  # no crash is sure to come
    if found.outcome in ("fail", "crash", "timeout") and found.outcome in borne_out:
        return replace(found, outcome="xfail", reason=expected.reason)
    return found


def surprise(expected: Expectation) -> str:
    return f"declared as {expected.outcome} ({expected.reason}), but it passes: take the entry out of the expectations"


def said(error: BaseException | None) -> str:
    if error is None:
        return ""
    text = str(error) if isinstance(error, Disagreement) else f"{type(error).__name__}: {error}"
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


def worst(outcomes: Iterable[str]) -> int:
    """Which of the outcomes of a test's phases is the test's."""
    ranks = [WORST_FIRST.index(outcome) for outcome in outcomes]
    return ranks.index(min(ranks))


class Tally:
    """Adds the cases up to a run."""

    def __init__(self, recorder: Recorder, expectations: Expectations) -> None:
        self.recorder, self.expectations = recorder, expectations
        self.planned = 0
        self.idle: tuple[str, ...] = ()
        self.run: Run | None = None
        self.failed_smoke: list[str] = []

    def crashed(self, id: str, message: str) -> Verdict:
        """The verdict on a test whose process died, and could judge nothing itself."""
        found, expected = Verdict("crash", message=message), self.expectations.for_case(id)
        return found if expected is None else declared(found, expected)

    def add(self, id: str, verdict: Verdict, duration: float) -> None:
        """Record what a test came to."""
        self.recorder.add(verdict.case(id, duration))
        if verdict.smoke and verdict.outcome in RED:
            self.failed_smoke.append(id)

    @property
    def misadapted(self) -> str:
        """Why the run means nothing, where the smoke checks say so."""
        if not self.failed_smoke:
            return ""
        return (
            f"misadapted: {len(self.failed_smoke)} of the smoke checks failed, so the adapter is wrong rather than "
            "its library; no verdict of this run means anything"
        )

    def finish(self, duration: float) -> Run:
        """Close the record."""
        whole = len(self.recorder.cases) == self.planned and not self.misadapted
        unmet = (*self.idle, *self.not_borne_out()) if whole else ()
        self.run = self.recorder.finish(self.planned, unmet=unmet, invalid=self.misadapted, duration=duration)
        return self.run

    def not_borne_out(self) -> Iterable[str]:
        outcomes = {case.id: case.outcome for case in self.recorder.cases}
        return (f"{entry}: no case came out so" for entry in self.expectations.not_borne_out(outcomes))

    def exit_code(self) -> int:
        """0 green, 1 red or nothing executed, 3 misadapted."""
        if self.misadapted:
            return MISADAPTED
        return GREEN if self.run is not None and self.run.green else FAILED


def theme_of(id: str) -> str:
    """The theme of a test: the suite has one file a theme."""
    return id.split("::")[0].rpartition("/")[2].removeprefix("test_").removesuffix(".py")


def op_of(id: str) -> str:
    """The op that a test of ``test_ops.py`` asks about; nothing for any other test."""
    return id.partition("[")[2].removesuffix("]") if theme_of(id) == "ops" else ""
