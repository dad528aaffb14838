"""``refgrad diff``: two backends on programs, or two recorded runs."""

import argparse
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refgrad.commands.fuzz import count
from refgrad.commands.parser import GREEN, RED, Commands, refuse, require, subcommand

if TYPE_CHECKING:
    from refgrad.harness.program import Program

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad diff mylib torch --program finding.json     one program, the two traces side by side
  refgrad diff exec:'old/bin/python -m refgrad.harness.wire serve mylib' mylib
                                                      what changed between two versions, on random programs
  refgrad diff old.jsonl new.jsonl                    two runs of the suite: regressions, fixes, new, gone

A program is a JSON file as `refgrad fuzz` writes it, alone or in a finding.

exit codes: 0 no difference (of two runs: none for the worse), 1 a difference, 4 unusable backend or bad usage
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "diff", diff, "show where two backends, or two runs, differ", EXAMPLES)
    added.add_argument("one", metavar="A", help="a backend, as for `refgrad check`, or a results.jsonl")
    added.add_argument("other", metavar="B", help="another")
    added.add_argument("--program", type=Path, metavar="FILE", help="run this one")
    added.add_argument("--programs", type=count, default=200, metavar="N", help="run so many random ones (200)")
    added.add_argument("--seed", type=int, default=0, metavar="S", help="which (0)")


def diff(options: argparse.Namespace, rest: list[str]) -> int:
    """Compare what the two names stand for."""
    refuse(rest)
    if options.one.endswith(".jsonl") and options.other.endswith(".jsonl"):
        return runs(Path(options.one), Path(options.other))
    require("rich", "diff needs rich", "fuzz")
    from refgrad.harness import registry

    with ExitStack() as stack:
        backends = [registry.load(spec) for spec in (options.one, options.other)]
        for each in backends:
            stack.callback(getattr(each, "close", lambda: None))
        names = called(options, *backends)
        return program(options.program, names, *backends) if options.program else versions(options, names, *backends)


def runs(old: Path, new: Path) -> int:
    from refgrad.harness import results
    from refgrad.harness.diff import runs

    found = runs.compared(results.read(old), results.read(new))
    print(runs.render(found))
    return RED if found.worse else GREEN


def program(path: Path, names: tuple[str, str], one: Any, other: Any) -> int:
    from rich.console import Console

    from refgrad.harness.diff import traces

    pair = traces.compared(read(path), one, other)
    Console().print(traces.table(pair, names))
    print(f"\n{pair.difference or 'no difference'}")
    return RED if pair.difference else GREEN


def read(path: Path) -> "Program":
    """The program in a file, alone or in a finding."""
    import json

    from refgrad.harness.program.document import MAX_BYTES, loads

    with path.open("rb") as file:
        text = file.read(2 * MAX_BYTES)
    with suppress(ValueError, RecursionError):  # which `loads` says better
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("program"), dict):
            text = json.dumps(found["program"]).encode()
    return loads(text, source=str(path))


def versions(options: argparse.Namespace, names: tuple[str, str], one: Any, other: Any) -> int:
    """A line or three for each change."""
    from rich.console import Console

    from refgrad.harness.diff.versions import changes

    console = Console(stderr=True)
    with console.status("...") as status:
        found = changes(
            one, other, range(options.seed * 10**9, options.seed * 10**9 + options.programs),
            lambda programs, changes: status.update(f"{programs} programs, {changes} changes"),
        )  # fmt: skip
    for change in found:
        print(
            f"{change.signature}  ({change.count} programs)\n  {names[0]}: {change.one}\n  {names[1]}: {change.other}\n"
        )
    print(f"{names[0]} -> {names[1]}: {len(found)} changes in {options.programs} programs of seed {options.seed}")
    return RED if found else GREEN


def called(options: argparse.Namespace, one: Any, other: Any) -> tuple[str, str]:
    """Their versions, and what was asked for where these are the same."""
    names = f"{one.name} {one.version}", f"{other.name} {other.version}"
    asked = f"{names[0]}, {options.one}", f"{names[1]}, {options.other}"
    return asked if names[0] == names[1] else names
