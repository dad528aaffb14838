"""mylib as a backend: a process that speaks JSON lines, in whichever language (docs/protocol.md)."""

import shlex
import sys
from pathlib import Path

from refgrad.harness.wire import WireBackend

SERVER = Path(__file__).with_name("server.py")  # your server's place, as in ["node", "server.mjs"]


class MyLib(WireBackend):
    def __init__(self):
        super().__init__(shlex.join([sys.executable, str(SERVER)]))
