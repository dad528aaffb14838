"""The campaign itself: shards out, reports back, findings shrunk and stored, each shard closed when all of its are."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from refgrad.errors import BackendUnavailable
from refgrad.harness import registry
from refgrad.harness.campaign import work
from refgrad.harness.campaign.crew import Crew
from refgrad.harness.campaign.store import Store
from refgrad.harness.expectations import PROGRAM, Expectations
from refgrad.harness.isolation import Died
from refgrad.harness.oracle import Finding
from refgrad.harness.oracle.finding import HARMLESS
from refgrad.harness.program import Program
from refgrad.harness.program.shrinking import without

__all__ = ["Campaign"]

ENOUGH = 3  # findings of one family that are shrunk and stored; more are counted
LOOK = 0.25  # seconds between two looks at the clock

Next = Callable[[Any], None]


@dataclass(slots=True)
class Shard:
    """One that is not done yet: the findings of programs that kill, and how much there is still to wait for."""

    number: int
    fatal: dict[int, Finding] = field(default_factory=dict)
    slow: set[int] = field(default_factory=set)  # programs that took too long once, and not again by themselves
    open: int = 0


class Campaign:
    """Runs the shards of a store's plan that are not done, until ``programs`` are done in all, or ``deadline`` is past."""

    def __init__(
        self, store: Store, crew: Crew, backend: Any, expectations: Expectations | None = None, *,
        programs: int | None = None, deadline: float | None = None, watch: Callable[[Campaign], None] = lambda it: None,
    ) -> None:  # fmt: skip
        self.store, self.crew, self.plan, self.backend = store, crew, store.plan, backend
        self.expectations = expectations or Expectations()
        self.programs, self.deadline, self.watch = programs, deadline, watch
        self._pending = dict[Future[Any], Next]()
        self._running, self._next = 0, 0

    def run(self) -> list[dict[str, Any]]:
        """The findings that are no expectation's, the most frequent first."""
        while self._top_up() or self._pending:
            done, _ = wait(self._pending, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                self._pending.pop(future)(self.crew.answer(future))
            self.watch(self)
        return self.unexpected

    @property
    def unexpected(self) -> list[dict[str, Any]]:
        """The findings to look at."""
        found = [each for each in self.store.findings.values() if not each["known"] and each["blame"] not in HARMLESS]
        return sorted(found, key=lambda each: (-self.store.families[each["family"]], each["signature"]))

    # -- shards

    def _top_up(self) -> bool:
        """Start shards while there is room for them; whether there are any left."""
        while self._more() and self._running < self.crew.width:
            self._running += 1
            self._start(Shard(self._take()))
        return self._more()

    def _more(self) -> bool:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return False
        planned = self.store.programs + self._running * self.plan.shard
        return self.programs is None or planned < self.programs

    def _take(self) -> int:
        while self._next in self.store.done:
            self._next += 1
        self._next += 1
        return self._next - 1

    def _submit(self, then: Next, function: Callable[..., Any], *args: Any) -> None:
        self._pending[self.crew.submit(function, self.plan, *args)] = then

    def _start(self, shard: Shard) -> None:
        seeds, skipped = self.plan.seeds(shard.number), frozenset(shard.fatal)
        self._submit(lambda answer: self._came_back(shard, answer), work.run_shard, seeds, skipped, self.crew.limit)

    def _came_back(self, shard: Shard, answer: work.Report | Died) -> None:
        if isinstance(answer, Died):
            self._lost(shard, answer)
            return
        wanted = [each for each in answer.found if self.store.stored(work.family(each)) < ENOUGH]
        shard.open = 1 + len(wanted)
        for finding in wanted:
            self._shrink(shard, answer, finding)
        self._close(shard, answer)

    def _close(self, shard: Shard, report: work.Report) -> None:
        """One thing less to wait for; a shard whose findings are all stored is written down."""
        shard.open -= 1
        if shard.open:
            return
        families = dict(report.families)
        for finding in shard.fatal.values():
            families[work.family(finding)] = families.get(work.family(finding), 0) + 1
        self.store.finish({
            "shard": shard.number, "programs": report.programs, "seconds": round(report.seconds, 3),
            "reached": report.reached, "families": families,
        })  # fmt: skip
        self._running -= 1

    # -- findings

    def _shrink(self, shard: Shard, report: work.Report, finding: Finding) -> None:
        family, seed = work.family(finding), finding.program.seed

        def then(small: Finding | Died) -> None:
            self._keep(finding if isinstance(small, Died) else small, family, seed)
            self._close(shard, report)

        self._submit(then, work.shrunk, finding)

    def _keep(self, finding: Finding, family: str, seed: int | None) -> None:
        expected = self.expectations.for_case(f"{PROGRAM}::{finding.signature}")
        outcome = finding.kind if finding.stage == work.PROCESS else "fail"
        known = expected.reason if expected is not None and expected.outcome == outcome else ""
        self.store.keep(work.record(finding, self.backend) | {"family": family, "seed": seed, "known": known})

    # -- programs that kill their process

    def _lost(self, shard: Shard, died: Died) -> None:
        """A worker died: find the program that did it, and run the others."""
        seed = int(died.noted) if died.noted else None
        if seed is None or seed in shard.fatal:
            raise BackendUnavailable(
                f"{self.plan.backend}: {died.reason} before its first program: {died.said[-300:].strip()}"
            )
        program = work.program_of(self.plan, seed)
        if died.outcome == "timeout" and seed not in shard.slow and self._kills(program) is None:
            shard.slow.add(seed)  # a busy machine, or a first import: it is judged once more
            self._start(shard)
            return
        finding = shard.fatal[seed] = self._deadly(program, died)
        if not self.store.stored(work.family(finding)):
            self._keep(finding, work.family(finding), seed)
        self._start(shard)

    def _deadly(self, program: Program, died: Died) -> Finding:
        """The finding that ``program`` ends its process: at which statement, and without what that has no need of."""
        number = self._kills(program)
        if number is None and self.plan.torch and (other := self._kills(program, "torch")) is not None:
            return work.dead(program, died.outcome, died.reason, other, "torch")
        if number is None or number == len(program):  # not by itself, or not at one statement
            return work.dead(program, died.outcome, died.reason, len(program))
        if not self.store.stored(work.family(work.dead(program, died.outcome, died.reason, number))):
            smaller = work.smaller(program, number, registry.load("refgrad"))
            for small in (*smaller, without(program, range(number + 1, len(program)))):
                if (again := self._kills(small)) is not None:
                    return work.dead(small, died.outcome, died.reason, again)
        return work.dead(program, died.outcome, died.reason, number)

    def _kills(self, program: Program, party: str = "backend") -> int | None:
        """The statement of ``program`` that kills the process of one party alone, None where none does."""
        limit = self.crew.limit or 0.0
        answer = self.crew.answer(self.crew.submit(work.step_by_step, self.plan, program, limit, party))
        return int(answer.noted or 0) if isinstance(answer, Died) else None
