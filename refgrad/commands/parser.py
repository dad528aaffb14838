"""The parser that all commands share, and how bad usage ends."""

import argparse
import importlib.util
import re
from collections.abc import Callable
from typing import NoReturn, TypeAlias

__all__ = ["GREEN", "RED", "UNUSABLE", "Commands", "Parser", "duration", "refuse", "require", "subcommand"]

GREEN, RED, UNUSABLE = 0, 1, 4


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors exit with 4, as pytest's usage errors do."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"refgrad: {message}\n{self.format_usage()}")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def subcommand(commands: Commands, name: str, run: Callable[..., int], summary: str, examples: str = "") -> Parser:
    added: Parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    added.set_defaults(command=run)
    return added


def refuse(rest: list[str]) -> None:
    from refgrad.errors import RefgradError

    if rest:
        raise RefgradError(f"unrecognized arguments: {' '.join(rest)}")


def require(module: str, reason: str, extra: str = "conformance") -> None:
    from refgrad.errors import RefgradError

    if importlib.util.find_spec(module) is None:
        raise RefgradError(f"{reason}; mend it with: pip install 'refgrad[{extra}]'")


def duration(text: str) -> float:
    """``1h30m``, ``90s`` or ``90``.

    Units: seconds.
    """
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text)
    if not text or found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 10m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds
