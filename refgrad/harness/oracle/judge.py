"""The verdict on one program: three traces, the first difference, and whose it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refgrad.harness.backend import has_graph
from refgrad.harness.oracle.conditioning import allowance
from refgrad.harness.oracle.derivative import Question, answer, question, slope
from refgrad.harness.oracle.finding import HARMLESS, Finding
from refgrad.harness.oracle.inheritance import inherited
from refgrad.harness.oracle.known import of_torch
from refgrad.harness.oracle.laws import broken, changed, last_seen, repetition, speaks_torch
from refgrad.harness.oracle.sharing import shared
from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Program
from refgrad.harness.program.shrinking import in_double, replaced, shrink, without
from refgrad.harness.program.trace import Difference, Trace, first_difference

__all__ = ["expressible", "judge", "minimal"]

LEFT_OPEN = frozenset({"kthvalue", "topk"})  # Source: their documentation, and that of unstable sorts
HALF_THE_DIGITS = float(np.finfo(np.float32).eps) ** 0.5
LAWS_EVERY = 8  # the laws cost as much as the rest: one drawn program in so many is held to them


def judge(
    program: Program, backend: Any, reference: Any, torch: Any | None = None, *, laws: bool | None = None
) -> Finding | None:
    """What ``program`` shows to be wrong with ``backend``, or with a witness; None where all agree.

    Statements that a backend or a witness cannot express are left out, with what depends on them. ``laws`` holds the
    backend to what it owes itself, too: by default one drawn program in eight, and each that was not drawn.
    """
    program, traces = expressible(program, [backend, reference, *([] if torch is None else [torch])])
    case = Case(program, backend, reference, torch, *traces, *([None] if torch is None else []))
    found = case.weigh()
    if found is not None or laws is False or (laws is None and (program.seed or 0) % LAWS_EVERY):
        return found
    return case.hold()


def expressible(program: Program, backends: list[Any]) -> tuple[Program, list[Trace]]:
    """As much of ``program`` as all of the backends can express and some of them run, and their traces of it."""
    while True:
        traces = [interpret(program, backends[0])]
        traces += [traces[0] if each is backends[0] else interpret(program, each) for each in backends[1:]]
        lacking = {step.number for trace in traces for step in trace if step.lacking is not None}
        if not has_graph(backends[0]):  # a graph's own errors say nothing of pure functions
            lacking |= {step.number for trace in traces[1:] for step in trace if step.raised is not None}
        idle = set.intersection(*({step.number for step in trace if step.passed_over} for trace in traces))
        if not lacking and not idle:
            return program, traces
        program = without(program, lacking | idle)


def minimal(finding: Finding, backend: Any, reference: Any, torch: Any | None = None) -> Finding:
    """The finding on the smallest program that still shows it: the same kind, by the same oracle, with the same blame."""
    laws = finding.stage.startswith("law")

    def again(program: Program) -> Finding | None:
        found = judge(program, backend, reference, torch, laws=laws)
        same = found and (found.kind, found.stage, found.blame) == (finding.kind, finding.stage, finding.blame)
        return found if same else None

    small = shrink(finding.program, lambda program: again(program) is not None)
    return again(small) or replace(finding, note="does not repeat itself")


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two parties who differ, and which of them is to blame where mathematics has no say.

    Of the two answers in question, ``actual`` is the candidate's, and of whom it agrees with.
    """

    mine: str
    other: str
    suspect: str

    @property
    def opponent(self) -> str:
        """The one who is not suspected."""
        return self.mine if self.suspect == self.other else self.other


@dataclass(frozen=True, slots=True)
class Case:
    """A program, who ran it, and what each showed."""

    program: Program
    backend: Any
    reference: Any
    torch: Any | None
    mine: Trace
    by_reference: Trace
    by_torch: Trace | None

    def weigh(self) -> Finding | None:
        """The finding that the traces make, if any: PyTorch is the truth, unless mathematics knows better."""
        asked = {"texts": speaks_torch(self.backend), "unused": has_graph(self.backend)}
        from_reference = first_difference(self.mine, self.by_reference, **asked)
        if self.by_torch is None:
            return self.attribute(from_reference, Dispute("backend", "reference", "backend"), self.by_reference)
        from_torch = first_difference(self.mine, self.by_torch, **asked)
        if from_torch is None:
            return self.attribute(from_reference, Dispute("torch", "reference", "reference"), self.by_reference)
        if from_reference is None:
            return self.attribute(from_torch, Dispute("reference", "torch", "reference"), self.by_torch)
        return self.attribute(from_torch, Dispute("backend", "torch", "backend"), self.by_torch)

    def attribute(self, difference: Difference | None, dispute: Dispute, other: Trace) -> Finding | None:
        """The questions that come before blame: is the case well conditioned, and is the derivative defined?"""
        if difference is None:
            return None
        of_pytorch = difference.actual if dispute.mine == "torch" else difference.expected
        if of_torch(difference.field, of_pytorch, ir.numbered(self.program).get(difference.number)):
            return self.finding(difference, dispute, "torch", "known")
        mismatch = difference.mismatch
        if mismatch is not None and (culprit := self.touched(difference, dispute, other)) is not None:
            return self.finding(difference, dispute, culprit, "law: untouched by an error")
        if mismatch is not None and (culprit := self.unsteady(dispute)) is not None:
            return self.finding(difference, dispute, culprit, "law: repetition", "it changes from run to run")
        if mismatch is None or mismatch.kind != "value":
            return self.by_word(difference, dispute, other)
        moves = allowance(self.program, self.reference, difference)
        if moves == math.inf or (mismatch.difference or 0.0) <= (mismatch.bound or 0.0) + moves:
            return self.finding(
                difference, dispute, "ill-conditioned", "conditioning", f"the reference moves by {moves:.3g}"
            )
        suspect, traces = self.who(dispute.suspect), (self.mine, other)
        if suspect is not None and inherited(self.program, suspect, *traces, difference):
            return self.finding(difference, dispute, "ill-conditioned", "conditioning", "its operands' roundings")
        if self.off_the_line(difference):
            return self.finding(difference, dispute, "convention", "undefined", "there is no derivative at nan or inf")
        asked = question(self.program, self.reference, difference, self.mine, other)
        if asked is None and any(self.rounds(each, difference) for each in (dispute.mine, dispute.other)):
            return self.finding(difference, dispute, "ill-conditioned", "conditioning", "an answer itself moves so far")
        if asked is None:
            return self.by_word(difference, dispute, other)
        return self.decide(difference, dispute, asked)

    def by_word(self, difference: Difference, dispute: Dispute, other: Trace) -> Finding:
        """The finding where only PyTorch's word counts, which it may have given for memory that its gradients share."""
        theirs = {dispute.other: self.mine, dispute.mine: other}.get("torch")
        if self.torch is not None and theirs is not None:
            texts = speaks_torch(self.backend)
            if shared(self.program, self.torch, theirs, difference, texts=texts):
                return self.finding(difference, dispute, "torch", "sharing", "not if each of its gradients is copied")
        if (bare := self.unhooked(difference)) is not None:
            return self.finding(difference, dispute, bare.blame, bare.stage, "told without the hooks")
        if self.outdone(difference, dispute):
            cleared = "in double precision both say what the other said"
            return self.finding(difference, dispute, dispute.opponent, "double", cleared)
        return self.finding(difference, dispute, dispute.suspect, "trace")

    def unhooked(self, difference: Difference) -> Finding | None:
        """What mathematics says of the like where no hook changes it, for what a hook returns is no derivative."""
        hooks = {n for n, each in ir.numbered(self.program).items() if isinstance(each, ir.Hook)}
        if not hooks or difference.mismatch is None:
            return None
        found = judge(without(self.program, hooks), self.backend, self.reference, self.torch, laws=False)
        if found is None or (found.kind, found.name) != (difference.field, difference.name):
            return None
        return found if found.stage == "derivative" or found.blame in HARMLESS else None

    def outdone(self, difference: Difference, dispute: Dispute) -> bool:
        """Whether the suspect's answer in single precision is what both say in double, and the other's is not."""
        mismatch, wide = difference.mismatch, in_double(self.program)
        parties = [self.who(party) for party in (dispute.suspect, dispute.mine, dispute.other)]
        if mismatch is None or mismatch.kind != "value" or wide == self.program or None in parties:
            return False
        found = [
            answer(interpret(program, party), difference, mismatch.index)
            for program, party in zip((self.program, wide, wide), parties, strict=True)
        ]
        numbers = [each.element for each in found if each is not None]
        return len(numbers) == len(found) and max(numbers) - min(numbers) <= (mismatch.bound or 0.0)

    def off_the_line(self, difference: Difference) -> bool:
        """Whether it is a gradient at nan or inf that is in question: PyTorch's own may hang on a tensor's size."""
        seen = last_seen(self.mine, difference.name) if difference.field == "grad" else None
        place = () if difference.mismatch is None else difference.mismatch.index
        return seen is not None and not np.isfinite(seen.value[place])

    def touched(self, difference: Difference, dispute: Dispute, other: Trace) -> str | None:
        """Who of two parties changed a tensor in a statement that raised an error for both."""
        steps = self.mine[difference.number], other[difference.number]
        if any(step.raised is None for step in steps):
            return None
        wrong = [changed(trace, step) is not None for trace, step in zip((self.mine, other), steps, strict=True)]
        return {(True, False): dispute.mine, (False, True): dispute.other}.get((wrong[0], wrong[1]))

    def unsteady(self, dispute: Dispute) -> str | None:
        """Who of two parties does not give the same again."""
        traces = {"backend": self.mine, "reference": self.by_reference, "torch": self.by_torch}
        for party in (dispute.mine, dispute.other):
            trace = traces[party]
            if trace is not None and repetition(self.program, self.who(party), trace) is not None:
                return party
        return None

    def decide(self, difference: Difference, dispute: Dispute, asked: Question) -> Finding:
        """Where the derivative is defined mathematics decides; elsewhere whatever lies between the sides is convention."""
        right = asked.holds(asked.mine), asked.holds(asked.other)
        cancels = asked.defined or (asked.slope.exists and self.wavers(difference))
        if cancels and not any(right):  # a formula that cancels: PyTorch's digits are as wrong as any
            return self.finding(difference, dispute, "ill-conditioned", "derivative", str(asked))
        if asked.defined:
            blame = {(True, False): dispute.other, (False, True): dispute.mine}.get(right, dispute.suspect)
            accused = (dispute.mine, dispute.other) if all(right) else (blame,)  # both are as near as can be measured
            if any(self.rounds(each, difference) or self.holds_in_double(each, difference, asked) for each in accused):
                return self.finding(difference, dispute, "ill-conditioned", "derivative", str(asked))
            return self.finding(difference, dispute, blame, "derivative", str(asked))
        if not asked.slope.exists:  # nan, inf, the edge of a domain: PyTorch's own answer may hang on a tensor's size
            return self.finding(difference, dispute, "convention", "undefined", str(asked))
        kept = dispute.suspect != "backend" and not self.left_open()  # the reference has PyTorch's conventions to keep
        convention = right[0] and not kept
        return self.finding(difference, dispute, "convention" if convention else dispute.suspect, "kink", str(asked))

    def wavers(self, difference: Difference) -> bool:
        """Whether the reference's answer moves as far where all leaves are a little larger: noise, and no kink at 0 or a tie."""
        mismatch, leaves = difference.mismatch, ir.numbered(self.program)
        if mismatch is None:
            return False
        found = []
        for factor in (1.0, 1.01, 1.02, 1.03, 1.05):
            program = self.program
            for number, each in leaves.items():
                if isinstance(each, ir.Leaf) and each.requires_grad:
                    program = replaced(program, number, replace(each, values=tuple(v * factor for v in each.values)))
            found.append(answer(interpret(program, self.reference), difference, mismatch.index))
        numbers = [each.element for each in found if each is not None]
        return len(numbers) == len(found) and max(numbers) - min(numbers) >= (mismatch.difference or 0.0) / 2

    def left_open(self) -> bool:
        """Whether the program has an op of which PyTorch leaves open which of equal numbers it takes."""
        return any(getattr(each, "op", None) in LEFT_OPEN for each in self.program.walk())

    def rounds(self, party: str, difference: Difference) -> bool:
        """Whether the accused's own answer moves as far as it is off, so that no rule of its is wrong, but its rounding."""
        accused, mismatch = self.who(party), difference.mismatch
        if getattr(accused, "namespace", None) is None or mismatch is None:
            return False
        off = (mismatch.difference or 0.0) - (mismatch.bound or 0.0)
        return off <= allowance(self.program, accused, difference)

    def holds_in_double(self, party: str, difference: Difference, asked: Question) -> bool:
        """Whether half the accused's digits are right, and in double precision all: its formula cancels, no rule is wrong."""
        accused, mismatch, wide = self.who(party), difference.mismatch, in_double(self.program)
        if accused is None or mismatch is None or wide == self.program:
            return False
        if (mismatch.difference or 0.0) > HALF_THE_DIGITS * abs(mismatch.expected):
            return False
        found = answer(interpret(wide, accused), difference, mismatch.index)
        return found is not None and asked.holds(found)

    def hold(self) -> Finding | None:
        """The finding that the backend's own laws make; what a witness breaks likewise is a convention."""
        found = broken(self.program, self.backend, self.mine)
        if found is None:
            return None
        witness, trace = self.reference, self.by_reference
        if self.torch is not None and self.backend.name == self.reference.name:
            witness, trace = self.torch, self.by_torch or ()
        theirs = broken(self.program, witness, trace) if witness.name != self.backend.name else None
        shared = theirs is not None and theirs.law == found.law
        blame = "backend" if self.smooth(found.difference) and not shared else "convention"
        if blame == "backend" and self.rounds("reference", found.difference):
            blame = "ill-conditioned"
        return self.finding(found.difference, Dispute("backend", "law", "backend"), blame, f"law: {found.law}")

    def smooth(self, difference: Difference) -> bool:
        """Whether there is one right answer to a gradient; where that cannot be told, a law is a law."""
        if difference.mismatch is None or difference.field != "grad":
            return True
        along = difference.number, difference.name, difference.mismatch.index
        found = slope(self.program, self.reference, *along)
        return found is None or found.defined

    def finding(self, difference: Difference, dispute: Dispute, blame: str, stage: str, note: str = "") -> Finding:
        mismatch = difference.mismatch
        return Finding(
            self.program,
            difference.field,
            stage,
            blame,
            difference.number,
            difference.name,
            difference.actual,
            difference.expected,
            None if mismatch is None else mismatch.ulps,
            None if mismatch is None else mismatch.bound,
            () if mismatch is None else mismatch.index,
            note,
            (self.called(dispute.mine), self.called(dispute.other)),
            frozenset(
                step.number
                for trace in (self.mine, self.by_torch or self.by_reference)
                for step in trace
                if step.raised
            ),
        )

    def called(self, party: str) -> str:
        """A party by its own name; the two answers are printed under these."""
        who = self.who(party)
        return party if who is None else str(who.name)

    def who(self, party: str) -> Any | None:
        return {"backend": self.backend, "reference": self.reference, "torch": self.torch}.get(party)
