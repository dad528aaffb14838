"""``refgrad record``: new goldens from torch."""

import argparse

from refgrad.commands.parser import GREEN, Commands, refuse, subcommand
from refgrad.commands.suite import suite

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad record        in a checkout, with the torch installed whose answers are to be the goldens
"""


def add(commands: Commands) -> None:
    subcommand(commands, "record", record, "ask torch again for the suite's goldens", EXAMPLES)


def record(options: argparse.Namespace, rest: list[str]) -> int:
    """Run the suite's own recording script."""
    refuse(rest)
    import runpy

    runpy.run_path(str(suite() / "record.py"), run_name="__main__")
    return GREEN
