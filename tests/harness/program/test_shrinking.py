"""Shrinking: what is left is what matters."""

import pytest

from refgrad.harness import registry
from refgrad.harness.program import dumps, generate, interpret, ir, loads, shrink
from refgrad.harness.program.ir import Backward, Block, Grad, Leaf, Op, Program, Ref
from refgrad.harness.program.shrinking import alone, needed, repaired, simpler_values, smaller_leaves, without


def uses(name):
    """Whether a program calls an op."""
    return lambda program: any(getattr(each, "op", None) == name for each in program.walk())


@pytest.mark.parametrize("seed", range(20))
def test_to_the_least(seed):
    """A program that fails for one op alone shrinks to that op and its operands, with the simplest numbers."""
    program = generate(seed)
    name = next(each.op for each in program.walk() if isinstance(each, Op))
    small = shrink(program, uses(name))
    assert uses(name)(small)
    assert len(small) <= 4
    assert all(len(each.values) <= 2 for each in small.walk() if isinstance(each, Leaf))


def test_ends():
    """Numbers that fail alike are not put one for the other for ever, and no program is run twice."""
    runs = []

    def still_fails(program):
        runs.append(program)
        return uses("sin")(program)

    program = Program((Leaf("a", (4,), (7.5, -2.0, 0.0, float("inf"))), Op("b", "sin", (Ref("a"),))))
    assert shrink(program, still_fails).statements[0].values == (1.0,)
    assert len(set(runs)) == len(runs) < 20


@pytest.mark.parametrize("seed", range(0, 300, 10))
def test_repair(seed):
    """Without any one statement a program is still sound."""
    program = generate(seed)
    for number in range(len(program)):
        smaller = without(program, [number])
        assert len(smaller) < len(program)
        loads(dumps(smaller))


def test_repair_keeps_what_it_can():
    """A derivative by two tensors outlives the loss of one; an empty block goes."""
    x, y = Leaf("x", (), (1.0,), requires_grad=True), Op("y", "exp", (Ref("x"),))
    lost = Program((x, y, Grad(("g", "h"), ("y",), ("x", "z")), Block("no_grad", (Backward("z"),))))
    assert repaired(lost).statements == (x, y, Grad(("g",), ("y",), ("x",)))


def test_needed_keeps_what_a_statement_is_made_of():
    """A program is cut to one statement and its ancestors, in whatever block they are."""
    program = Program(
        (
            Leaf("a", (1,), (1.0,)),
            Leaf("b", (1,), (2.0,)),
            Block("no_grad", (Op("c", "exp", (Ref("a"),)), Op("d", "exp", (Ref("b"),)))),
            Op("e", "mul", (Ref("c"), Ref("c"))),
            Op("f", "sin", (Ref("e"),)),
        )
    )
    left = needed(program, 5)
    assert [name for each in left.walk() for name in ir.made(each)] == ["a", "c", "e"]


def test_alone_on_leaves_that_hold_what_an_op_gave():
    """What an op with several outputs gave, in a block, becomes a leaf with its values, dtype and requires_grad."""
    x, s = Leaf("x", (4,), (1.0, 2.0, 3.0, 4.0), "float32", True), Op("s", "cos", (Ref("h"),))
    half = Op("h", "hsplit", (Ref("x"), 2), output=1)
    program = Program((x, half, Block("enable_grad", (s,)), Backward("s")))
    trace = interpret(program, registry.load("refgrad"))
    assert alone(program, 3, trace).statements == (Leaf("h", (2,), (3.0, 4.0), "float32", True), s)
    assert alone(program, 4, trace) is None  # a derivative is nothing without the graph


@pytest.mark.parametrize("dtype", ["bool", "float32", "int64"])
@pytest.mark.parametrize("shape", [(2, 2), (0, 1)])
def test_smaller_leaves_are_of_their_type(dtype, shape):
    """A leaf with fewer or simpler numbers can be written down and read again."""
    kind = {"bool": bool, "int64": int}.get(dtype, float)
    program = Program((Leaf("x", shape, tuple(map(kind, (3, 7, 1, 5)))[: shape[0] * shape[1]], dtype),))
    found = [*smaller_leaves(program), *simpler_values(program)]
    assert found
    assert all(loads(dumps(each)) == each for each in found)
