"""The command ``refgrad``."""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from refgrad import __version__

if TYPE_CHECKING:
    from refgrad.harness.registry import Found

GREEN, RED, UNUSABLE = 0, 1, 4

EXAMPLES = """\
examples:
  refgrad check torch                              is PyTorch itself still right?
  refgrad check ./adapter.py:MyLib                 a backend in a file of yours
  refgrad check mylib --results results.jsonl      keep the record, for `refgrad report`
  refgrad backends                                 what is installed, and what would not load

exit codes: 0 green, 1 red or nothing executed, 3 misadapted (smoke checks failed), 4 unusable backend or bad usage
"""

CHECK_EXAMPLES = """\
examples:
  refgrad check refgrad
  refgrad check torch:device=cpu -n 2                        two processes (needs pytest-xdist)
  refgrad check ./adapter.py:MyLib -k "inplace or detach"
  refgrad check mylib test_retain_graph.py                   one file of the suite
  refgrad check mylib 'test_smoke.py::test_chain_rule' -x    one test; what refgrad does not know goes to pytest

The suite runs as `pytest conformance --backend=NAME` does in a checkout, with the same test ids, but on its own: the
pytest configuration, conftest.py and plugins of the folder you are in do not reach it (`-p NAME` loads a plugin).

exit codes: 0 green, 1 red or nothing executed, 3 misadapted (smoke checks failed), 4 unusable backend or bad usage
"""

REPORT_EXAMPLES = """\
examples:
  refgrad report results.jsonl
  refgrad report results.jsonl --format markdown >> "$GITHUB_STEP_SUMMARY"
  refgrad report results.jsonl --format badge > badge.json
"""

RECORD_EXAMPLES = """\
examples:
  refgrad record        in a checkout, with the torch installed whose answers are to be the goldens
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors exit with 4, as pytest's usage errors do."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"refgrad: {message}\n{self.format_usage()}")


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
    for add in (add_check, add_backends, add_report, add_record):
        add(commands)
    return top


def subcommand(
    commands: "argparse._SubParsersAction[Parser]", name: str, run: Callable[..., int], summary: str, examples: str = ""
) -> Parser:
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


# -- check


def add_check(commands: "argparse._SubParsersAction[Parser]") -> None:
    added = subcommand(commands, "check", check, "run the suite on a backend", CHECK_EXAMPLES)
    added.usage = "refgrad check NAME [options] [TEST ...] [pytest's options]"
    added.add_argument(
        "name", metavar="NAME", help="installed name, module:attribute or ./file.py:Name, with options name:k=v,k=v"
    )
    added.add_argument("--results", type=Path, metavar="PATH", help="write the run's record, results.jsonl, here")
    added.add_argument("-k", metavar="EXPR", help="only the tests whose names match, as in pytest")
    added.add_argument("--expectations", type=Path, metavar="PATH", help="declared gaps; default: the adapter's own")
    added.add_argument("-n", metavar="N", help="how many processes, or auto")


def check(options: argparse.Namespace, rest: list[str]) -> int:
    """Run pytest on the suite's folder, in a process of its own."""
    given = {"--results": options.results, "--expectations": options.expectations, "-k": options.k}
    named = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
    return run_suite([f"--backend={options.name}", *named, *parallel(options.n), *rest])


def parallel(processes: str | None) -> list[str]:
    if processes is None:
        return []
    require("xdist", "-n needs pytest-xdist")
    return ["-p", "xdist", "-n", processes]


def run_suite(args: list[str]) -> int:
    require("pytest", "the suite needs pytest")
    folder = suite()
    tests, others = chosen(args, folder)
    own = ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "--confcutdir", str(folder)]
    command = [sys.executable, "-m", "pytest", *own, *(tests or [str(folder)]), *others]
    with subprocess.Popen(command, env=isolated(os.environ)) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()  # pytest got the signal too, and ends in its own words


def isolated(environment: "os._Environ[str]") -> dict[str, str]:
    """The environment without what would steer the user's own pytest."""
    strangers = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONWARNINGS"}
    kept = {name: value for name, value in environment.items() if name not in strangers}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def chosen(args: Iterable[str], folder: Path) -> tuple[list[str], list[str]]:
    """Split off the arguments that name tests of the suite, as ``test_smoke.py::test_chain_rule``."""
    tests, others = list[str](), list[str]()
    for arg in args:
        named = arg.startswith("test_") and (folder / arg.split("::")[0]).is_file()
        (tests if named else others).append(str(folder / arg) if named else arg)
    return tests, others


def suite() -> Path:
    """The suite's folder: inside the package in a wheel, beside it in a checkout."""
    from refgrad.errors import RefgradError

    package = Path(__file__).resolve().parent
    for folder in (package / "conformance", package.parent / "conformance"):
        if (folder / "pytest.ini").is_file():
            return folder
    raise RefgradError("the suite is not here: neither refgrad/conformance nor a checkout's conformance/ was found")


def require(module: str, reason: str) -> None:
    from refgrad.errors import RefgradError

    if importlib.util.find_spec(module) is None:
        raise RefgradError(f"{reason}; mend it with: pip install 'refgrad[conformance]'")


# -- backends


def add_backends(commands: "argparse._SubParsersAction[Parser]") -> None:
    subcommand(commands, "backends", backends, "list the installed backends, and why one would not load")


def backends(options: argparse.Namespace, rest: list[str]) -> int:
    """One line a backend."""
    refuse(rest)
    from refgrad.harness import registry

    found = registry.installed()
    width = max(len(each.name) for each in found)
    for each in found:
        print(f"{each.name:<{width}}  {described(each)}")
    return GREEN


def described(found: "Found") -> str:
    """Version, profiles and origin; or why it would not load."""
    if found.error is not None:
        return f"would not load: {found.error}"
    return f"{found.version}  {', '.join(sorted(found.profiles))}  {found.homepage}  (from {found.origin})"


# -- report


def add_report(commands: "argparse._SubParsersAction[Parser]") -> None:
    added = subcommand(commands, "report", report, "show a run that was recorded", REPORT_EXAMPLES)
    added.add_argument("file", type=Path, metavar="FILE", help="a results.jsonl")
    added.add_argument("--format", choices=("terminal", "markdown", "badge"), default="terminal")


def report(options: argparse.Namespace, rest: list[str]) -> int:
    """Render one view of the record; the exit code is the run's."""
    refuse(rest)
    from importlib import import_module

    from refgrad.harness import results

    run = results.read(options.file)
    print(import_module(f"refgrad.harness.report.{options.format}").render(run))
    return GREEN if run.green else RED


# -- record


def add_record(commands: "argparse._SubParsersAction[Parser]") -> None:
    subcommand(commands, "record", record, "ask torch again for the suite's goldens", RECORD_EXAMPLES)


def record(options: argparse.Namespace, rest: list[str]) -> int:
    """Run the suite's own recording script."""
    refuse(rest)
    import runpy

    runpy.run_path(str(suite() / "record.py"), run_name="__main__")
    return GREEN


def refuse(rest: list[str]) -> None:
    from refgrad.errors import RefgradError

    if rest:
        raise RefgradError(f"unrecognized arguments: {' '.join(rest)}")


if __name__ == "__main__":
    sys.exit(main())
