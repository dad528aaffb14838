"""The command ``refgrad``."""

import argparse
import sys
from collections.abc import Callable

from refgrad import __version__
from refgrad.commands import backends, check, diff, fuzz, matrix, new, protocol, record, report
from refgrad.commands.parser import RED, UNUSABLE, Parser

EXAMPLES = """\
examples:
  refgrad check torch                              is PyTorch itself still right?
  refgrad check ./adapter.py:MyLib                 a backend in a file of yours
  refgrad new mylib --style=tape                   write an adapter to begin with
  refgrad check mylib --results results.jsonl      keep the record, for `refgrad report`
  refgrad fuzz --backend mylib                     random autograd programs
  refgrad matrix                                   every installed backend, side by side
  refgrad backends                                 what is installed, and what would not load

exit codes: 0 green, 1 red or nothing executed, 3 misadapted (smoke checks failed), 4 unusable backend or bad usage
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Errors: none; what a user did wrong is said in one line, and the exit code is 4.
    """
    from refgrad.errors import InvalidRun, RefgradError

    options, rest = parser().parse_known_args(argv)
    command: Callable[[argparse.Namespace, list[str]], int] = options.command
    try:
        return command(options, rest)
    except (RefgradError, OSError) as error:
        print(f"refgrad: {error}", file=sys.stderr)
        return RED if isinstance(error, InvalidRun) else UNUSABLE


def parser() -> Parser:
    top = Parser(
        prog="refgrad",
        description="Where does an autograd backend differ from PyTorch?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"refgrad {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    for command in (check, new, fuzz, matrix, diff, report, backends, protocol, record):
        command.add(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
