"""The verdict on one program: three traces, the first difference, and whose it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refgrad.harness.oracle.finding import Finding
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Program
from refgrad.harness.program.shrinking import shrink, without
from refgrad.harness.program.trace import Difference, Trace, first_difference

__all__ = ["expressible", "judge", "minimal"]


def judge(program: Program, backend: Any, reference: Any, torch: Any | None = None) -> Finding | None:
    """What ``program`` shows to be wrong with ``backend``, or with a witness; None where all agree.

    Statements that a backend or a witness cannot express are left out, with what depends on them.
    """
    program, traces = expressible(program, [backend, reference, *([] if torch is None else [torch])])
    return weigh(program, *traces)


def expressible(program: Program, backends: list[Any]) -> tuple[Program, list[Trace]]:
    """As much of ``program`` as all of the backends can express, and their traces of it."""
    while True:
        traces = [interpret(program, each) for each in backends]
        lacking = {step.number for trace in traces for step in trace if step.lacking is not None}
        if not lacking:
            return program, traces
        program = without(program, lacking)


def weigh(program: Program, mine: Trace, reference: Trace, torch: Trace | None = None) -> Finding | None:
    """The finding that the traces of one program make, if any."""
    by_reference = first_difference(mine, reference)
    if torch is None:
        return _finding(program, by_reference, "backend")
    by_torch = first_difference(mine, torch)
    if by_torch is None:  # PyTorch is the truth
        return _finding(program, by_reference, "reference")
    return _finding(program, by_torch, "reference" if by_reference is None else "backend")


def minimal(finding: Finding, backend: Any, reference: Any, torch: Any | None = None) -> Finding:
    """The finding on the smallest program that still shows it: the same kind, by the same oracle, with the same blame."""

    def again(program: Program) -> Finding | None:
        found = judge(program, backend, reference, torch)
        same = found and (found.kind, found.stage, found.blame) == (finding.kind, finding.stage, finding.blame)
        return found if same else None

    small = shrink(finding.program, lambda program: again(program) is not None)
    return again(small) or replace(finding, note="does not repeat itself")


def _finding(program: Program, difference: Difference | None, blame: str) -> Finding | None:
    if difference is None:
        return None
    mismatch = difference.mismatch
    return Finding(
        program,
        difference.field,
        "trace",
        blame,
        difference.number,
        difference.name,
        difference.actual,
        difference.expected,
        None if mismatch is None else mismatch.ulps,
        None if mismatch is None else mismatch.bound,
        () if mismatch is None else mismatch.index,
    )
