"""The verdict: who is to blame, by which difference."""

from types import SimpleNamespace

import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.oracle import judge, minimal
from refgrad.harness.program.ir import Backward, Leaf, Op, Program, Ref

LEAF = Leaf("x", (2,), (0.5, 2.0), requires_grad=True)
PROGRAM = Program((LEAF, Op("y", "exp", (Ref("x"),)), Op("z", "sum", (Ref("y"),)), Backward("z")))


def twin(**changed):
    """refgrad under another name, with some of its functions changed."""
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)} | changed)
    return SimpleNamespace(name="twin", version="1", homepage="", namespace=module)


WRONG = twin(exp=lambda input: refgrad.exp(input) * 1.5)
RIGHT = registry.load("refgrad")


def test_no_finding():
    """Where all agree there is nothing to report."""
    assert judge(PROGRAM, twin(), RIGHT, RIGHT) is None


@pytest.mark.parametrize(
    ("candidate", "reference", "torch", "blame"),
    [
        (WRONG, RIGHT, RIGHT, "backend"),
        (WRONG, RIGHT, None, "backend"),
        (RIGHT, WRONG, RIGHT, "reference"),
        (WRONG, WRONG, RIGHT, "reference"),
    ],
)
def test_blame(candidate, reference, torch, blame):
    """The one who stands against PyTorch is to blame, and the reference where it misleads."""
    finding = judge(PROGRAM, candidate, reference, torch)
    assert (finding.blame, finding.kind, finding.number, finding.name) == (blame, "value", 1, "y")
    assert finding.ulps > 1e6


def test_minimal():
    """A finding keeps what it says while its program shrinks."""
    small = minimal(judge(PROGRAM, WRONG, RIGHT, RIGHT), WRONG, RIGHT, RIGHT)
    assert small.signature == "exp: value (trace, backend)"
    assert len(small.program) == 2
