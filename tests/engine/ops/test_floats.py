"""The make of floating numbers, complex numbers from parts, integers and shifts: side by side with PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

import refgrad
from refgrad.engine.ops import complex_numbers, exponentials, floats, powers
from tests.engine.ops.parity import Array
from tests.engine.ops.rows import Row, as_in_pytorch, as_measured, complexes, f, in_place, m, smooth, unmeasured, whole
from tests.engine.ops.rows import floats as random

torch = pytest.importorskip("torch")
NAN, INF = math.nan, math.inf
X, Y, ROW, NUMBER = random(2, 3), random(2, 3, seed=1), random(3), random()
SPECIAL, OTHER = Array([0.0, -0.0, 1.0, -2.0, NAN, INF, -INF, 0.0]), Array([-0.0, 3.0, -1.0, 0.0, 1.0, -INF, NAN, 0.0])
WHOLE, BYTES, BOOLS = whole([1, 2, -3]), whole([1, 2, 200], "uint8"), whole([True, False, True], "bool")
SINGLE, HALF = random(3, dtype="float32"), random(3, dtype="float16")
COMPLEX, NONE = complexes(2, 3), random(0, 3)

FLOATS: dict[str, Row] = {
    **{f"{name} {label}": (f(name), x, y) for name in ("copysign", "ldexp", "nextafter", "logaddexp2", "float_power") for label, x, y in (
        ("two", X, Y), ("row", X, ROW), ("0-d", X, NUMBER), ("special", SPECIAL, OTHER), ("single", SINGLE, SINGLE), ("half", HALF, HALF),
        ("types", SINGLE, ROW), ("integers", WHOLE, WHOLE), ("integer second", ROW, WHOLE), ("bytes", BYTES, BYTES), ("none", NONE, ROW), ("misfit", X, random(4)))},
    "copysign number": (f("copysign", -2), X), "copysign zero": (f("copysign", -0.0), SPECIAL), "copysign complex": (f("copysign"), COMPLEX, X),
    "copysign bools": (f("copysign"), BOOLS, BOOLS), "ldexp complex": (f("ldexp"), COMPLEX, WHOLE), "ldexp number": (f("ldexp", 1), X),
    "ldexp far": (f("ldexp"), Array([1e-30], "float32"), whole([160])), "nextafter number": (f("nextafter", 1), X),
    "frexp": (f("frexp"), X), "frexp special": (f("frexp"), SPECIAL), "frexp half": (f("frexp"), HALF), "frexp integers": (f("frexp"), WHOLE),
    "frexp 0-d": (f("frexp"), NUMBER), "float_power number": (f("float_power", 2), ROW), "float_power half": (f("float_power", 0.5), Array([4.0, -2.0])),
    "float_power swapped": (lambda xp, x: xp.float_power(2, x), ROW), "float_power complex": (f("float_power"), COMPLEX, X),
    "float_power imaginary": (f("float_power", 1j), Array([0.5, 2.0])), "float_power numbers": (lambda xp: xp.float_power(2, 3),),
    "copysign_": (in_place("copysign_"), X, Y), "copysign_ number": (in_place("copysign_", -1), X), "ldexp_": (in_place("ldexp_"), ROW, WHOLE),
    "copysign_ integers": (in_place("copysign_", 1), WHOLE), "nextafter_": (in_place("nextafter_"), X, Y),
    "float_power_": (in_place("float_power_", 2), ROW), "float_power_ single": (in_place("float_power_", 2), SINGLE),
    "logaddexp2 same": (f("logaddexp2"), Array([INF, -INF, 2.0]), Array([INF, -INF, 2.0])),
}  # fmt: skip
STEPS: dict[str, Row] = {
    "heaviside": (f("heaviside"), X, Y), "heaviside special": (f("heaviside"), Array(SPECIAL.values, requires_grad=False), Array(OTHER.values, requires_grad=False)),
    "heaviside types": (f("heaviside"), SINGLE, ROW), "heaviside complex": (f("heaviside"), COMPLEX, COMPLEX), "heaviside integers": (f("heaviside"), WHOLE, WHOLE),
    "heaviside bools": (f("heaviside"), BOOLS, BOOLS), "heaviside number": (f("heaviside", 1.0), X), "heaviside_": (in_place("heaviside_"), X, Y),
    **{f"{name} {label}": (f(name), x) for name in ("isposinf", "isneginf", "isreal") for label, x in (("special", SPECIAL), ("integers", WHOLE), ("complex", COMPLEX), ("0-d", NUMBER), ("bools", BOOLS))},
    **{f"{name}_ {label}": (in_place(f"{name}_"), X, y) for name in ("eq", "ne", "lt", "le", "gt", "ge") for label, y in (("tensor", Y), ("row", ROW), ("integer", whole([[1]])))},
    **{f"{name}_ number": (in_place(f"{name}_", 1), x) for name in ("eq", "ne", "lt", "le", "gt", "ge") for x in (X,)},
    "eq number first": (lambda xp, x: xp.eq(2, x), X), "lt number first": (lambda xp, x: xp.lt(2, x), X), "cumsum_": (in_place("cumsum_", 1), X), "cumprod_": (in_place("cumprod_", 0), X),
}  # fmt: skip
INTEGERS: dict[str, Row] = {
    **{f"{name} {label}": (f(name), x, y) for name in ("bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm") for label, x, y in (
        ("two", WHOLE, whole([3, 1, 2])), ("bytes", BYTES, whole([7, 8, 1], "uint8")), ("types", WHOLE, BYTES), ("bools", BOOLS, BOOLS), ("floats", ROW, ROW), ("float", WHOLE, ROW), ("misfit", WHOLE, whole([1, 2])))},
    **{f"{name} {k}": (f(name, k), WHOLE) for name in ("bitwise_left_shift", "bitwise_right_shift") for k in (0, 1, 62, 63, 64, 70, -1, 1.5)},
    "shift small": (f("bitwise_left_shift", 7), whole([1, 2, -1], "int8")), "gcd number": (f("gcd", 2), WHOLE), "gcd signs": (f("gcd"), whole([0, -4, 6]), whole([0, 6, -4])),
    "lcm signs": (f("lcm"), whole([0, -4, 6]), whole([0, 6, -4])), "<<": (lambda xp, x: x << 1, WHOLE), ">>": (lambda xp, x: x >> x, WHOLE), "1 <<": (lambda xp, x: 1 << x, WHOLE),
    "bool <<": (lambda xp, x: x << 1, BOOLS), "bitwise_left_shift_": (in_place("bitwise_left_shift_", 1), WHOLE), "gcd_": (in_place("gcd_"), WHOLE, WHOLE),
}  # fmt: skip
COMPLEXES: dict[str, Row] = {
    **{f"{name} {label}": (f(name), x, y) for name in ("complex", "polar") for label, x, y in (
        ("two", X, Y), ("row", X, ROW), ("0-d", NUMBER, X), ("single", SINGLE, SINGLE), ("types", SINGLE, ROW), ("integers", WHOLE, WHOLE), ("none", NONE, ROW), ("special", SPECIAL, OTHER))},
    "complex number": (f("complex", 1.0), X), "polar positive": (f("polar"), Array(np.linspace(0.3, 2, 6).reshape(2, 3)), X), "angle": (f("angle"), COMPLEX), "angle real": (f("angle"), X), "angle special": (f("angle"), SPECIAL), "angle integers": (f("angle"), WHOLE),
    "angle bools": (f("angle"), BOOLS), "angle of 0": (f("angle"), Array([0j, 1j], "complex128")), "angle 0-d": (f("angle"), complexes()), "positive": (f("positive"), X), "positive bools": (f("positive"), BOOLS),
    "conj_physical": (f("conj_physical"), COMPLEX), "conj_physical real": (f("conj_physical"), X), "resolve_conj": (f("resolve_conj"), X), "resolve_neg": (f("resolve_neg"), X),
    "__rdiv__": (m("__rdiv__", 2.0), X), "__rmatmul__": (lambda xp, x, y: y.__rmatmul__(x), X, ROW),
}  # fmt: skip
TABLES = {"floats": FLOATS, "steps": STEPS, "integers": INTEGERS, "complexes": COMPLEXES}
ROWS = {f"{table}: {name}": row for table, rows in TABLES.items() for name, row in rows.items()}


# the gradient there: PyTorch takes the power of the integer in integers, which below 0 (or far above) gives 0
WRONG_IN_PYTORCH = {"floats: ldexp integer second", "floats: ldexp complex", "floats: ldexp far", "floats: ldexp_"}


@pytest.mark.parametrize("name", ROWS)
def test_as_in_pytorch(name: str) -> None:
    """A call gives what PyTorch's gives, to the graph, both gradients and tangents."""
    as_in_pytorch(torch, ROWS[name], orders=0 if name in WRONG_IN_PYTORCH else 2)


def test_gradient_of_a_power_of_two_is_measured() -> None:
    """The gradient of ``ldexp`` is the power, for negative integers too, where PyTorch gives 0."""
    x = refgrad.tensor([1.0, 3.0], requires_grad=True)
    refgrad.ldexp(x, refgrad.tensor([-3, 2])).sum().backward()
    assert x.grad.tolist() == [0.125, 4.0]


KINKS = (
    "nextafter",
    "polar two",
    "polar row",
    "heaviside",
    "float_power two",
    "float_power row",
    "float_power 0-d",
    "float_power half",
)
SMOOTH = smooth(ROWS, kinks=[name for name in ROWS if name.partition(": ")[2].startswith(KINKS)])


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    as_measured(SMOOTH[name])


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences."""
    assert "ldexp" not in (left := unmeasured([floats, complex_numbers], SMOOTH.values()))
    assert left <= {"view_as_real", "view_as_complex", "_conj", "_conj_physical", "nextafter"}  # complex, or flat
    assert "logaddexp2" not in unmeasured([exponentials, powers], SMOOTH.values())
