"""``refgrad check-protocol``: does a process speak the wire protocol?"""

import argparse

from refgrad.commands.parser import GREEN, RED, Commands, refuse, require, subcommand

__all__ = ["add"]

EXAMPLES = """\
examples:
  refgrad check-protocol exec:'node server.js'
  refgrad check-protocol exec:'/opt/old/bin/python -m refgrad.harness.wire serve torch'

The protocol is described in docs/protocol.md.

exit codes: 0 every rule holds, 1 a rule is broken, 4 the command cannot be started, or bad usage
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "check-protocol", check, "does a process speak the wire protocol?", EXAMPLES)
    added.add_argument("spec", metavar="exec:COMMAND", help="the command that starts the backend's process")
    added.add_argument("--timeout", type=float, default=20.0, metavar="S", help="seconds an answer may take (20)")


def check(options: argparse.Namespace, rest: list[str]) -> int:
    """One line a rule; under a broken one, what to mend."""
    refuse(rest)
    require("jsonschema", "check-protocol needs jsonschema", "fuzz")
    from refgrad.errors import RefgradError
    from refgrad.harness.registry import EXEC
    from refgrad.harness.wire.check import check_protocol

    if not options.spec.startswith(EXEC) or not options.spec.removeprefix(EXEC).strip():
        raise RefgradError(f"{options.spec}: a process is named exec:COMMAND, as exec:'node server.js'")
    broken = 0
    for rule in check_protocol(options.spec.removeprefix(EXEC), timeout=options.timeout):
        print(f"{'BROKEN' if rule.wrong else 'ok':<8}{rule.name}", flush=True)
        if rule.wrong:
            broken += 1
            print(*(f"        {line}" for line in rule.wrong.splitlines()), sep="\n", flush=True)
    print("the protocol is spoken" if not broken else f"{broken} broken: mend the first, and try again")
    return RED if broken else GREEN
