"""``refgrad matrix``: the suite on several backends, in one table."""

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from refgrad.commands.check import command, isolated, parallel
from refgrad.commands.parser import GREEN, RED, Commands, duration, refuse, require, subcommand

if TYPE_CHECKING:
    from refgrad.harness.scoreboard import Row

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad matrix                                       every installed backend
  refgrad matrix refgrad torch exec:'node server.js'   these
  refgrad matrix mylib exec:'env PYTHONPATH=old python -m refgrad.harness.wire serve mylib'
                                                       a library beside an older one, unzipped in old/
  refgrad matrix --results runs --html scoreboard.html keep the records, and a page to look at or to send
  refgrad matrix --from runs > scoreboard.md           the table again, from records that were kept

A backend that would not load, crashes or does not come back is a row with its reason. The records are those of
`refgrad check --results`: `refgrad report` shows one, `refgrad diff` two.

exit codes: 0 all green, 1 one is not, 4 bad usage
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "matrix", matrix, "compare several backends in one table", EXAMPLES)
    added.add_argument("specs", nargs="*", metavar="SPEC", help="as for `refgrad check`; none: all that are installed")
    added.add_argument("--results", type=Path, metavar="DIR", help="keep the record of each here")
    added.add_argument("--from", type=Path, dest="source", metavar="DIR", help="run nothing: make the table of these")
    added.add_argument("--html", type=Path, metavar="PATH", help="write the page here, too")
    added.add_argument("-k", metavar="EXPR", help="only the tests whose names match, as in pytest")
    added.add_argument("-n", metavar="N", help="how many processes each, or auto")
    added.add_argument("--timeout", type=duration, default=3600.0, metavar="T", help="of one backend (1h)")


def matrix(options: argparse.Namespace, rest: list[str]) -> int:
    """Markdown on standard output; progress goes to standard error."""
    refuse(rest)
    from refgrad.harness.report import matrix

    rows = recorded(options.source, options.specs) if options.source else run(options)
    if options.html is not None:
        options.html.write_text(matrix.page(rows), encoding="utf-8")
    print(matrix.markdown(rows), end="")
    return GREEN if all(row.green for row in rows) else RED


def recorded(folder: Path, specs: list[str]) -> list["Row"]:
    """The rows of a folder's records, by name.

    Errors: ``RefgradError`` where there are none, or specs were given too.
    """
    from refgrad.errors import RefgradError
    from refgrad.harness.scoreboard import read

    paths = sorted(folder.glob("*.jsonl"))
    if specs or not paths:
        raise RefgradError(f"--from {folder}: {'runs nothing, so it takes no SPEC' if specs else 'no *.jsonl there'}")
    return [read(path) for path in paths]


def run(options: argparse.Namespace) -> list["Row"]:
    """The rows of fresh runs."""
    require("pytest", "the suite needs pytest")
    require("rich", "matrix needs rich")
    from rich.console import Console

    from refgrad.harness import registry
    from refgrad.harness.report.matrix import verdict
    from refgrad.harness.scoreboard import read

    console, rows = Console(stderr=True, soft_wrap=True, highlight=False), list["Row"]()
    specs = options.specs or registry.names()
    with tempfile.TemporaryDirectory(prefix="refgrad-") as folder:
        for path, spec in records(options.results or Path(folder), specs).items():
            with console.status(spec) as status:
                for done in checked(spec, path, options):
                    status.update(f"{spec}: {done}")
            rows.append(read(path))
            console.print(f"[{len(rows)}/{len(specs)}] {spec}: {verdict(rows[-1])}", markup=False)
    return rows


def records(folder: Path, specs: list[str]) -> dict[Path, str]:
    """Where each backend's record goes; the names keep the order.

    Errors: ``RefgradError`` where other records are there, which would come to be part of the table.
    """
    from refgrad.errors import RefgradError

    names = [re.sub(r"[^\w.=]+", "-", spec).strip("-")[:60] for spec in specs]
    paths = [folder / f"{number:02}-{name}.jsonl" for number, name in enumerate(names, 1)]
    if others := sorted({*folder.glob("*.jsonl")} - {*paths}):
        raise RefgradError(f"{others[0]} is a record of another table: choose an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    return dict(zip(paths, specs, strict=True))


def checked(spec: str, path: Path, options: argparse.Namespace) -> Iterator[str]:
    """Run the suite, and tell how far it is; a run without an end leaves a record that says why."""
    path.unlink(missing_ok=True)
    chosen = [] if options.k is None else ["-k", options.k]
    words = command([f"--backend={spec}", f"--results={path.absolute()}", *chosen, *parallel(options.n)])
    log = path.with_suffix(".log")
    with (
        log.open("w", encoding="utf-8") as said,
        subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, env=isolated(os.environ)) as process,
    ):
        try:
            yield from watched(process, path, options.timeout)
            late = process.poll() is None
        finally:
            process.kill()
    conclude(spec, path, f"no end within {options.timeout:g} s" if late else ending(process.returncode, log))


def watched(process: "subprocess.Popen[bytes]", path: Path, timeout: float) -> Iterator[str]:
    """Twice a second how far it is, until it ends or its time is over."""
    began = time.monotonic()
    while process.poll() is None and (passed := time.monotonic() - began) < timeout:
        yield f"{cases(path)} cases, {passed:.0f} s"
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(0.5, timeout))


def cases(path: Path) -> int:
    """How many are recorded by now."""
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def ending(code: int, log: Path) -> str:
    """Why a process ended, in its own last words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("ERROR: ") if lines else f"exit status {code}"


def conclude(spec: str, path: Path, reason: str) -> None:
    """Give a record without an end one."""
    from refgrad.errors import InvalidRun
    from refgrad.harness import results

    try:
        results.recorded(path)
    except InvalidRun:
        results.close(path, spec, f"{reason}, after {found} cases" if (found := cases(path)) else reason)
