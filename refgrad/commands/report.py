"""``refgrad report``: a run that was recorded."""

import argparse
from pathlib import Path

from refgrad.commands.parser import GREEN, RED, Commands, refuse, subcommand

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad report results.jsonl
  refgrad report results.jsonl --format markdown >> "$GITHUB_STEP_SUMMARY"
  refgrad report results.jsonl --format html > report.html     one file, to look at or to send
  refgrad report results.jsonl --format junit > junit.xml      for the CI system
  refgrad report results.jsonl --format badge > badge.json
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "report", report, "show a run that was recorded", EXAMPLES)
    added.add_argument("file", type=Path, metavar="FILE", help="a results.jsonl")
    added.add_argument("--format", choices=("terminal", "markdown", "html", "junit", "badge"), default="terminal")


def report(options: argparse.Namespace, rest: list[str]) -> int:
    """Render one view of the record; the exit code is the run's."""
    refuse(rest)
    from importlib import import_module

    from refgrad.harness import results

    run = results.read(options.file)
    print(import_module(f"refgrad.harness.report.{options.format}").render(run))
    return GREEN if run.green else RED
