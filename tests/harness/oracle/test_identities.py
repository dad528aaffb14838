"""Identities: backends whose two derivatives of one function do not agree."""

from types import SimpleNamespace

import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.oracle import judge, minimal
from refgrad.harness.oracle.identities import dot_product, symmetry
from refgrad.harness.program import generate, interpret
from refgrad.harness.program.function import function_of
from refgrad.harness.program.ir import Backward, Block, Hook, InPlace, Leaf, Op, Program, Ref

RIGHT = registry.load("refgrad")
X, W = Leaf("x", (2, 2), (1.0, 2.0, 3.0, 4.0), requires_grad=True), Leaf("w", (2, 2), (1.0, 2.0, 3.0, 4.0))
EXP, BACK = Op("y", "exp", (Ref("x"),)), Backward("y", "w")


def wrong(**changed):
    """refgrad under another name, with some of its functions changed."""
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)} | changed)
    return SimpleNamespace(name="wrong", version="1", homepage="", namespace=module)


class Exp(refgrad.autograd.Function):
    """A derivative for each mode, the forward one of them ``factor`` times too large."""

    factor = 2.0

    @staticmethod
    def forward(input):
        return input.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0]

    @classmethod
    def jvp(cls, ctx, tangent):
        return cls.factor * tangent * ctx.saved_tensors[0]


class Product(refgrad.autograd.Function):
    """A product, one of whose gradients is right and forgets what it depends on."""

    @staticmethod
    def forward(ctx, input, other):
        ctx.save_for_backward(input, other)
        return input * other

    @staticmethod
    def backward(ctx, grad):
        input, other = ctx.saved_tensors
        return grad * other.detach(), grad * input


def test_dot_product():
    """A tangent that is not the gradient's is found, with the element, and judged as the backend's fault."""
    program = Program((X, EXP, W, BACK))
    found = dot_product(program, wrong(exp=Exp.apply), ())
    assert (found.field, found.name, found.number) == ("grad", "x", 3)
    assert found.expected == pytest.approx(2 * found.actual)
    finding = judge(program, wrong(exp=Exp.apply), RIGHT)
    assert (finding.stage, finding.blame) == ("law: dot product", "backend")
    small = minimal(finding, wrong(exp=Exp.apply), RIGHT)
    assert len(small.program) == 3
    assert 'print("here:", x.grad)' in small.script()


def test_symmetry():
    """Mixed derivatives that depend on their order are found, with the pair."""
    other = Leaf("z", (2, 2), (0.5, 1.0, 1.5, 2.0), requires_grad=True)
    program = Program((X, other, Op("y", "mul", (Ref("x"), Ref("z"))), W, BACK))
    found = symmetry(program, wrong(mul=Product.apply), ())
    assert (found.field, found.name) == ("hessian", "x and z")
    assert sorted((found.actual, found.expected)) == [0.0, 1.0]
    finding = judge(program, wrong(mul=Product.apply), RIGHT)
    assert (finding.stage, finding.blame) == ("law: symmetry", "backend")
    assert "torch.autograd.functional.hessian(f, (x, z,))" in finding.script()


class Relu(refgrad.autograd.Function):
    """At 0 another slope backward than forward."""

    @staticmethod
    def forward(input):
        return input.relu()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)

    @staticmethod
    def jvp(ctx, tangent):
        return tangent * (ctx.saved_tensors[0] >= 0)


def test_at_a_kink():
    """Where the derivative is not defined each mode may choose."""
    program = Program((Leaf("x", (2,), (0.0, 1.0), requires_grad=True), Op("y", "relu", (Ref("x"),)),
                       Leaf("w", (2,), (1.0, 2.0)), BACK))  # fmt: skip
    finding = judge(program, wrong(relu=Relu.apply), RIGHT)
    assert (finding.stage, finding.blame) == ("law: dot product", "convention")


@pytest.mark.parametrize("seed", range(40))
def test_kept(seed):
    """The reference keeps both."""
    program = generate(seed)
    assert dot_product(program, RIGHT, ()) is symmetry(program, RIGHT, ()) is None


def test_a_backward_that_raises():
    """What could not be differentiated is held to nothing."""
    program = Program((X, EXP, Backward("y")))  # without a gradient
    backend = wrong(exp=Exp.apply)
    assert dot_product(program, backend, interpret(program, backend)) is None


def test_without_a_mode():
    """A backend with neither mode nor second derivatives has nothing to keep."""
    module = SimpleNamespace(tensor=refgrad.tensor, exp=refgrad.exp, Tensor=refgrad.Tensor)
    backend = SimpleNamespace(name="bare", version="1", homepage="", namespace=module)
    program = Program((X, EXP, W, BACK))
    assert dot_product(program, backend, ()) is symmetry(program, backend, ()) is None


def test_function_of():
    """What lies between leaves and the last backward; nothing where a grad mode has a part in it."""
    program = Program((X, EXP, InPlace("y", "mul_", (2,)), Hook("x"), W, BACK))
    function = function_of(program)
    assert (function.names, function.output, function.number) == (("x",), "y", 5)
    assert function(refgrad, refgrad.zeros(2, 2)).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert function_of(Program((X, Block("no_grad", (EXP,)), W, BACK))) is None
    assert function_of(Program((X, EXP))) is None
    assert function_of(Program((Leaf("x", (), (1.0,)), Op("y", "exp", (Ref("x"),)), Backward("y")))) is None
