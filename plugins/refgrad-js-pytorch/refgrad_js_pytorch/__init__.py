"""js-pytorch as a backend: a process of Node, for which `npm install --ignore-scripts` is run in this folder."""

import shlex
from pathlib import Path

from refgrad.harness.wire import WireBackend


class JsPytorch(WireBackend):
    def __init__(self):
        super().__init__(shlex.join(["node", str(Path(__file__).with_name("server.mjs"))]))
