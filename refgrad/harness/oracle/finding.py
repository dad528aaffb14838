"""A finding: one program, the first statement in which a backend parts from the witnesses, and who is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refgrad.harness.program import ir
from refgrad.harness.program.document import dumps
from refgrad.harness.program.ir import Program, Statement

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

    @property
    def statement(self) -> Statement | None:
        """The first statement that differs; None at the program's end."""
        return ir.numbered(self.program).get(self.number)

    @property
    def signature(self) -> str:
        """Findings of one signature are one: ops and actions of the program, kind and stage."""
        return f"{'+'.join(actions(self.program))}: {self.kind} ({self.stage}, {self.blame})"

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
            "program": dumps(self.program),
        }


def actions(program: Program) -> list[str]:
    """The ops and actions of a program, each once, in order."""
    words = (getattr(each, "op", type(each).__name__.lower()) for each in program.walk())
    return list(dict.fromkeys(word for word in words if word != "leaf"))
