"""One program on two backends: the two traces side by side, and where they part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from refgrad.harness.backend import has_graph
from refgrad.harness.oracle.judge import expressible
from refgrad.harness.program import Difference, Program, Trace, first_difference, ir
from refgrad.harness.program.source import TORCH, Question, Writer
from refgrad.harness.program.trace import Raised, Seen, Step

__all__ = ["Pair", "Row", "compared", "table"]

SAME = "〃"


@dataclass(frozen=True, slots=True)
class Row:
    """A statement, in torch's words, and what either backend showed then."""

    number: int
    statement: str
    told: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two traces of what both backends can express of a program."""

    program: Program
    traces: tuple[Trace, Trace]
    difference: Difference | None

    def rows(self) -> Iterator[Row]:
        """One row a statement, and one for the end."""
        words = dict(enumerate(written(self.program)))
        news = [told(trace) for trace in self.traces]
        for number, (mine, theirs) in enumerate(zip(*news, strict=True)):
            yield Row(number, words.get(number, "the end"), (mine, theirs))


def compared(program: Program, one: Any, other: Any) -> Pair:
    """The program on both; the texts of errors count where both speak torch, gradients of zeros where both have graphs."""
    program, (mine, theirs) = expressible(program, [one, other])
    texts = all(hasattr(each, "namespace") for each in (one, other))
    unused = all(map(has_graph, (one, other)))
    return Pair(program, (mine, theirs), first_difference(mine, theirs, texts=texts, unused=unused))


def table(pair: Pair, names: tuple[str, str]) -> Any:
    """The rows for rich, the first difference marked; what both show is written once."""
    from rich.table import Table

    found = Table("", "statement", *names, pad_edge=False, show_edge=False)
    for row in pair.rows():
        differs = pair.difference is not None and row.number == pair.difference.number
        one, other = row.told
        found.add_row(
            "≠" if differs else "",
            row.statement,
            one,
            SAME if one == other else other,
            style="bold red" if differs else "",
        )
    return found


class Lines(Writer):
    """Writes a statement a line, with nothing inlined."""

    def literals(self) -> Iterator[ir.Leaf]:
        return iter(())


def written(program: Program) -> Iterator[str]:
    """The statements in torch's words, in the order of their numbers."""
    writer = Lines(program, Question(-1, "value", ""), TORCH)
    for statement in program.walk():
        if isinstance(statement, ir.Block):
            yield f"with torch.{statement.mode}():"
        else:
            yield "\n".join(writer.lines((statement,), iter((-2,))))


def told(trace: Trace) -> Iterator[str]:
    """What each step showed that was not seen before."""
    known = dict[str, str]()
    for step in trace:
        looks = {name: look(seen) for name, seen in step.seen.items()}
        yield "\n".join(parts(step, {name: text for name, text in looks.items() if known.get(name) != text}))
        known |= looks


def parts(step: Step, news: dict[str, str]) -> Iterator[str]:
    if step.raised is not None:
        yield f"{step.raised.kind}: {step.raised.text}"
    if step.passed_over:
        yield "(passed over)"
    yield from (f"hook on {name}: {brief(grad)}" for name, grad in step.hooked)
    yield from (f"{name}: {text}" for name, text in news.items())


def look(seen: Seen | Raised | None) -> str:
    if not isinstance(seen, Seen):
        return "None" if seen is None else f"{seen.kind}: {seen.text}"
    facts = [word for word in ("requires_grad", "is_leaf") if getattr(seen, word)]
    facts += [f"version {seen.version}"] if seen.version else []
    facts += [f"grad {brief(seen.grad)}"] if seen.grad is not None else []
    return ", ".join([f"{brief(seen.value)} {seen.value.dtype}", *facts])


def brief(array: Any) -> str:
    import numpy as np

    text = np.array2string(array, precision=8, threshold=12, separator=", ")
    return " ".join(text.split())
