"""What only PyTorch's insides can show is laid at its door, on whichever side its answer stands."""

from types import SimpleNamespace

import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.oracle import judge
from refgrad.harness.oracle.known import of_torch
from refgrad.harness.program.ir import Backward, Grad, Leaf, Op, Program, Ref
from refgrad.harness.program.trace import Raised

RIGHT = registry.load("refgrad")


def hands_back_the_input():
    """refgrad under another name, but for a gradient by an empty tensor, which is the tensor itself."""

    def grad(outputs, inputs, *args, **kwargs):
        found = refgrad.autograd.grad(outputs, inputs, *args, **kwargs)
        return tuple(mine if mine.numel() == 0 else each for mine, each in zip(inputs, found, strict=True))

    changed = {"autograd": SimpleNamespace(**{**vars(refgrad.autograd), "grad": grad})}
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)} | changed)
    return SimpleNamespace(name="torch", version="1", homepage="", namespace=module)


TORCH = hands_back_the_input()
NOTHING = Program(
    (
        Leaf("x", (0, 1), (), requires_grad=True),
        Op("y", "cos", (Ref("x"),)),
        Op("z", "sum", (Ref("y"),)),
        Grad(("g",), ("z",), ("x",)),
    )
)


@pytest.mark.parametrize("candidate", [RIGHT, TORCH])
def test_the_gradient_of_nothing(candidate):
    """A gradient that is its input is PyTorch's defect, whether PyTorch is the witness or the candidate."""
    finding = judge(NOTHING, candidate, RIGHT, TORCH)
    assert (finding.kind, finding.stage, finding.blame) == ("requires_grad", "known", "torch")


def test_what_is_known():
    """An error of PyTorch's inner life is its own; an error in its own words, or a recorded gradient, is not."""
    recorded = Grad(("g",), ("z",), ("x",), create_graph=True)
    assert of_torch("error", Raised("RuntimeError", "ZeroTensors are immutable"), Backward("z"))
    assert not of_torch("error", Raised("RuntimeError", "a leaf Variable that requires grad"), Backward("z"))
    assert not of_torch("requires_grad", True, recorded)
