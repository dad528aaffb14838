"""Fuzzing in one process: programs by seed, judged one after the other, and the distinct findings among them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from refgrad.errors import RefgradError
from refgrad.harness import registry
from refgrad.harness.oracle import Finding, judge, minimal
from refgrad.harness.oracle.finding import HARMLESS
from refgrad.harness.program.generator import Focus, focus, generate

__all__ = ["Session", "witnesses"]

SHRUNK_AT_MOST = 8


def witnesses(backend: Any) -> tuple[Any, Any | None]:
    """The reference, and torch where it is installed and is not the backend itself."""
    reference = registry.load("refgrad")
    if backend.name == "torch":
        return reference, None
    try:
        return reference, registry.load("torch")
    except RefgradError:
        return reference, None


@dataclass(slots=True)
class Session:
    """A run over seeds: what was covered, and each distinct finding once, at its smallest."""

    backend: Any
    reference: Any
    torch: Any | None = None
    programs: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)  # by signature
    smallest: dict[str, Finding] = field(default_factory=dict)
    covered: set[Focus] = field(default_factory=set)
    shrunk: dict[tuple[str, ...], list[str]] = field(default_factory=dict)  # the signatures that alike findings had

    def run(self, seeds: Iterable[int]) -> Iterator[Finding]:
        """Judge the program of each seed; a finding of a new signature is given, shrunk, as soon as it is there."""
        for seed in seeds:
            started = time.perf_counter()
            found = judge(generate(seed), self.backend, self.reference, self.torch)
            self.programs += 1
            self.covered.add(focus(seed))
            new = None if found is None else self.note(found)
            self.seconds += time.perf_counter() - started
            if new is not None:
                yield new

    def note(self, found: Finding) -> Finding | None:
        """Count a finding, and give it back shrunk if it is new; of many alike only the first few are shrunk."""
        alike = self.shrunk.setdefault((found.kind, found.stage, found.blame, found.action), [])
        if len(alike) >= SHRUNK_AT_MOST:
            self.counts[alike[0]] += 1
            return None
        small = minimal(found, self.backend, self.reference, self.torch)
        alike.append(small.signature)
        self.counts[small.signature] += 1
        held = self.smallest.get(small.signature)
        if held is None or len(small.program) < len(held.program):
            self.smallest[small.signature] = small
        return small if held is None else None

    @property
    def failures(self) -> list[Finding]:
        """The distinct findings that are somebody's fault, the most frequent first."""
        harmful = [each for each in self.smallest.values() if each.blame not in HARMLESS]
        return sorted(harmful, key=lambda each: -self.counts[each.signature])
