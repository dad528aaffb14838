"""Random autograd programs: what they are made of, how they are drawn, run, compared, shrunk and printed."""

from refgrad.harness.program.document import dumps, loads, read, write
from refgrad.harness.program.generator import generate
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Program
from refgrad.harness.program.shrinking import shrink
from refgrad.harness.program.trace import Difference, Trace, first_difference

__all__ = [
    "Difference",
    "Program",
    "Trace",
    "dumps",
    "first_difference",
    "generate",
    "interpret",
    "loads",
    "read",
    "shrink",
    "write",
]
