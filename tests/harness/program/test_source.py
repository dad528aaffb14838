"""Scripts: every one runs on its own, and prints what the program shows."""

import subprocess
import sys

import pytest

from refgrad.errors import Unsupported
from refgrad.harness import registry
from refgrad.harness.oracle.judge import expressible
from refgrad.harness.program import generate
from refgrad.harness.program.ir import Backward, Block, Grad, Hook, InPlace, Leaf, Op, Program, Ref
from refgrad.harness.program.source import TORCH, Idiom, Question, script

REFGRAD = Idiom(("import refgrad as torch",))
X = Leaf("x", (2,), (0.5, 2.0), requires_grad=True)
W = Leaf("w", (2,), (1.0, -0.5))
CHAIN = Program((X, Op("y", "exp", (Ref("x"),)), W, Op("z", "mul", (Ref("w"), Ref("y"))), Op("s", "sum", (Ref("z"),)),
                 Backward("s")))  # fmt: skip


def printed(text):
    """What a script prints, run by an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, text + done.stderr
    return done.stdout


def test_torch_words():
    """A script in torch's words, whole."""
    assert script(CHAIN, Question(5, "grad", "x", {"mylib": [1.0, 2.0]})).splitlines() == [
        "import torch",
        "",
        "x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)",
        "y = torch.exp(x)",
        "z = torch.mul(torch.tensor([1.0, -0.5], dtype=torch.float64), y)",
        "s = torch.sum(z)",
        "s.backward()",
        'print("here:", x.grad)',
        "print(\"mylib:\", '[1.0, 2.0]')",
    ]


@pytest.mark.filterwarnings("ignore:No ccache found")  # PaddlePaddle's word on import
@pytest.mark.parametrize("library", ["torch", "mygrad", "autograd", "paddle"])
def test_own_words(library):
    """In each library's own words the program gives the same gradient, and needs no refgrad."""
    pytest.importorskip(f"refgrad_{library}")
    idiom = TORCH if library == "torch" else registry.load(library).idiom
    text = script(CHAIN, Question(5, "grad", "x", {"other": 7}), idiom)
    assert "refgrad" not in text
    assert len(text.splitlines()) <= 15
    *answer, other = printed(text).splitlines()
    numbers = answer[-1].rpartition("[")[2].split("]")[0].replace(",", " ").split()
    assert [float(each) for each in numbers] == pytest.approx([1.6487, -3.6945], abs=1e-4)
    assert other == "other: 7"


def test_no_words():
    """What an idiom cannot say it does not say."""
    idiom = Idiom(ops={})
    with pytest.raises(Unsupported, match="exp in the library's own words"):
        script(CHAIN, Question(5, "grad", "x"), idiom)


def test_everything_else():
    """Blocks, hooks, writes, views and errors are said in torch's words too."""
    program = Program((
        X,
        Leaf("m", (2, 2), (1.0, 2.0, 3.0, 4.0), layout="transposed", requires_grad=True),
        Op("y", "clone", (Ref("x"),)),
        Block("no_grad", (InPlace("x", "mul_", (2,)), Op("u", "exp", (Ref("x"),)))),
        Hook("y", "scale", 3.0),
        InPlace("y", "setitem", ((0,), 0.25)),
        Grad(("g",), ("y",), ("x",), ("u",), True, True),
        Backward("m"),
        Backward("y"),
    ))  # fmt: skip
    text = script(program, Question(10, "error", "", {"mylib": None}, frozenset({9, 10})), REFGRAD)
    assert "with torch.no_grad():\n    x.mul_(2)\n    u = torch.exp(x)" in text
    assert "with suppress(Exception):\n    m.backward()" in text
    assert printed(text).startswith("here: RuntimeError grad can be implicitly created only for scalar outputs")


@pytest.mark.parametrize("seed", range(12))
def test_drawn(seed):
    """A script shows what the interpreter saw, for programs of every kind."""
    program, (trace,) = expressible(generate(seed), [registry.load("refgrad")])
    name = next(iter(trace[-1].seen))
    raising = frozenset(step.number for step in trace if step.raised)
    shown = printed(script(program, Question(len(program), "requires_grad", name, {}, raising), REFGRAD))
    assert shown.splitlines()[-1] == f"here: {trace[-1].seen[name].requires_grad}"


def test_an_error_that_is_passed_over():
    """A statement that raises, though the script is about something else, is passed over by a word that is imported."""
    program = Program((Leaf("x", (2,), (1.0, 2.0), requires_grad=True), Backward("x")))
    text = script(program, Question(1, "grad", "x", raising=frozenset({1})))
    assert text.startswith("from contextlib import suppress")


def test_second_derivatives():
    """A script about the order of two derivatives shows all of the second ones."""
    other = Leaf("z", (2,), (3.0, 5.0), "float32", requires_grad=True)
    program = Program((X, other, Op("y", "mul", (Ref("x"), Ref("z"))), W, Backward("y", "w")))
    text = script(program, Question(4, "hessian", "x and z", {"law": 0.0}), REFGRAD)
    assert len(text.splitlines()) <= 15
    shown = "".join(printed(text).split())
    zero, mixed = (
        "tensor([[0.,0.],[0.,0.]],dtype=torch.float64)",
        "tensor([[1.0000,0.0000],[0.0000,-0.5000]],dtype=torch.float64)",
    )
    assert shown.replace("-0.0000", "0.0000").startswith(f"here:(({zero},{mixed}),({mixed},{zero}))")


@pytest.mark.parametrize(
    ("what", "name"), [("error", ""), ("value", "y"), ("hessian", "x"), ("recording", ""), ("grad", "w")]
)
def test_no_functional_words(what, name):
    """In functional words there are scripts about the gradients of leaves only; another is refused, and not failed at."""
    with pytest.raises(Unsupported):
        script(CHAIN, Question(5, what, name), Idiom(functional="vjp(f, {inputs})({cotangent})"))
