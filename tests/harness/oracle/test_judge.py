"""The verdict: who is to blame, by which difference."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.oracle import judge, minimal
from refgrad.harness.program.document import loads
from refgrad.harness.program.ir import Backward, Hook, Leaf, Op, Program, Ref

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


class Relu(refgrad.autograd.Function):
    """``relu`` with another slope at 0 and to the right of it."""

    slopes = (0.0, 1.0)

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0.0)

    @classmethod
    def backward(cls, ctx, grad):
        (input,) = ctx.saved_tensors
        zero, right = cls.slopes
        return grad * refgrad.where(input == 0, zero, (input > 0).to(grad.dtype) * right)


def relu(zero, right=1.0):
    """A backend whose relu has these slopes."""
    return twin(relu=type("Relu", (Relu,), {"slopes": (zero, right)}).apply)


def kink(*values):
    """The gradient of relu at these values."""
    leaf, weights = Leaf("x", (2,), values, requires_grad=True), Leaf("w", (2,), (1.0, 2.0))
    return Program((leaf, Op("y", "relu", (Ref("x"),)), weights, Backward("y", "w")))


def test_convention():
    """At a kink a slope between the one-sided ones is a convention, and one beyond is wrong."""
    inside = judge(kink(0.0, 2.0), relu(0.5), RIGHT, RIGHT)
    outside = judge(kink(0.0, 2.0), relu(1.5), RIGHT, RIGHT)
    assert (inside.blame, inside.stage) == ("convention", "kink")
    assert (outside.blame, outside.stage) == ("backend", "kink")


@pytest.mark.parametrize(
    ("candidate", "torch", "blame"),
    [(relu(0.0, 3.0), RIGHT, "backend"), (RIGHT, relu(0.0, 3.0), "torch"), (relu(0.0, 3.0), relu(0.0, 3.0), "torch")],
)
def test_mathematics_decides(candidate, torch, blame):
    """Where the derivative is defined mathematics decides, over PyTorch too."""
    finding = judge(kink(1.0, 2.0), candidate, RIGHT, torch)
    assert (finding.blame, finding.stage) == (blame, "derivative")
    assert "finite differences in float64: left 1 " in finding.note


def test_mathematics_decides_behind_a_hook():
    """What a hook returns is no derivative; who is wrong without the hook is to blame."""
    *before, backward = kink(1.0, 2.0).statements
    finding = judge(Program((*before, Hook("y", "scale", -0.5), backward)), RIGHT, RIGHT, relu(0.0, 3.0))
    assert (finding.blame, finding.stage, finding.note) == ("torch", "derivative", "told without the hooks")


def test_what_is_passed_on():
    """A statement that only passes on what its operands differ by, within their bounds, is nobody's fault."""
    x = Leaf("x", (1,), (3.0,), "float32")
    rough = twin(
        exp=lambda input: refgrad.exp(input) * 0 + 1e-4 * (1 + 1e-4)
    )  # right to 1e-8, which is within the bound
    exact = twin(exp=lambda input: refgrad.exp(input) * 0 + 1e-4)
    program = Program((x, Op("y", "exp", (Ref("x"),)), Op("z", "reciprocal", (Ref("y"),))))
    finding = judge(program, rough, exact, exact)
    assert (finding.blame, finding.name, finding.note) == ("ill-conditioned", "z", "its operands' roundings")
    wrong = twin(exp=rough.namespace.exp, reciprocal=lambda input: refgrad.reciprocal(input) * 1.5)
    assert judge(program, wrong, exact, exact).blame == "backend"


@pytest.mark.parametrize("layout", ["transposed", "contiguous"])
def test_what_is_not_passed_on(layout):
    """A statement that goes wrong only on a layout, or only on a view, is at fault, though it is right on fresh tensors."""
    lying = Leaf("x", (2, 3), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), layout=layout)
    off = twin(exp=lambda input: refgrad.exp(input) * (1.0 if input.is_contiguous() else 1.5))
    found = judge(Program((lying, Op("y", "exp", (Ref("x"),)))), off, RIGHT, RIGHT)
    assert (found.blame if found else None) == ("backend" if layout == "transposed" else None)
    of_views = twin(neg=lambda input: -input * (1.5 if input._is_view() else 1.0))
    seen = Program((lying, Op("v", "unsqueeze", (Ref("x"), 0)), Op("y", "neg", (Ref("v"),))))
    assert judge(seen, of_views, RIGHT, RIGHT).blame == "backend"


def test_a_law_within_roundings():
    """A law that is broken by no more than the reference moves under a nudge is kept."""
    values = (1.0, 2.7, 2.0, 3.82, 2.72, 3.0)
    leaf = Leaf("b", (2, 3), values, "float32", layout="transposed")
    total = Op("d", "sum", (Ref("c"),))
    program = Program((leaf, Op("c", "special.entr", (Ref("b"),)), total, Op("e", "sinh", (Ref("d"),))))
    found = judge(program, RIGHT, RIGHT, laws=True)
    assert found is None or found.blame == "ill-conditioned"
    off = twin(sum=lambda input: refgrad.sum(input) * (1.0 if input.is_contiguous() else 1.01))
    assert judge(program, off, off, laws=True).blame == "backend"


def test_a_hook_makes_no_fault_of_a_convention():
    """Where nobody is wrong without the hook, nobody is with it."""
    *before, backward = kink(0.0, 2.0).statements
    finding = judge(Program((*before, Hook("y", "scale", -0.5), backward)), relu(0.5), RIGHT, RIGHT)
    assert (finding.blame, finding.stage, finding.note) == ("convention", "kink", "told without the hooks")


def test_beside_a_kink():
    """Two answers that mathematics takes for wrong are noise only where they waver; at a kink PyTorch's word counts."""
    mine = relu(3.0)
    for other in (-2.0, 2.99):
        finding = judge(kink(0.0, 2.0), mine, mine, relu(other))
        assert (finding.blame, finding.stage) == ("reference", "kink")
    pytest.importorskip("torch")
    noise = Path(__file__).parent / "beside_a_kink.json"
    finding = judge(loads(noise.read_text(encoding="utf-8")), RIGHT, RIGHT, registry.load("torch"))
    assert finding is None or finding.blame == "ill-conditioned"


def test_accumulation():
    """A second backward is judged by what it adds."""
    twice = Program((*kink(1.0, 2.0).statements[:-1], Backward("y", "w", True), Backward("y", "w")))
    first = Program((*kink(1.0, 2.0).statements[:-1], Backward("y", "w", True)))
    assert judge(twice, RIGHT, RIGHT, relu(0.0, 3.0)).number == judge(first, RIGHT, RIGHT, relu(0.0, 3.0)).number == 3


def test_ill_conditioned():
    """A difference no larger than the reference's own under a nudge of one ulp is nobody's fault."""
    rounded = Leaf("x", (3,), (1e11 / 3, -1e11 / 7, 0.1), "float64")
    program = Program((rounded, Op("e", "sin", (Ref("x"),))))
    noisy = twin(sin=lambda input: refgrad.sin(input * (1 + 5e-16)))
    finding = judge(program, noisy, RIGHT, RIGHT)
    assert finding.blame == "ill-conditioned"


def test_terms_that_cancel():
    """What is left of a sum whose terms cancel may as well be 0, and what is divided by it anything."""
    leaves = Leaf("x", (3,), (0.1, 0.2, -0.3)), Leaf("y", (), (0.0,))
    program = Program((*leaves, Op("s", "sum", (Ref("x"),)), Op("z", "div", (Ref("y"), Ref("s")))))
    exact = twin(sum=lambda input: refgrad.sum(input) * 0)
    assert judge(program, RIGHT, RIGHT, exact).blame == "ill-conditioned"


def test_law():
    """A broken law is a finding with no second library; the script and the record say what was found."""
    backend = twin(exp=lambda input: input.exp() if input.is_contiguous() else input.exp() * 2)
    program = Program((Leaf("x", (2, 2), (1.0, 2.0, 3.0, 4.0), layout="transposed"), Op("y", "exp", (Ref("x"),))))
    finding = judge(program, backend, backend)
    assert (finding.stage, finding.blame) == ("law: contiguous", "backend")
    assert finding.record()["signature"] == finding.signature
    assert "torch.exp(x)" in finding.script()
    assert finding.signature in str(finding)


def test_a_formula_that_cancels():
    """A gradient in single precision that is right in its first half is none's fault, and one that is not is."""

    def wrong_by(share):
        class Sine(refgrad.autograd.Function):
            @staticmethod
            def forward(ctx, input):
                ctx.save_for_backward(input)
                return input.sin()

            @staticmethod
            def backward(ctx, grad):
                (input,) = ctx.saved_tensors
                return grad * input.cos() * (1 + (share if input.dtype is refgrad.float32 else 0.0))

        return twin(sin=Sine.apply)

    leaf = Leaf("x", (1,), (0.3,), "float32", requires_grad=True)
    program = Program((leaf, Op("y", "sin", (Ref("x"),)), Backward("y")))
    found = [judge(program, wrong_by(share), RIGHT, RIGHT) for share in (1e-4, 1e-2)]
    assert [each.blame for each in found] == ["ill-conditioned", "backend"]


def test_who_is_wrong_only_in_single_precision():
    """Where both say in double precision what one said in single, the other has lost digits, whoever is suspected."""

    def exp(input):
        factor = 1.001 if input.dtype == refgrad.float32 else 1.0
        return refgrad.exp(input) * factor

    program = Program((Leaf("x", (2,), (0.5, 1.0), dtype="float32"), Op("y", "exp", (Ref("x"),))))
    finding = judge(program, RIGHT, RIGHT, twin(exp=exp))
    assert (finding.kind, finding.stage, finding.blame) == ("value", "double", "torch")
    finding = judge(program, twin(exp=exp), RIGHT, RIGHT)
    assert (finding.stage, finding.blame) == ("trace", "backend")
