"""Finite differences of programs: what is defined, what is a kink, and what counts as a constant."""

import math

import pytest

from refgrad.harness import registry
from refgrad.harness.oracle.derivative import one_sided, slope
from refgrad.harness.program.ir import Backward, Block, Grad, Hook, InPlace, Leaf, Op, Program, Ref

REFERENCE = registry.load("refgrad")


def of(name, value, dtype="float64"):
    """The slope of the sum of an op at its first element."""
    leaf = Leaf("x", (2,), (value, 2.0), dtype, requires_grad=True)
    program = Program((leaf, Op("y", name, (Ref("x"),)), Op("s", "sum", (Ref("y"),)), Backward("s")))
    return slope(program, REFERENCE, 3, "x", (0,))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "value", "derivative"), [("exp", 0.5, math.exp(0.5)), ("sin", 3.0, math.cos(3.0)), ("relu", 1.5, 1.0)]
)
def test_defined(name, value, derivative, dtype):
    """At a smooth point both sides agree on the derivative, to many digits."""
    found = of(name, value, dtype)
    assert found.defined
    assert found.right[0] == pytest.approx(derivative, rel=1e-8)
    assert found.holds(derivative)
    assert not found.holds(derivative * 1.001)


@pytest.mark.parametrize(
    ("name", "value", "left", "right"), [("abs", 0.0, -1, 1), ("relu", 0.0, 0, 1), ("amax", 2.0, 0, 1)]
)
def test_kink(name, value, left, right):
    """At a kink the two sides differ, and what lies between them holds."""
    found = of(name, value)
    assert not found.defined
    assert (found.left[0], found.right[0]) == pytest.approx((left, right))
    assert found.holds((left + right) / 2)
    assert not found.holds(right + 0.1)


@pytest.mark.parametrize(("name", "value"), [("sqrt", 0.0), ("log", 0.0), ("exp", math.inf), ("exp", math.nan)])
def test_none(name, value):
    """Where a difference quotient has no limit nothing is defined."""
    assert not of(name, value).defined


def test_one_sided():
    """Extrapolation reaches ten digits of a smooth function's derivative."""
    value, error = one_sided(lambda step: math.exp(step) * math.sin(1 + step), 1)
    assert value == pytest.approx(math.sin(1) + math.cos(1), abs=1e-9)
    assert error < 1e-7


X = Leaf("x", (1,), (0.5,), requires_grad=True)
Y = Op("y", "mul", (Ref("x"), Ref("x")))


@pytest.mark.parametrize(
    ("middle", "derivative"),
    [
        ((Op("z", "mul", (Ref("y"), Ref("x"))),), 3 * 0.25),
        ((Op("d", "detach", (Ref("y"),)), Op("z", "mul", (Ref("d"), Ref("x")))), 0.25),
        ((Block("no_grad", (Op("d", "exp", (Ref("x"),)),)), Op("z", "add", (Ref("y"), Ref("d")))), 1.0),
        ((Block("no_grad", (InPlace("x", "mul_", (3,)),)), Op("z", "mul", (Ref("x"), Ref("x")))), 3.0),
        ((Op("z", "clone", (Ref("y"),)), InPlace("z", "mul_", (2,))), 2.0),
        ((Op("z", "clone", (Ref("y"),)), Op("v", "unsqueeze", (Ref("z"), 0)), InPlace("v", "mul_", (Ref("x"),))), 0.75),
        ((Grad(("g",), ("y",), ("x",), None, None, True), Op("z", "mul", (Ref("g"), Ref("x")))), 2.0),
        ((Grad(("g",), ("y",), ("x",), None, True), Op("z", "mul", (Ref("g"), Ref("x")))), 1.0),
    ],
    ids=[
        "plain",
        "detach",
        "no_grad",
        "write in no_grad",
        "write",
        "write through a view",
        "second",
        "first as constant",
    ],
)
def test_what_autograd_means(middle, derivative):
    """The function that is differentiated is the one autograd recorded: the rest is constant."""
    program = Program((X, Y, *middle, Backward("z")))
    found = slope(program, REFERENCE, len(program) - 1, "x", (0,))
    assert found.defined
    assert found.right[0] == pytest.approx(derivative, rel=1e-6)


def test_not_told():
    """A hook that changes gradients makes them no derivative of anything."""
    program = Program((X, Hook("x", "scale", 2.0), Y, Backward("y")))
    assert slope(program, REFERENCE, 3, "x", (0,)) is None
