"""What PyTorch's gradients share with one another, or with a tensor that nobody named, is laid at its door."""

import pytest

from refgrad.harness import registry
from refgrad.harness.oracle import judge
from refgrad.harness.oracle.sharing import Apart, shared
from refgrad.harness.program.interpreter import interpret
from refgrad.harness.program.ir import Backward, Grad, Hook, InPlace, Leaf, Op, Program, Ref, TakeGrad
from refgrad.harness.program.trace import first_difference

pytest.importorskip("torch")
RIGHT, TORCH = registry.load("refgrad"), registry.load("torch")

LEAVES = (Leaf("a", (), (2.0,), requires_grad=True), Leaf("b", (), (3.0,), requires_grad=True))
STACKED = (*LEAVES, Op("c", "stack", ((Ref("a"), Ref("b")),)), Op("d", "sum", (Ref("c"),)))
TWICE = (*STACKED, Backward("d", retain_graph=True), Backward("d"), Hook("a"))
WEIGHED = (Leaf("w", (2,), (1.0, 2.0)), *STACKED[:3], Backward("c", "w", retain_graph=True))
COUNTED = (*WEIGHED, TakeGrad("e", "a"), Backward("c", "w"))
ONE = (*STACKED, Backward("d", retain_graph=True), Backward("d", inputs=("b",)))
WRITTEN = (LEAVES[0], Op("c", "sum", (Ref("a"),)), Grad(("g",), ("c",), ("a",)), InPlace("g", "add_", (Ref("c"),)))


@pytest.mark.parametrize("candidate", [RIGHT, TORCH], ids=lambda each: each.name)
@pytest.mark.parametrize(("statements", "kind"), [(COUNTED, "version"), (WRITTEN, "error"), (ONE, "grad")])
def test_blame(statements, kind, candidate):
    """Writes that count together, or go to a leaf that was not asked for, and a view that the program has not made."""
    finding = judge(Program(statements), candidate, RIGHT, TORCH)
    assert (finding.kind, finding.stage, finding.blame) == (kind, "sharing", "torch")


def test_copied_gradients():
    """Where each gradient is copied as it is made, PyTorch's backward passes add to one leaf at a time."""
    for run, twice in ((interpret(Program(TWICE), TORCH), 3.0), (Apart(TORCH).run(Program(TWICE)), 2.0)):
        assert run[-1].seen["a"].grad == twice


def test_a_fault_is_still_a_fault():
    """Who says what PyTorch does not say with copied gradients either is not cleared by them."""
    program = Program(TWICE)
    right, wrong = interpret(program, RIGHT), interpret(program, TORCH)
    difference = first_difference(wrong, right)
    assert shared(program, TORCH, right, difference, texts=True)
    assert not shared(program, TORCH, wrong, difference, texts=True)
