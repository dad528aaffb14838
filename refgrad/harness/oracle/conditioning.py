"""How far the reference itself moves when what was rounded is moved by an ulp or a few: no backend need be nearer than that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refgrad.harness.oracle.derivative import shown
from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import Interpreter, interpret
from refgrad.harness.program.ir import Program, Statement
from refgrad.harness.program.shrinking import replaced
from refgrad.harness.program.trace import Difference, Trace

__all__ = ["allowance", "nudged"]

Array = np.ndarray[Any, Any]
SAFETY = 8  # how often a chain of roundings may outdo the worst of a few random ones
RUNS = (1,) * 4 + (SAFETY,) * 4  # by how many ulps each moves: a step, as that of floor, may be farther off than one
SUMS = frozenset({"sum", "mean", "add", "sub", "dot", "matmul", "mm", "trace", "cumsum"})
COMPARISONS = frozenset({"eq", "ge", "gt", "le", "lt", "ne"})
EXACT_BITS = {4: np.uint32(0x3FF), 8: np.uint64(0x3FFFFF)}  # a number that ends in zeros was not rounded
WORD: dict[int, type[np.unsignedinteger[Any]]] = {4: np.uint32, 8: np.uint64}


def allowance(program: Program, backend: Any, difference: Difference) -> float:
    """How far apart two right answers may be where ``difference`` is, by the movement of a backend that speaks torch."""
    statement = ir.numbered(program).get(difference.number)
    if isinstance(statement, ir.Op) and statement.op in COMPARISONS:
        return np.inf if _tied(program, backend, difference, statement) else 0.0
    return _movement(program, backend, difference)


def _tied(program: Program, backend: Any, difference: Difference, statement: ir.Op) -> bool:
    """Whether two numbers that are compared are no farther apart than their difference moves; equal ones may not move at all."""
    apart = replaced(program, difference.number, replace(statement, op="sub", params=()))
    found = _number(interpret(apart, backend), difference, _place(difference))
    moves = _movement(apart, backend, difference)
    return found is not None and moves > 0 and abs(found) <= moves


def _movement(program: Program, backend: Any, difference: Difference) -> float:
    place = _place(difference)
    runs = [Nudged(backend, run, ulps) for run, ulps in enumerate((0, *RUNS))]
    base, *moved = (_number(run.run(program), difference, place) for run in runs)
    if base is None:
        return 0.0
    if any(each is None or np.isfinite(each) != np.isfinite(base) for each in moved):
        return np.inf  # the nudge took another branch: nothing can be said
    with np.errstate(all="ignore"):
        return max(SAFETY / ulps * abs(each - base) for each, ulps in zip(moved, RUNS, strict=True) if each is not None)


class Nudged(Interpreter):
    """A run in which every rounded result is moved by some ulps, equal numbers equally, so that ties stay ties."""

    def __init__(self, backend: Any, run: int, ulps: int) -> None:
        super().__init__(backend, watch=True)
        self.direction, self.ulps = run, ulps

    def step(self, statement: Statement) -> None:
        """A step, and the nudge to what it made."""
        super().step(statement)
        for name in rounded(statement):
            tensor = self.tensors.get(name)
            if self.direction and tensor is not None:
                array = tensor.numpy(force=True)
                computed = isinstance(statement, ir.InPlace) or not tensor._is_view()
                if array.dtype.kind == "f" and array.flags.writeable and computed:
                    self.move(array, statement)

    def move(self, array: Array, statement: Statement) -> None:
        """Move the numbers that ``statement`` computed, where they lie."""
        array[...] = nudged(array, self.direction, self.ulps)
        if not isinstance(statement, ir.Leaf) and self.direction % 2:
            array[array == 0] = 0.0 if self.direction % 4 == 1 else -0.0  # which zero a result is, is a rounding too
        if isinstance(statement, ir.Op) and statement.op in SUMS and self.direction % 2:
            array[np.abs(array) <= SAFETY * np.finfo(array.dtype).eps * self.largest(statement)] = 0  # as below
        if isinstance(statement, ir.Grad | ir.TakeGrad) and self.direction % 2:
            array[np.abs(array) < np.finfo(array.dtype).eps] = 0  # what is left of terms that cancel

    def largest(self, statement: Statement) -> float:
        """The largest of the numbers that ``statement`` adds up."""
        given = [np.abs(self.tensors[name].numpy(force=True)) for name in ir.used(statement)]
        return max((float(np.max(each, initial=0, where=np.isfinite(each))) for each in given), default=0.0)


def rounded(statement: Statement) -> tuple[str, ...]:
    """The tensors whose numbers a statement computes."""
    return (statement.target,) if isinstance(statement, ir.InPlace) else ir.made(statement)


def nudged(array: Array, direction: int, ulps: int = 1) -> Array:
    """``array`` with its rounded numbers moved up or down, as a hash of the number and ``direction`` says."""
    if array.dtype.itemsize not in WORD:
        return array
    word = WORD[array.dtype.itemsize]
    odd = (_bits(array) * word(2654435761) >> word(8 + direction)) & word(1)
    toward, moved = np.where(odd == 1, np.inf, -np.inf).astype(array.dtype), array
    for _ in range(ulps):
        moved = np.nextafter(moved, toward)
    return np.where(_inexact(array), moved, array)


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).view(WORD[array.dtype.itemsize]).reshape(array.shape)


def _inexact(array: Array) -> Array:
    inexact: Array = (_bits(array) & EXACT_BITS[array.dtype.itemsize]) != 0
    inexact &= np.isfinite(array)
    return inexact


def _place(difference: Difference) -> tuple[int, ...]:
    return () if difference.mismatch is None else difference.mismatch.index


def _number(trace: Trace, difference: Difference, place: tuple[int, ...]) -> float | None:
    """The number of a trace at the place of a difference."""
    array = shown(trace, difference)
    return None if array is None or len(place) != array.ndim else float(array[place])
