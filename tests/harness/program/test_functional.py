"""Programs on a functional library: values and pullbacks, and nothing that needs a tape."""

import pytest

from refgrad.harness import registry
from refgrad.harness.oracle import judge
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Backward, Grad, Hook, InPlace, Leaf, Op, Program, Ref, ZeroGrad

X = Leaf("x", (2,), (1.0, 2.0), requires_grad=True)
W = Leaf("w", (2,), (1.0, 10.0))
Y = Op("y", "mul", (Ref("x"), Ref("x")))


@pytest.fixture
def backend():
    """A library of functions."""
    pytest.importorskip("refgrad_autograd")
    return registry.load("autograd")


def test_gradients_accumulate(backend):
    """``backward`` adds to the leaves' gradients, ``grad`` does not, and zeroing forgets."""
    program = Program((X, W, Y, Backward("y", "w"), Backward("y", "w"), Grad(("g",), ("y",), ("x",), ("w",))))
    last = interpret(program, backend)[-1]
    assert last.seen["x"].grad.tolist() == [4.0, 80.0]
    assert last.seen["g"].value.tolist() == [2.0, 40.0]
    assert interpret(program.but((*program.statements, ZeroGrad("x"))), backend)[-1].seen["x"].grad is None


def test_lacking(backend):
    """What needs a tape is lacking, not wrong."""
    steps = interpret(Program((X, Y, InPlace("y", "add_", (1,)), Hook("x"))), backend)
    assert [step.lacking is not None for step in steps] == [False, False, True, True, False]


def test_judged(backend):
    """A program without a tape is judged like any other."""
    reference = registry.load("refgrad")
    assert judge(Program((X, W, Y, Backward("y", "w"))), backend, reference) is None


def test_unused(backend):
    """Zeros by what was not used are what PyTorch calls no gradient."""
    reference = registry.load("refgrad")
    z = Leaf("z", (2,), (3.0, 4.0), requires_grad=True)
    assert judge(Program((X, z, W, Y, Backward("y", "w", inputs=("z",)))), backend, reference) is None


def test_a_leaf_under_another_name(backend):
    """A real number's conjugate is the leaf itself for PyTorch, whose gradient a library without a graph cannot see there."""
    conjugate = Op("c", "conj", (Ref("x"),))
    assert judge(Program((X, W, conjugate, Backward("c", "w"))), backend, registry.load("refgrad")) is None
