"""A finding: one program, the first statement in which a backend parts from the witnesses, and who is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refgrad.harness.program import ir
from refgrad.harness.program.document import dumps
from refgrad.harness.program.ir import Program, Statement
from refgrad.harness.program.source import TORCH, Idiom, Question, script

__all__ = ["BLAMES", "HARMLESS", "Finding", "actions"]

BLAMES = ("backend", "reference", "torch", "convention", "ill-conditioned", "environment")
HARMLESS = frozenset({"convention", "ill-conditioned"})  # recorded, and no failure


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (``kind``), by which oracle (``stage``), whose fault it is, and the evidence."""

    program: Program
    kind: str
    stage: str
    blame: str
    number: int
    name: str
    actual: Any
    expected: Any
    ulps: float | None = None
    bound: float | None = None
    index: tuple[int, ...] = ()
    note: str = ""
    parties: tuple[str, str] = ("backend", "torch")  # who answered ``actual``, and who ``expected``
    raising: frozenset[int] = frozenset()  # the statements that raise an error, on either side

    @property
    def statement(self) -> Statement | None:
        """The first statement that differs; None at the program's end."""
        return ir.numbered(self.program).get(self.number)

    @property
    def action(self) -> str:
        """The op or action of the first statement that differs."""
        statement = self.statement
        return "end" if statement is None else word(statement)

    @property
    def signature(self) -> str:
        """Findings of one signature are one: ops and actions of the program, kind and stage."""
        return f"{'+'.join(actions(self.program))}: {self.kind} ({self.stage}, {self.blame})"

    def __str__(self) -> str:
        mine, other = self.parties
        place = f"{self.kind} of {self.name}" + (f" at {list(self.index)}" if self.index else "")
        distance = "" if self.ulps is None else f"; {self.ulps:,.0f} ulp apart, bound {self.bound:.3g}"
        told = [f"{self.signature}", f"  {place} after statement {self.number} ({self.action}){distance}"]
        told += [f"    {mine}: {self.actual}", f"    {other}: {self.expected}"]
        return "\n".join(told + ([f"  {self.note}"] if self.note else []))

    def script(self, idiom: Idiom = TORCH, *, speaker: str = "torch") -> str:
        """A standalone script in which ``speaker`` answers anew, beside what the other party answered.

        Errors: ``Unsupported`` where the idiom has no words for the program.
        """
        answers = dict(zip(self.parties, (self.actual, self.expected), strict=True))
        others = {who: answer for who, answer in answers.items() if who != speaker}
        asked = Question(self.number, self.kind, self.name, others, self.raising)
        return script(self.program, asked, idiom)

    def record(self) -> dict[str, Any]:
        """The finding as plain data for JSON."""
        return {
            "signature": self.signature,
            "kind": self.kind,
            "stage": self.stage,
            "blame": self.blame,
            "statement": self.number,
            "name": self.name,
            "index": list(self.index),
            "actual": repr(self.actual),
            "expected": repr(self.expected),
            "ulps": self.ulps,
            "bound": self.bound,
            "note": self.note,
            "parties": list(self.parties),
            "program": dumps(self.program),
        }


def actions(program: Program) -> list[str]:
    """The ops and actions of a program, each once, in order."""
    return list(dict.fromkeys(word(each) for each in program.walk() if not isinstance(each, ir.Leaf)))


def word(statement: Statement) -> str:
    """An op's name, or what else a statement does."""
    return str(getattr(statement, "op", None) or getattr(statement, "mode", None) or type(statement).__name__.lower())
