"""What a worker does: a shard of programs, the shrinking of a finding, a look at a program that kills its process."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import Any

from refgrad.errors import BackendCrashed, BackendTimeout, RefgradError, Unsupported
from refgrad.harness import registry
from refgrad.harness.backend import profiles
from refgrad.harness.campaign.plan import Plan
from refgrad.harness.isolation import alarm, note
from refgrad.harness.oracle import Finding, judge, minimal
from refgrad.harness.oracle.finding import actions
from refgrad.harness.program import Program, generate, interpret
from refgrad.harness.program.document import dumps
from refgrad.harness.program.interpreter import Interpreter
from refgrad.harness.program.ir import Statement
from refgrad.harness.program.shrinking import alone, needed
from refgrad.harness.program.source import TORCH, Idiom

__all__ = [
    "Report",
    "Witnesses",
    "dead",
    "family",
    "program_of",
    "record",
    "run_shard",
    "shrunk",
    "smaller",
    "step_by_step",
    "witnesses",
]

PROCESS = "process"  # the stage of findings that are a process's end
JUDGING = "judging"  # and of those that are refgrad's own


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a shard: how often each op and action was reached, and of each family of findings the first.

    Units: ``seconds`` of the worker.
    """

    programs: int
    seconds: float
    reached: dict[str, int]
    families: dict[str, int]
    found: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The backend under test, and those that it is compared with."""

    backend: Any
    reference: Any
    torch: Any | None

    def judge(self, program: Program) -> Finding | None:
        """The finding that ``program`` makes; so is the end of a backend that has a process of its own."""
        try:
            return judge(program, self.backend, self.reference, self.torch)
        except (BackendCrashed, BackendTimeout) as error:
            return self.end(program) or ended(program, error, len(program))
        except (MemoryError, RefgradError):
            raise
        except Exception as error:  # a fault of ours: the program is kept, and hours of others are not lost for it
            return Finding(program, "error", JUDGING, "environment", len(program), "", traceback(error), "a verdict")

    def end(self, program: Program) -> Finding | None:
        """The statement of ``program`` at which the backend's own process ends, and what that needs."""
        found = self.last(program)
        if found is None or found.number == len(program):
            return found
        ends = (self.last(small) for small in smaller(program, found.number, self.reference))
        return next(filter(None, ends), found)

    def last(self, program: Program) -> Finding | None:
        run = Interpreter(self.backend) if by_steps(self.backend) else None
        try:
            interpret(program, self.backend) if run is None else run.run(program)
        except (BackendCrashed, BackendTimeout) as error:
            return ended(program, error, len(program) if run is None else len(run.steps))
        return None

    def minimal(self, finding: Finding) -> Finding:
        """The finding on the smallest program that still shows it."""
        if finding.stage in (PROCESS, JUDGING):
            return finding
        try:
            return minimal(finding, self.backend, self.reference, self.torch)
        except (BackendCrashed, BackendTimeout, MemoryError, RefgradError):
            raise
        except Exception as error:  # as above
            return replace(finding, note=f"could not be made smaller: {traceback(error)}")


def traceback(error: Exception) -> str:
    """An error of our own, with the last line of ours that it passed."""
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"


def ended(program: Program, error: Exception, number: int) -> Finding:
    outcome = "crash" if isinstance(error, BackendCrashed) else "timeout"
    return dead(program, outcome, str(error), number)


def dead(program: Program, outcome: str, reason: str, number: int, blame: str = "backend") -> Finding:
    """The finding that ``program`` ends the process of the backend, or of a witness, at a statement."""
    return Finding(program, outcome, PROCESS, blame, number, "", reason, "an answer")


def smaller(program: Program, number: int, reference: Any) -> Iterator[Program]:
    """What may be enough to end a process at a statement, the least first: its op alone, or what its tensors come of."""
    single = alone(program, number, interpret(program, reference))
    if single is not None:
        yield single
    yield needed(program, number)


@lru_cache(maxsize=1)
def witnesses(plan: Plan) -> Witnesses:
    """The backends of a plan, loaded once a process."""
    torch = registry.load("torch") if plan.torch else None
    return Witnesses(registry.load(plan.backend), registry.load("refgrad"), torch)


def program_of(plan: Plan, seed: int) -> Program:
    """The program of a seed."""
    return generate(seed, dtypes=plan.dtypes, invalid=plan.invalid)


def run_shard(plan: Plan, seeds: range, skipped: frozenset[int], limit: float | None) -> Report:
    """Judge the programs of ``seeds``, but for those that are known to kill, each within ``limit`` seconds."""
    judges, began = witnesses(plan), time.perf_counter()
    reached, families, found = Counter[str](), Counter[str](), dict[str, Finding]()
    for seed in guarded(seeds, limit):
        program = program_of(plan, seed)
        reached.update(actions(program))
        finding = None if seed in skipped else judges.judge(program)
        if finding is not None:
            families[family(finding)] += 1
            found.setdefault(family(finding), finding)
    seconds = time.perf_counter() - began
    return Report(len(seeds), seconds, dict(reached), dict(families), tuple(found.values()))


def guarded(numbers: Iterable[int], limit: float | None) -> Iterator[int]:
    """``numbers``, each noted before its turn, so that the one which kills the process is known, and given its time."""
    for number in numbers:
        if limit is not None:
            note(str(number))
            alarm(limit)
        yield number
    if limit is not None:
        alarm(0)


def shrunk(plan: Plan, finding: Finding) -> Finding:
    """The finding on the smallest program that still shows it."""
    return witnesses(plan).minimal(finding)


def family(finding: Finding) -> str:
    """What findings have in common before they are shrunk: kind, oracle, blame, and the op or action that differs."""
    return f"{finding.kind} at {finding.action} ({finding.stage}, {finding.blame})"


def record(finding: Finding, backend: Any) -> dict[str, Any]:
    """A finding as JSON, with a script in torch's words, and one in the backend's own where it has any."""
    idioms = {"torch": TORCH, str(backend.name): own_idiom(backend)}
    scripts = dict[str, str]()
    for speaker, idiom in idioms.items():
        with contextlib.suppress(Unsupported):
            scripts |= {} if idiom is None else {speaker: finding.script(idiom, speaker=speaker)}
    return finding.record() | {"program": json.loads(dumps(finding.program)), "scripts": scripts}


def own_idiom(backend: Any) -> Idiom | None:
    """How a backend spells a program: torch's way from another module, or as its adapter says."""
    namespace = getattr(backend, "namespace", None)
    spoken = None if namespace is None else Idiom(imports=(f"import {namespace.__name__} as torch",))
    return getattr(backend, "idiom", spoken)


class StepByStep(Interpreter):
    """Notes each statement before it runs."""

    def step(self, statement: Statement) -> None:
        note(str(len(self.steps)))
        super().step(statement)


def step_by_step(plan: Plan, program: Program, limit: float, party: str = "backend") -> None:
    """Run ``program`` on one party alone; if that kills the process, the statement is noted."""
    backend = getattr(witnesses(plan), party)
    note(str(len(program)))
    alarm(limit)
    StepByStep(backend).run(program) if by_steps(backend) else interpret(program, backend)
    alarm(0)


def by_steps(backend: Any) -> bool:
    """Whether a backend runs programs statement by statement, not as one function."""
    return "tape" in profiles(backend)
