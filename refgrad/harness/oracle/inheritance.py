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


def inherited(program: Program, backend: Any, other: Trace, difference: Difference) -> bool:
    """Whether the value in question comes of operands that differ within their bounds, and the statement adds nothing to that.

    A function that cancels has few digits right, and PyTorch's are others; what is divided by them tells.
    """
    statement = ir.numbered(program).get(difference.number)
    if difference.field != "value" or not isinstance(statement, ir.Op | ir.InPlace):
        return False
    given = {name: last_seen(other[: difference.number], name) for name in ir.used(statement)}
    theirs = other[difference.number].seen.get(difference.name)
    if not isinstance(theirs, Seen) or any(each is None or each.value.dtype.kind == "c" for each in given.values()):
        return False
    leaves = [leaf(name, each) for name, each in given.items() if each is not None]
    mine = interpret(Program((*leaves, statement)), backend)[-1].seen.get(difference.name)
    return isinstance(mine, Seen) and compare(mine.value, theirs.value) is None


def leaf(name: str, seen: Seen) -> Leaf:
    """A tensor with the values that were seen."""
    return Leaf(name, seen.value.shape, tuple(seen.value.ravel().tolist()), seen.value.dtype.name)
