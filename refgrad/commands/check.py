"""``refgrad check``: the suite on a backend."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from refgrad.commands.parser import Commands, require, subcommand
from refgrad.commands.suite import suite

__all__ = ["add", "command", "isolated", "parallel"]

EXAMPLES = """\
examples:
  refgrad check refgrad
  refgrad check torch:device=cpu -n 2                        two processes (needs pytest-xdist)
  refgrad check ./adapter.py:MyLib -k "inplace or detach"
  refgrad check exec:'node server.js'                        another language, or another Python (docs/protocol.md)
  refgrad check mylib --spec 2.10                            as torch 2.10 behaves, where releases differ
  refgrad check mylib --ops add,mul,exp                      a library of few ops, or the ops that you are working on
  refgrad check mylib test_retain_graph.py                   one file of the suite
  refgrad check mylib 'test_smoke.py::test_chain_rule' -x    one test; what refgrad does not know goes to pytest

The suite runs as `pytest conformance --backend=NAME` does in a checkout, with the same test ids, but on its own: the
pytest configuration, conftest.py and plugins of the folder you are in do not reach it (`-p NAME` loads a plugin).

exit codes: 0 green, 1 red or nothing executed, 3 misadapted (smoke checks failed), 4 unusable backend or bad usage
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "check", check, "run the suite on a backend", EXAMPLES)
    added.usage = "refgrad check NAME [options] [TEST ...] [pytest's options]"
    added.add_argument(
        "name",
        metavar="NAME",
        help="installed name, module:attribute or ./file.py:Name, with options name:k=v,k=v; or exec:COMMAND",
    )
    added.add_argument("--results", type=Path, metavar="PATH", help="write the run's record, results.jsonl, here")
    added.add_argument("--ops", metavar="NAMES", help="only these ops, as add,mul,exp, after the smoke checks")
    added.add_argument("-k", metavar="EXPR", help="only the tests whose names match, as in pytest")
    added.add_argument("--expectations", type=Path, metavar="PATH", help="declared gaps; default: the adapter's own")
    added.add_argument(
        "--spec",
        metavar="VERSION",
        help="the release of torch whose behaviour is asked for, such as 2.13; default: the newest that is known",
    )
    added.add_argument("-n", metavar="N", help="how many processes, or auto")


def check(options: argparse.Namespace, rest: list[str]) -> int:
    """Run pytest on the suite's folder, in a process of its own."""
    given = {
        "--results": options.results,
        "--expectations": options.expectations,
        "-k": options.k,
        "--ops": options.ops,
        "--spec": options.spec,
    }
    named = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
    return run_suite([f"--backend={options.name}", *named, *parallel(options.n), *rest])


def parallel(processes: str | None) -> list[str]:
    if processes is None:
        return []
    require("xdist", "-n needs pytest-xdist")
    return ["-p", "xdist", "-n", processes]


def command(args: list[str]) -> list[str]:
    """What runs the suite."""
    require("pytest", "the suite needs pytest")
    folder = suite()
    tests, others = chosen(args, folder)
    own = ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "--confcutdir", str(folder)]
    return [sys.executable, "-m", "pytest", *own, *(tests or [str(folder)]), *others]


def run_suite(args: list[str]) -> int:
    with subprocess.Popen(command(args), env=isolated(os.environ)) as process:
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
