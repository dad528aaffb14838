"""Programs on backends: what is seen, what is raised, and what is not expressible."""

from pathlib import Path

import numpy as np
import pytest

from refgrad.harness import registry
from refgrad.harness.program.interpreter import Interpreter, interpret
from refgrad.harness.program.ir import Backward, Block, Hook, InPlace, Leaf, Op, Program, Ref, RetainGrad
from refgrad.harness.program.trace import Raised

TINY = f"{Path(__file__).parent.parent / 'tiny_tape.py'}:TinyTape"
X = Leaf("x", (2,), (1.0, 2.0), requires_grad=True)
Y = Op("y", "mul", (Ref("x"), Ref("x")))
W = Leaf("w", (2,), (1.0, 10.0))


@pytest.fixture(params=["refgrad", "torch"])
def backend(request):
    """A backend that speaks torch."""
    if request.param == "torch":
        pytest.importorskip("torch")
    return registry.load(request.param)


def test_backward(backend):
    """A backward leaves its gradient with the leaf, and the last step shows everything."""
    *_, last = interpret(Program((X, Y, W, Backward("y", "w"))), backend)
    assert last.seen["x"].grad.tolist() == [2.0, 40.0]
    assert last.seen["y"] == (pytest.approx(np.array([1.0, 4.0])), True, False, True, 0, None, None)


def test_a_hook_that_hears_nothing():
    """A hook that is called without a gradient, as that of one among several of one node, is no error."""

    class Deaf:
        """A tensor whose hooks are called with None."""

        def register_hook(self, hook):
            assert hook(None) is None

    run = Interpreter(registry.load("refgrad"))
    run.tensors["x"] = Deaf()
    run.hook(Hook("x", "scale", 2.0))
    assert [(name, grad.tolist()) for name, grad in run.hooked] == [("x", [])]


def test_hooks_are_heard(backend):
    """What a hook was given is part of the step, in order."""
    hooks = Hook("x"), Hook("y", "scale", 3.0)
    step = interpret(Program((X, Y, W, *hooks, Backward("y", "w"))), backend)[-2]
    assert [(name, grad.tolist()) for name, grad in step.hooked] == [("y", [1.0, 10.0]), ("x", [6.0, 120.0])]


def test_error(backend):
    """An error is written down without the library's name, and what needs its result is passed over."""
    program = Program((X, Leaf("u", (3,), (1.0,) * 3), Op("z", "mul", (Ref("x"), Ref("u"))), RetainGrad("z")))
    _, _, raised, passed, last = interpret(program, backend)
    text = "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0"
    assert raised.raised == Raised("RuntimeError", text)
    assert passed.raised is None
    assert "z" not in last.seen


def test_version(backend):
    """A write counts, for whatever shares the memory, from where each was first seen."""
    write = Program((W, Op("v", "unsqueeze", (Ref("w"), 0)), InPlace("w", "add_", (1,))))
    step = interpret(write, backend)[2]
    assert [step.seen[name].version for name in "wv"] == [1, 1]


def test_blocks(backend):
    """A mode holds inside its block only."""
    block = Block("no_grad", (Op("z", "exp", (Ref("x"),)),))
    last = interpret(Program((X, block, Op("u", "exp", (Ref("x"),)))), backend)[-1]
    assert [last.seen[name].requires_grad for name in "zu"] == [False, True]


def test_tape():
    """A tape that speaks its own words runs what it can express; the rest is lacking, not wrong."""
    steps = interpret(Program((X, Y, W, Backward("y", "w"), Hook("x"))), registry.load(TINY))
    assert steps[-1].seen["x"].grad.tolist() == [2.0, 40.0]
    assert steps[-2].lacking == "register_hook"
    assert all(step.raised is None for step in steps)
