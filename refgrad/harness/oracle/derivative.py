"""Is the derivative defined here, and what is it? One-sided finite differences of the program itself, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import Interpreter, array_of
from refgrad.harness.program.ir import Program, Statement
from refgrad.harness.program.trace import Difference, Seen, Trace

__all__ = ["Answer", "Question", "Slope", "one_sided", "question", "shown", "slope"]

Array = np.ndarray[Any, Any]
RATIO = 4.0
STEPS = tuple(RATIO**-k for k in range(3, 12))
CONVERGED = 1e-4  # the relative error from which on a difference quotient has no limit to speak of


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivatives from the left and from the right, each with its error; None where there is none."""

    left: tuple[float, float] | None
    right: tuple[float, float] | None

    @property
    def defined(self) -> bool:
        """Whether both sides agree, so that there is one right answer."""
        if self.left is None or self.right is None:
            return False
        return abs(self.left[0] - self.right[0]) <= self.margin

    @property
    def exists(self) -> bool:
        """Whether there is a derivative from either side, so that a kink's answers have a range."""
        return self.left is not None and self.right is not None

    @property
    def margin(self) -> float:
        """How far an answer may be from the sides and still be one of theirs."""
        sides = [side for side in (self.left, self.right) if side is not None]
        return sum(4 * error + 1e-5 * (1 + abs(value)) for value, error in sides)

    def holds(self, value: float) -> bool:
        """Whether ``value`` is the derivative or, at a kink, between the one-sided ones."""
        if self.left is None or self.right is None:
            return True
        low, high = sorted((self.left[0], self.right[0]))
        return low - self.margin <= value <= high + self.margin

    def __str__(self) -> str:
        told = [f"{side[0]:.9g} +- {side[1]:.1g}" if side else "none" for side in (self.left, self.right)]
        return f"finite differences in float64: left {told[0]}, right {told[1]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one party says: the element in question, and the sum of its gradient, each less what was there before."""

    element: float
    total: float


@dataclass(frozen=True, slots=True)
class Question:
    """The slope along the element in which two gradients differ and, at a kink, along all elements together."""

    slope: Slope
    total: Slope | None
    mine: Answer
    other: Answer

    @property
    def defined(self) -> bool:
        return self.slope.defined

    def holds(self, answer: Answer) -> bool:
        """Whether ``answer`` can be right; at a tie the shares must add up, too."""
        return self.slope.holds(answer.element) and (self.total is None or self.total.holds(answer.total))

    def __str__(self) -> str:
        return str(self.slope) + ("" if self.total is None else f"; along all elements: {self.total}")


def question(program: Program, reference: Any, difference: Difference, mine: Trace, other: Trace) -> Question | None:
    """What a difference of gradients asks; None where it is of no gradient, or the slope cannot be told."""
    statement, mismatch = ir.numbered(program).get(difference.number), difference.mismatch
    name = differentiated_by(statement, difference)
    if mismatch is None or name is None:
        return None
    answers = [answer(trace, difference, mismatch.index) for trace in (mine, other)]
    found = slope(program, reference, difference.number, name, mismatch.index)
    if found is None or any(each is None for each in answers):
        return None
    total = None if found.defined else slope(program, reference, difference.number, name, ...)
    return Question(found, total, *answers)  # type: ignore[arg-type]


def differentiated_by(statement: Statement | None, difference: Difference) -> str | None:
    """The tensor whose gradient differs, if it was asked for."""
    if isinstance(statement, ir.Grad) and difference.field == "value" and difference.name in statement.names:
        return statement.inputs[statement.names.index(difference.name)]
    if isinstance(statement, ir.Backward) and difference.field == "grad":
        return difference.name if statement.inputs is None or difference.name in statement.inputs else None
    return difference.name if difference.field == "hook" else None


def answer(trace: Trace, difference: Difference, index: tuple[int, ...]) -> Answer | None:
    """What a trace says of a gradient, less what had been accumulated before."""
    array = shown(trace, difference)
    if array is None:
        return None
    held = accumulated(trace, difference.number, difference.name) if difference.field == "grad" else None
    with np.errstate(all="ignore"):
        added = array.astype(float) - (0.0 if held is None else held)
        return Answer(float(added[index]), float(added.sum()))


def shown(trace: Trace, difference: Difference) -> Array | None:
    """The array of a trace in which ``difference`` was found."""
    step = trace[difference.number]
    if difference.field == "hook":
        return next((grad for name, grad in step.hooked if name == difference.name), None)
    seen = step.seen.get(difference.name)
    return getattr(seen, difference.field, None) if isinstance(seen, Seen) else None


def accumulated(trace: Trace, number: int, name: str) -> Array | None:
    """The gradient that a tensor had before a statement."""
    looks = (step.seen[name] for step in reversed(trace[:number]) if name in step.seen)
    last = next((each for each in looks if isinstance(each, Seen)), None)
    return None if last is None else last.grad


def slope(program: Program, reference: Any, number: int, name: str, index: Any) -> Slope | None:
    """How what statement ``number`` differentiates moves with one element of the tensor ``name``, or with all (``...``).

    None where that cannot be told: a hook changes gradients on the way, or the tensor is not there.
    """
    if any(isinstance(each, ir.Hook) and each.action == "scale" for each in program.walk()):
        return None
    base = Replay(reference, number)
    base.run(program)
    if base.output is None or name not in base.last_written or name not in base.tensors:
        return None

    def at(step: float) -> float:
        shift = np.zeros(base.array(name).shape)
        shift[index] = step
        moved = Replay(reference, number, base, name, shift)
        moved.run(program)
        return math.nan if moved.output is None else moved.output

    return Slope(one_sided(at, -1), one_sided(at, 1))


def one_sided(function: Callable[[float], float], side: int) -> tuple[float, float] | None:
    """The derivative of ``function`` at 0 from one side, and its error, by extrapolation over ever smaller steps."""
    start = function(0.0)
    quotients = [(function(side * step) - start) / (side * step) for step in STEPS]
    limits = [(RATIO * fine - coarse) / (RATIO - 1) for coarse, fine in pairwise(quotients)]
    pairs = [(abs(fine - coarse), fine) for coarse, fine in pairwise(limits)]
    errors = [(error, value) for error, value in pairs if math.isfinite(error)]
    if not errors:
        return None
    error, value = min(errors)
    return (value, error) if error <= CONVERGED * (1 + abs(value)) else None


class Replay(Interpreter):
    """A run up to one derivative, in float64, with one tensor moved; what is not recorded stays as it was in ``base``.

    That is what autograd differentiates: a tensor without a history is a constant, and a write that is not recorded
    shifts values by a constant.
    """

    def __init__(
        self, backend: Any, until: int, base: Replay | None = None, name: str = "", shift: Array | None = None
    ) -> None:
        super().__init__(backend, watch=False)
        self.until, self.base, self.name, self.shift = until, base, name, shift
        self.values: list[dict[str, tuple[Array, bool]]] = []
        self.last_written: dict[str, int] = {}
        self.output: float | None = None

    def step(self, statement: Statement) -> None:
        """A step, then what of it is no function of the moved tensor is put back."""
        number = len(self.steps)
        if number == self.until:
            self.output = self.differentiated(statement)
        if number >= self.until:
            self.skip((statement,))
            return
        before = {name: self.array(name).copy() for name in self.tensors}
        super().step(_widened(statement))
        if any(name not in self.tensors for name in ir.used(statement)):
            return
        if self.base is not None:
            self.put_back(number, before, self.recorded(statement))
            if self.base.last_written.get(self.name) == number:
                self.array(self.name)[...] += self.shift
        else:
            self.note_values(number, before, statement)

    def array(self, name: str) -> Array:
        """The memory of a tensor."""
        return self.tensors[name].numpy(force=True)  # type: ignore[no-any-return]

    def recorded(self, statement: Statement) -> bool:
        return not isinstance(statement, ir.InPlace) or (
            bool(self.xp.is_grad_enabled()) and bool(self.tensors[statement.target].requires_grad)
        )

    def note_values(self, number: int, before: dict[str, Array], statement: Statement) -> None:
        """Remember every value, and when each was last made or written by what is recorded."""
        now = {name: (self.array(name).copy(), bool(self.tensors[name].requires_grad)) for name in self.tensors}
        recorded = self.steps[number].raised is None and self.recorded(statement)
        for name, (value, _) in now.items():
            changed = name not in before or value.tobytes() != before[name].tobytes()
            if changed and (recorded or name not in before):
                self.last_written[name] = number
        self.values += [{}] * (number - len(self.values)) + [now]

    def put_back(self, number: int, before: dict[str, Array], recorded: bool) -> None:
        """Constants are constant, and an unrecorded write is a shift."""
        assert self.base is not None
        known = self.base.values[number] if number < len(self.base.values) else {}
        was = next((each for each in reversed(self.base.values[:number]) if each), {})
        for name in list(self.tensors):
            if name not in known:
                continue
            value, requires_grad = known[name]
            if not requires_grad and name != self.name:
                self.tensors[name] = self.xp.tensor(value)
            elif not recorded and name in before:
                self.array(name)[...] = value + (before[name] - was[name][0])

    def differentiated(self, statement: Statement) -> float | None:
        """The sum of what the statement differentiates, weighted with its gradients."""
        match statement:
            case ir.Backward(target=target, gradient=gradient):
                outputs, gradients = [target], [gradient]
            case ir.Grad(outputs=names, grad_outputs=given):
                outputs, gradients = list(names), list(given or (None,) * len(names))
            case _:
                return None
        if any(each not in self.tensors for each in (*outputs, *(each for each in gradients if each is not None))):
            return None
        total = 0.0
        for output, gradient in zip(outputs, gradients, strict=True):
            array = self.array(output)
            total += float((array if gradient is None else array * self.array(gradient)).sum())
        return total


def _widened(statement: Statement) -> Statement:
    """A leaf in float64, with the values that it really had."""
    if isinstance(statement, ir.Leaf) and statement.dtype.startswith("float"):
        return replace(statement, dtype="float64", values=tuple(array_of(statement).astype(float).ravel().tolist()))
    return statement
