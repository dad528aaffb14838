"""Backends that the tests serve over the wire: a tape, and a functional library, with ops that misbehave."""

import ctypes
import gc
import os
import sys
import time
from pathlib import Path

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp
from autograd.tracer import getval, isbox

from refgrad.harness.adapters import FunctionalBackend
from refgrad.harness.wire.server import Server

sys.path.append(str(Path(__file__).parent.parent))
from tiny_tape import TinyTape


class OddError(Exception):
    """Of a class that Python does not have."""


def divide_by_nothing(input):
    raise ZeroDivisionError("by nothing")


def odd(input):
    raise OddError("odd")


def print_and_return(input):
    print("from Python")
    os.write(1, b"from C\n")
    return input


def held(input):
    servers = [each for each in gc.get_objects() if isinstance(each, Server)]
    return np.array(len(servers[0]._handles))


class Tape(TinyTape):
    """A right tape, with ops that are not."""

    def ops(self):
        return super().ops() | {
            "divide_by_nothing": divide_by_nothing,
            "hang": lambda input: time.sleep(60),
            "held": held,
            "odd": odd,
            "print": print_and_return,
            "segfault": lambda input: ctypes.string_at(0),
        }


class Functional(FunctionalBackend):
    """HIPS autograd."""

    name, version, homepage = "functional", "1.0", "https://example.org/functional"
    array_module = anp

    def to_numpy(self, value):
        while isbox(value):
            value = getval(value)
        return super().to_numpy(value)

    def vjp(self, fn, primals, cotangent):
        pull, output = make_vjp(fn, tuple(range(len(primals))))(*primals)
        return output, tuple(pull(anp.ones(anp.shape(output)) if cotangent is None else cotangent))
