"""How far the reference itself moves when what was rounded is moved by one ulp: no backend need be nearer than that."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.harness.oracle.derivative import shown
from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import Interpreter
from refgrad.harness.program.ir import Program, Statement
from refgrad.harness.program.trace import Difference, Trace

__all__ = ["allowance", "nudged"]

Array = np.ndarray[Any, Any]
RUNS = 4
SAFETY = 8.0  # how often a chain of roundings may outdo the worst of a few random ones
EXACT_BITS = {4: np.uint32(0x3FF), 8: np.uint64(0x3FFFFF)}  # a number that ends in zeros was not rounded
WORD: dict[int, type[np.unsignedinteger[Any]]] = {4: np.uint32, 8: np.uint64}


def allowance(program: Program, reference: Any, difference: Difference) -> float:
    """How far apart two right answers may be where ``difference`` is, by the reference's own movement."""
    place = difference.mismatch.index if difference.mismatch is not None else ()
    found = [_number(Nudged(reference, run).run(program), difference, place) for run in range(RUNS + 1)]
    base, *moved = found
    if base is None:
        return 0.0
    if any(each is None or np.isfinite(each) != np.isfinite(base) for each in moved):
        return np.inf  # the nudge took another branch: nothing can be said
    with np.errstate(all="ignore"):
        return float(SAFETY * max(abs(each - base) for each in moved if each is not None))


class Nudged(Interpreter):
    """A run in which every rounded result is moved by an ulp, equal numbers equally, so that ties stay ties."""

    def __init__(self, backend: Any, run: int) -> None:
        super().__init__(backend, watch=True)
        self.direction = run

    def step(self, statement: Statement) -> None:
        """A step, and the nudge to what it made."""
        super().step(statement)
        for name in ir.made(statement):
            tensor = self.tensors.get(name)
            if self.direction and tensor is not None:
                array = tensor.numpy(force=True)
                if array.dtype.kind == "f" and array.flags.writeable and not tensor._is_view():
                    array[...] = nudged(array, self.direction)
                    if not isinstance(statement, ir.Leaf) and self.direction % 2:
                        array[array == 0] *= -1  # which zero a result is, is a rounding too
                    if isinstance(statement, ir.Grad | ir.TakeGrad) and self.direction % 2:
                        array[np.abs(array) < np.finfo(array.dtype).eps] = 0  # what is left of terms that cancel


def nudged(array: Array, direction: int) -> Array:
    """``array`` with its rounded numbers moved one ulp up or down, as a hash of the number and ``direction`` says."""
    size = array.dtype.itemsize
    if size not in WORD:
        return array
    bits = np.ascontiguousarray(array).view(WORD[size])
    rounded = (bits & EXACT_BITS[size]) != 0
    odd = (bits * WORD[size](2654435761) >> WORD[size](8 + direction)) & WORD[size](1)
    moved = np.nextafter(array, np.where(odd.reshape(array.shape) == 1, np.inf, -np.inf).astype(array.dtype))
    return np.where(rounded.reshape(array.shape) & np.isfinite(array), moved, array)


def _number(trace: Trace, difference: Difference, place: tuple[int, ...]) -> float | None:
    """The number of a trace at the place of a difference."""
    array = shown(trace, difference)
    return None if array is None or len(place) != array.ndim else float(array[place])
