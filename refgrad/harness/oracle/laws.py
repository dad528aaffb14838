"""What must hold of a backend by itself, whatever any other library answers: each law compares two of its own runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refgrad.harness.backend import profiles
from refgrad.harness.oracle.identities import dot_product, symmetry
from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import Interpreter, interpret, optional
from refgrad.harness.program.ir import Backward, Grad, Leaf, Program, Statement
from refgrad.harness.program.shrinking import replaced
from refgrad.harness.program.trace import Difference, Seen, Step, Trace, first_difference

__all__ = ["LAWS", "Broken", "broken", "changed", "last_seen", "repetition", "speaks_torch"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """A law that does not hold, and where the two runs part."""

    law: str
    difference: Difference


def broken(program: Program, backend: Any, trace: Trace) -> Broken | None:
    """The first law that ``backend``, whose trace of ``program`` is given, breaks."""
    for law, check in LAWS.items():
        difference = check(program, backend, trace)
        if difference is not None:
            return Broken(law, difference)
    return None


def untouched(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """A statement that raises an error has changed no tensor."""
    for step in trace:
        if step.raised is not None and (found := changed(trace, step)) is not None:
            return found
    return None


def changed(trace: Trace, step: Step) -> Difference | None:
    """The first tensor whose value a statement changed, with the value before."""
    for name, seen in step.seen.items():
        before = last_seen(trace[: step.number], name)
        if isinstance(seen, Seen) and before is not None:
            plain = Step(step.number, {name: _value_only(seen)}), Step(step.number, {name: _value_only(before)})
            if (found := first_difference(*((each,) for each in plain))) is not None:
                return found
    return None


def last_seen(trace: Trace, name: str) -> Seen | None:
    """The last that a trace shows of a tensor."""
    looks = (step.seen[name] for step in reversed(trace) if name in step.seen)
    last = next(looks, None)
    return last if isinstance(last, Seen) else None


def recording(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """A statement that raises an error leaves the recording of gradients as it was."""
    if not any(step.raised for step in trace) or "tape" not in profiles(backend):
        return None
    run = Recording(backend)
    run.run(program)
    return run.found


class Recording(Interpreter):
    """A run that notes the first error which changes whether ``x * 2`` is recorded."""

    found: Difference | None = None

    def step(self, statement: Statement) -> None:
        """A step, and a look at the mode before and after."""
        before = self.records()
        super().step(statement)
        if self.steps[-1].raised and self.found is None and (after := self.records()) != before:
            self.found = Difference(len(self.steps) - 1, "recording", "", after, before)

    def records(self) -> bool | None:
        """Whether an op is recorded now; None where the backend cannot tell."""
        found: bool | None = optional(lambda: (self.xp.tensor(np.ones(()), requires_grad=True) * 2).requires_grad)
        return found


def repetition(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """A program gives the same again."""
    return first_difference(interpret(program, backend), trace, texts=speaks_torch(backend))


def speaks_torch(backend: Any) -> bool:
    """Whether the texts of its errors are to be PyTorch's; others may name what they made, by another name each time."""
    return getattr(backend, "namespace", None) is not None


def reading(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """Looking at tensors between the statements changes nothing."""
    unread = interpret(program, backend, watch=False)
    runs = [(*(step._replace(seen={}) for step in run[:-1]), run[-1]) for run in (trace, unread)]
    return first_difference(*runs, texts=speaks_torch(backend))


def create_graph(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """A derivative is the same number with its graph recorded and without."""
    for number, statement in only_derivative(program):
        other = replace(statement, create_graph=not statement.create_graph, retain_graph=True)
        plain = replace(statement, retain_graph=True)
        runs = [interpret(replaced(program, number, each), backend) for each in (plain, other)]
        if any(run[number].lacking or run[number].raised for run in runs):
            return None
        return first_difference(*(numbers_only(run, number) for run in runs))
    return None


def contiguous(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """How the leaves lie in memory does not matter to a number."""
    plain = program
    for number, statement in ir.numbered(program).items():
        if isinstance(statement, Leaf) and statement.layout != "contiguous":
            plain = replaced(plain, number, replace(statement, layout="contiguous"))
    if plain == program:
        return None
    other = interpret(plain, backend)
    if any(step.raised for step in (*trace, *other)):
        return None  # writes and `view` may depend on the layout
    return first_difference(numbers_only(trace), numbers_only(other))


def linearity(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """Twice the cotangent gives twice the gradients."""
    for number, statement in only_derivative(program):
        source = cotangent(program, statement)
        if source is None or trace[number].raised:
            return None
        at, leaf = source
        doubled = replaced(program, at, replace(leaf, values=tuple(2 * each for each in leaf.values)))
        twice = interpret(doubled, backend)
        once = scaled(numbers_only(trace, number), 2.0, statement)
        return first_difference(unseen(numbers_only(twice, number), leaf.name), unseen(once, leaf.name))
    return None


LAWS: dict[str, Callable[[Program, Any, Trace], Difference | None]] = {
    "untouched by an error": untouched,
    "recording after an error": recording,
    "repetition": repetition,
    "reading": reading,
    "create_graph": create_graph,
    "contiguous": contiguous,
    "linearity": linearity,
    "dot product": dot_product,
    "symmetry": symmetry,
}


def only_derivative(program: Program) -> list[tuple[int, Any]]:
    """The statement that differentiates, by number, where there is just one: no gradient was there before it."""
    found = [(n, each) for n, each in ir.numbered(program).items() if isinstance(each, Backward | Grad)]
    return found if len(found) == 1 else []


def cotangent(program: Program, statement: Statement) -> tuple[int, Leaf] | None:
    """The finite leaf that is the only gradient of a derivative, if nothing else uses it."""
    given = (
        statement.gradient
        if isinstance(statement, Backward)
        else (getattr(statement, "grad_outputs", None) or (None,))[0]
    )
    users = [each for each in program.walk() if given in ir.used(each)]
    for number, leaf in ir.numbered(program).items():
        if isinstance(leaf, Leaf) and leaf.name == given and len(users) == 1 and leaf.dtype.startswith("float"):
            return (number, leaf) if all(abs(each) < 1e30 for each in leaf.values) else None
    return None


def numbers_only(trace: Trace, number: int | None = None) -> Trace:
    """The numbers of a trace, of one step or of all; facts and errors aside."""
    return tuple(_bare(step, number in (None, step.number)) for step in trace)


def _bare(step: Step, kept: bool) -> Step:
    seen = {name: _facts_aside(each) for name, each in step.seen.items() if isinstance(each, Seen)} if kept else {}
    return Step(step.number, dict(seen))


def _value_only(seen: Seen) -> Seen:
    return Seen(seen.value, None, None, None, None, None, None)


def _facts_aside(seen: Seen) -> Seen:
    return Seen(seen.value, None, None, None, None, seen.grad, None)


def unseen(trace: Trace, name: str) -> Trace:
    """A trace without one tensor."""
    return tuple(step._replace(seen={key: each for key, each in step.seen.items() if key != name}) for step in trace)


def scaled(trace: Trace, factor: float, statement: Statement) -> Trace:
    """A trace with what one derivative made multiplied."""

    def times(seen: Seen) -> Seen:
        if isinstance(statement, Grad):
            return seen._replace(value=seen.value * seen.value.dtype.type(factor))
        return seen if seen.grad is None else seen._replace(grad=seen.grad * seen.grad.dtype.type(factor))

    def each(step: Step) -> Iterator[tuple[str, Seen]]:
        for name, seen in step.seen.items():
            if isinstance(seen, Seen):
                yield name, times(seen)

    return tuple(Step(step.number, dict(each(step))) for step in trace)
