"""What a statement only passes on: given the operands that another had, it says what the other said."""

from __future__ import annotations

from typing import Any

from refgrad.harness.compare import compare
from refgrad.harness.oracle.laws import last_seen
from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Leaf, Program
from refgrad.harness.program.trace import Difference, Seen, Trace

__all__ = ["inherited"]


def inherited(program: Program, backend: Any, mine: Trace, other: Trace, difference: Difference) -> bool:
    """Whether the value in question comes of operands that differ within their bounds, and the statement adds nothing to that.

    A function that cancels has few digits right, and PyTorch's are others; what is divided by them tells. The statement alone
    must say what each side said, given that side's operands: else it is a view, a layout or a history that it stumbles on.
    """
    statement = ir.numbered(program).get(difference.number)
    if difference.field != "value" or not isinstance(statement, ir.Op | ir.InPlace):
        return False
    return all(repeats(statement, backend, trace, difference) for trace in (mine, other))


def repeats(statement: ir.Op | ir.InPlace, backend: Any, trace: Trace, difference: Difference) -> bool:
    """Whether ``backend``, given fresh tensors of the operands in a trace, says what the trace does."""
    said = trace[difference.number].seen.get(difference.name)
    given = {name: last_seen(trace[: difference.number], name) for name in ir.used(statement)}
    if not isinstance(said, Seen) or any(each is None or each.value.dtype.kind == "c" for each in given.values()):
        return False
    leaves = [leaf(name, each) for name, each in given.items() if each is not None]
    again = interpret(Program((*leaves, statement)), backend)[-1].seen.get(difference.name)
    return isinstance(again, Seen) and compare(again.value, said.value) is None


def leaf(name: str, seen: Seen) -> Leaf:
    """A tensor with the values that were seen."""
    return Leaf(name, seen.value.shape, tuple(seen.value.ravel().tolist()), seen.value.dtype.name)
