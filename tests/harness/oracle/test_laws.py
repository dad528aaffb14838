"""Laws: what a backend owes itself, found broken in backends that are wrong on purpose."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.oracle.judge import expressible, judge
from refgrad.harness.oracle.laws import broken
from refgrad.harness.program import generate, interpret
from refgrad.harness.program.ir import Backward, InPlace, Leaf, Op, Program, Ref

RIGHT = registry.load("refgrad")


def wrong(**changed):
    """refgrad with some of its functions changed."""
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)} | changed)
    return SimpleNamespace(name="wrong", version="1", homepage="", namespace=module)


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_kept(seed):
    """The reference keeps every law."""
    program, _ = expressible(generate(seed), [RIGHT])
    assert broken(program, RIGHT, interpret(program, RIGHT)) is None


def law(backend, *statements):
    """The law that a program shows to be broken."""
    program = Program(statements)
    return broken(program, backend, interpret(program, backend)).law


class Squared(refgrad.autograd.Function):
    """Its gradient is not linear in the cotangent, and differs where a graph is recorded."""

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.exp()

    @staticmethod
    def backward(ctx, grad):
        return grad * grad


class Recorded(Squared):
    @staticmethod
    def backward(ctx, grad):
        return grad * (2.0 if refgrad.is_grad_enabled() else 1.0)


X, W = Leaf("x", (2, 2), (1.0, 2.0, 3.0, 4.0), requires_grad=True), Leaf("w", (2, 2), (1.0, 2.0, 3.0, 4.0))
EXP, BACK = Op("y", "exp", (Ref("x"),)), Backward("y", "w")


def unset():
    """A function whose result shows what was in memory before: another number each time."""
    left = itertools.count(1)
    return lambda input: input.exp() + next(left)


def test_repetition():
    """The same program, another number."""
    assert law(wrong(exp=unset()), X, EXP) == "repetition"


def test_another_name_each_time():
    """The text of an error may name another tensor each time, but where it is to be PyTorch's."""
    left = itertools.count(1)

    def refuse(input):
        raise ValueError(f"generated_tensor_{next(left)}")

    functions = {"asarray": np.array, "to_numpy": np.asarray, "ops": lambda: {"exp": refuse}, "vjp": refuse}
    refusing = SimpleNamespace(name="refusing", version="1", homepage="", **functions)
    trace = interpret(Program((X, EXP)), refusing)
    assert trace[1].raised.text == "generated_tensor_1"
    assert broken(Program((X, EXP)), refusing, trace) is None


def test_who_does_not_repeat_is_to_blame():
    """Whoever answers otherwise the next time is wrong, the backend or a witness, whatever the numbers are."""
    steady, unsteady = RIGHT, wrong(exp=unset())
    program = Program((X, EXP))
    found = judge(program, unsteady, steady), judge(program, steady, unsteady)
    assert [(each.stage, each.blame) for each in found] == [
        ("law: repetition", "backend"),
        ("law: repetition", "reference"),
    ]


def test_linearity():
    """Twice the cotangent, not twice the gradient."""
    assert law(wrong(exp=Squared.apply), X, EXP, W, BACK) == "linearity"


def test_create_graph():
    """Another gradient where its graph is recorded."""
    assert law(wrong(exp=Recorded.apply), X, EXP, W, BACK) == "create_graph"


def test_contiguous():
    """Another value where the memory lies otherwise."""
    backend = wrong(exp=lambda input: input.exp() if input.is_contiguous() else input.exp() * 2)
    assert law(backend, Leaf("x", (2, 2), (1.0, 2.0, 3.0, 4.0), layout="transposed"), EXP) == "contiguous"


def test_untouched(monkeypatch):
    """An error that has done its work already."""
    right = refgrad.Tensor.add_

    def add_(self, other):
        right(self, other)
        raise RuntimeError("refused")

    monkeypatch.setattr(refgrad.Tensor, "add_", add_)
    program = Program((Leaf("a", (2,), (1.0, 2.0)), InPlace("a", "add_", (1,))))
    trace = interpret(program, RIGHT)
    assert broken(program, RIGHT, trace).law == "untouched by an error"


def test_recording():
    """An error that leaves grad mode off, so that nothing is recorded from then on."""

    def exp(input):
        refgrad.set_grad_enabled(False)
        raise RuntimeError("no exp today")

    assert law(wrong(exp=exp), X, EXP) == "recording after an error"
    finding = judge(Program((X, EXP)), wrong(exp=exp), wrong(exp=exp))
    assert 'print("here:", torch.is_grad_enabled())' in finding.script()
