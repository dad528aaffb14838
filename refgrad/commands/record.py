"""``refgrad record``: new goldens from torch."""

import argparse

from refgrad.commands.parser import GREEN, Commands, refuse, subcommand
from refgrad.commands.suite import suite

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad record                         in a checkout, with the torch installed whose answers are to be the goldens
  refgrad record --ops exp,linalg.svd    after a change to the records of these ops
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "record", record, "ask torch again for the suite's goldens", EXAMPLES)
    added.add_argument("--backend", default="torch", metavar="SPEC", help="the torch to ask; default: torch")
    added.add_argument("--ops", metavar="NAMES", help="only these ops, as add,mul,exp; default: everything")


def record(options: argparse.Namespace, rest: list[str]) -> int:
    """Run the suite's own recording script."""
    refuse(rest)
    import runpy

    runpy.run_path(str(suite() / "record.py"))["record"](options.backend, options.ops)
    return GREEN
