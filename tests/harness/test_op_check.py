"""What is wrong with an op is found, by the right question, and conventions and gaps are told apart."""

import types

import pytest

import refgrad
from refgrad.commands.suite import suite
from refgrad.errors import Unsupported
from refgrad.harness import adapters, op_db
from refgrad.harness.adapters import NamespaceBackend
from refgrad.harness.check import Check, Disagreement
from refgrad.harness.goldens import newest
from refgrad.harness.op_check import OpCheck, Samples
from refgrad.harness.outcomes import lacks


class Wrong(NamespaceBackend):
    """refgrad with another ``exp``."""

    name, version, homepage = "wrong", "1", ""

    def __init__(self, exp):
        module = types.ModuleType("wrong")
        module.__dict__.update(
            {name: getattr(refgrad, name) for name in dir(refgrad) if name != "exp" and name[0] != "_"}
        )
        if exp is not None:
            module.exp = exp
        super().__init__(module)


def asking(backend, name="exp"):
    check = Check(
        backend.name, "case", array=backend.to_numpy, strict=True, lacks=lambda error: lacks(error, backend, suite())
    )
    (op,) = [op for op in op_db.find([name]) if not op.variant]
    return OpCheck(check, Samples(adapters.calculus(backend), newest(suite() / "goldens")), op)


def ask(checked, question):
    return (
        checked.agree(question)
        if question in ("value", "vjp", "jacobian", "second", "jvp")
        else getattr(checked, question)()
    )


QUESTIONS = ("value", "unchanged", "vjp", "jacobian", "second", "jvp", "transposed", "kinks")


def failing(exp):
    """The questions that go wrong."""
    found = set()
    for question in QUESTIONS:
        try:
            ask(asking(Wrong(exp)), question)
        except Disagreement:
            found.add(question)
    return found


def custom(forward, derivative):
    """An exp with another derivative, written as a user would."""

    class Exp(refgrad.autograd.Function):
        @staticmethod
        def forward(x):
            return forward(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            return grad * derivative(*ctx.saved_tensors)

        @staticmethod
        def jvp(ctx, tangent):
            return tangent * refgrad.exp(*ctx.saved_tensors)

    return Exp.apply


calls = []


def fickle(x):
    calls.append(x)
    return refgrad.exp(x) + 1e-13 * len(calls)


@pytest.mark.parametrize(
    ("exp", "wrong"),
    [
        (refgrad.exp, set()),
        (custom(refgrad.exp, refgrad.exp), set()),
        (lambda x: refgrad.exp(x) + 1e-5, {"value"}),
        (lambda x: refgrad.exp(x).double(), {"value", "jvp"}),
        (lambda x: refgrad.exp(x).flatten(), {"value"}),
        (fickle, {"unchanged"}),
        (lambda x: x.detach().add_(0.1) and refgrad.exp(x), {"value", "unchanged"}),
        (custom(refgrad.exp, lambda x: refgrad.exp(x).detach()), {"second"}),
        (custom(refgrad.exp, lambda x: 2 * refgrad.exp(x)), {"vjp", "jacobian", "second", "transposed", "kinks"}),
    ],
)
def test_finds(exp, wrong):
    """Each fault is found by the questions that it shows in, and by no other."""
    found = failing(exp)
    assert found >= wrong
    assert bool(found) == bool(wrong)


def test_lacking():
    """An op that is not there is unsupported; a dtype that is not there is noted, and the rest is judged."""
    backend = Wrong(None)
    with pytest.raises(AttributeError) as caught:
        asking(backend).agree("value")
    assert lacks(caught.value, backend, suite()) == "wrong.exp"

    def no_float32(x):
        if x.dtype == refgrad.float32:
            raise Unsupported("float32")
        return refgrad.exp(x)

    checked = asking(Wrong(no_float32))
    checked.agree("value")
    assert checked.check.lacking == ["1 of 9 samples: float32"]


def test_message():
    """A failure names the op, the sample, the element, both values, their distance and the bound."""
    with pytest.raises(Disagreement) as caught:
        asking(Wrong(lambda x: refgrad.exp(x) * 1.5)).agree("value")
    for part in ("wrong, case: exp([2, 3]): at index [0, 0]: got", "expected", "ulp; bound", "more samples"):
        assert part in str(caught.value)


def test_convention():
    """At a kink another choice than PyTorch's is noted by name if it lies between the sides, and fails otherwise."""

    def abs_with(slope):
        class Abs(refgrad.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return refgrad.abs(x)

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return grad * refgrad.where(x == 0, slope, refgrad.sign(x))

        backend = Wrong(refgrad.exp)
        backend.namespace.abs = Abs.apply
        return asking(backend, "abs")

    checked = abs_with(1.0)
    checked.kinks()
    assert checked.check.choices == [("abs at 0", "1", "0"), ("abs at -0", "1", "0")]  # by ones
    with pytest.raises(Disagreement, match="finite differences in float64: left"):
        abs_with(1.5).kinks()


def test_asked_once():
    """An answer serves every question that needs it, as long as the questions are about one op."""
    seen = []

    def exp(x):
        seen.append(x)
        return refgrad.exp(x)

    backend = Wrong(exp)
    samples = Samples(adapters.calculus(backend), newest(suite() / "goldens"))
    op, other = (next(iter(op_db.find([name]))) for name in ("exp", "log"))
    check = Check(backend.name, "case", array=backend.to_numpy, strict=True)
    for question in ("vjp", "jvp"):
        OpCheck(check, samples, op).agree(question)
    asked = len(seen)
    OpCheck(check, samples, op).transposed()
    assert len(seen) == asked
    OpCheck(check, samples, other).agree("value")
    OpCheck(check, samples, op).transposed()
    assert len(seen) > asked


def test_arrays_of_its_own():
    """A backend that writes into the arrays that it is given spoils no other question."""
    sample = asking(Wrong(refgrad.exp)).samples[0]
    (array,) = sample.arrays
    before = array.copy()
    array[:] = 7.0
    assert (sample.arrays[0] == before).all()
