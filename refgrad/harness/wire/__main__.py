"""``python -m refgrad.harness.wire serve SPEC``: a Python backend at the other end of the wire."""

from __future__ import annotations

import os
import sys

from refgrad.errors import RefgradError
from refgrad.harness import registry
from refgrad.harness.session import shipped_with
from refgrad.harness.wire.server import Server

USAGE = "usage: python -m refgrad.harness.wire serve SPEC"


def main(args: list[str]) -> int:
    """Serve the backend that ``SPEC`` names on standard input and output."""
    if len(args) != 2 or args[0] != "serve":
        print(USAGE, file=sys.stderr)
        return 4
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints, from Python or from C, must not meet the answers
    try:
        backend = registry.load(args[1])
    except RefgradError as error:
        print(f"refgrad: {error}", file=sys.stderr)
        return 4
    Server(backend, sys.stdin.buffer, sink, expectations=shipped_with(backend, args[1])).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
