"""``python -m tests.score [NAME or CHAPTER ...]``: PyTorch's own samples, on refgrad and on PyTorch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator

import torch
from rich.console import Console
from rich.table import Table

from tests.score import coverage
from tests.score.chapters import counts
from tests.score.tally import Options, Score, by_chapter, records, score, whole_names

EXAMPLES = """\
examples:
  python -m tests.score                          all 540 records, about two minutes
  python -m tests.score linalg fft               two chapters
  python -m tests.score add linalg.svd --why     two ops, with the first difference of each
  python -m tests.score nn --list-missing        what is not there yet, and what is wrong, by name
  python -m tests.score --complex linalg --why   complex128
  python -m tests.score pointwise --errors       wrong inputs too: class and text
  python -m tests.score --at-least 330           what tox -e score asks
"""


def main(argv: list[str] | None = None) -> int:
    """Score the names given, or all."""
    given = parser().parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 200)
    options = Options(torch.complex128 if given.complex else torch.float64, given.errors, given.limit)
    chosen = [op for op in records(given.names) if options.dtype in op.dtypes]
    scores = [score(op, options) for op in progress(chosen, console)]
    show(scores, given, console)
    if given.coverage:
        coverage.write(scores)
    whole = whole_names(scores).values()
    return 0 if all(whole) or (given.at_least is not None and sum(whole) >= given.at_least) else 1


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.score", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="an op, a variant of one, or a chapter; default: all")
    made.add_argument("--list-missing", action="store_true", help="list the names that are missing or wrong")
    made.add_argument("--why", action="store_true", help="say for each what differs first, on which sample")
    made.add_argument("--complex", action="store_true", help="complex128 instead of float64")
    made.add_argument("--errors", action="store_true", help="ask for the error inputs too")
    made.add_argument("--limit", type=int, metavar="N", help="at most N samples a record")
    made.add_argument("--at-least", type=int, metavar="N", help="be content with N whole names")
    made.add_argument("--coverage", action="store_true", help="write the section on ops of docs/coverage.md")
    return made


def progress(chosen: list[object], console: Console) -> Iterable[object]:
    if not console.is_terminal:
        return chosen
    from rich.progress import track

    return track(chosen, "asking", console=console, transient=True)


def show(scores: list[Score], given: argparse.Namespace, console: Console) -> None:
    if given.why:
        reasons(scores, console)
    if given.list_missing:
        for line in lists(scores):
            console.print(line, highlight=False, markup=False)
    console.print(table(scores))
    names = whole_names(scores)
    console.print(f"{sum(names.values())} of {len(names)} names whole (masked and sparse set aside)", highlight=False)


def reasons(scores: list[Score], console: Console) -> None:
    for each in scores:
        if each.finding is not None and not each.missing:
            head = f"{each.variant} ({each.good} of {each.samples} samples), {each.finding.question}: "
            console.print(head + each.finding.reason, highlight=False, markup=False, soft_wrap=True)
            console.print(f"    on {each.sample}", highlight=False, markup=False, soft_wrap=True)


def lists(scores: list[Score]) -> Iterator[str]:
    for kind in ("missing", "wrong"):
        for chapter in by_chapter(scores):
            named = [
                s.variant for s in scores if s.chapter == chapter and not s.whole and s.missing == (kind == "missing")
            ]
            if named:
                yield f"{kind}, {chapter} ({len(named)}): {' '.join(named)}"


def table(scores: list[Score]) -> Table:
    made = Table("chapter", title="records of PyTorch's op_db")
    for kind in ("whole", "wrong", "missing", "all"):
        made.add_column(kind, justify="right")
    chapters = by_chapter(scores)
    for chapter, found in chapters.items():
        made.add_row(chapter, *(str(found[kind]) for kind in ("whole", "wrong", "missing")), str(found.total()))
    goal = [each for each in scores if counts(each.name)]
    made.add_section()
    made.add_row("all", *totals(scores))
    made.add_row("all but masked, sparse", *totals(goal))
    return made


def totals(scores: list[Score]) -> list[str]:
    sums = [sum(found[kind] for found in by_chapter(scores).values()) for kind in ("whole", "wrong", "missing")]
    return [*map(str, sums), str(len(scores))]


if __name__ == "__main__":
    sys.exit(main())
