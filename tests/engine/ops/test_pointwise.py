"""Elementwise ops: side by side with PyTorch, at their kinks, and against finite differences."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refgrad
from refgrad.engine.ops import arithmetic, comparison, copies, exponentials, mixing, powers, steps, trigonometry
from tests.engine.live import live
from tests.engine.ops.parity import Array, Case, check, check_all
from tests.engine.ops.slopes import check_slopes, derivable, leaves, ops_of, results

NAN, INF = float("nan"), float("inf")
FLOATS = ["float64", "float32", "float16", "bfloat16"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
SPECIAL = [0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 0.3, -3.7, NAN, INF, -INF, 40.0, -40.0, 1e-3, 7e4]
COMPLEX = [1 + 0.5j, -1 + 0.2j, 0.3 + 1j, 0.1 - 1j, 0.5 + 0.3j, -0.7 + 1.2j, 2 - 3j, -1.5 - 0.25j]
GRID = np.linspace(0.1, 0.9, 6).reshape(2, 3)
HAS_BFLOAT16 = refgrad.bfloat16 is not None


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def function(name: str) -> Callable[..., Any]:
    return lambda xp, *args: getattr(xp, name)(*args)


# one input ------------------------------------------------------------------------------------------------------------

UNARY = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_not", "ceil", "clone", "conj", "cos", "cosh",
    "deg2rad", "erf", "erfc", "exp", "exp2", "expm1", "floor", "frac", "imag", "isfinite", "isinf", "isnan", "log",
    "log10", "log1p", "log2", "logical_not", "logit", "nan_to_num", "neg", "ones_like", "rad2deg", "real",
    "reciprocal", "relu", "round", "rsqrt", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square",
    "tan", "tanh", "trunc", "zeros_like",
]  # fmt: skip
INPUTS = {
    **{name: Array(SPECIAL, name) for name in FLOATS if name != "bfloat16" or HAS_BFLOAT16},
    **{name: Array(COMPLEX, name) for name in ("complex128", "complex64")},
    **{name: Array([0, 1, 2, 3, 5, 100] if name == "uint8" else [0, 1, -1, 2, -3, 100], name) for name in INTEGERS},
    "bool": Array([True, False], "bool"),
    "zeros": Array([0.0, -0.0]),
    "0-d": Array(0.3),
    "0-d single": Array(0.3, "float32"),
    "empty": Array(np.zeros((0, 3))),
    "transposed": Array(GRID, "float64", "transposed"),
    "strided": Array(GRID, "float64", "strided"),
}
UNARY_GAPS = {
    ("nan_to_num", "complex128"),  # PyTorch refuses to differentiate it
    ("nan_to_num", "complex64"),
    ("conj", "complex128"),  # PyTorch's is a lazy view
    ("conj", "complex64"),
    ("signbit", "bfloat16"),  # the sign of a nan that was cast
    ("logit", "zeros"),  # the sign of an infinity, which PyTorch's own kernels disagree on
    ("logit", "float32"),
    ("logit", "float16"),
    ("logit", "bfloat16"),
}


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n in UNARY for k in INPUTS if (n, k) not in UNARY_GAPS])
def test_one_input_as_in_pytorch(name: str, kind: str, torch: Any) -> None:
    """Value, type, layout, graph, both gradients and errors are PyTorch's."""
    check(refgrad, torch, Case(name, function(name), (INPUTS[kind],)))


# two inputs -----------------------------------------------------------------------------------------------------------

BINARY = [
    "add", "sub", "mul", "div", "true_divide", "remainder", "fmod", "floor_divide", "pow", "atan2", "hypot",
    "logaddexp", "xlogy", "maximum", "minimum", "fmax", "fmin", "clamp_min", "clamp_max", "eq", "ne", "lt", "le",
    "gt", "ge", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "isclose",
    "rsub",
]  # fmt: skip
NUMBER_SECOND = {
    "eq", "ne", "lt", "le", "gt", "ge", "clamp_min", "clamp_max", "rsub", "bitwise_and", "bitwise_or", "bitwise_xor",
}  # fmt: skip
CORNERS = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, 3.0, NAN, INF, -INF, 7.0])
LEFT, RIGHT = np.repeat(CORNERS, len(CORNERS)), np.tile(CORNERS, len(CORNERS))
WHOLE = np.array([0, 1, 2, 3, -1, -2, -7, 5])
NUMBERS: list[Any] = [2, 0, -1, 3, 0.5, 0.0, -1.5, True, 1j, NAN]


def corners(name: str) -> Iterator[Case]:
    """Every pair of 0, -0, ties, nan and infinities, in each floating type."""
    for kind in INPUTS.keys() & set(FLOATS):
        yield Case(kind, function(name), (Array(LEFT, kind), Array(RIGHT, kind)))


def of_complex(name: str) -> Iterator[Case]:
    left, right = np.repeat(COMPLEX, len(COMPLEX)), np.tile(COMPLEX, len(COMPLEX))
    for kind in ("complex128", "complex64"):
        yield Case(kind, function(name), (Array(left, kind), Array(right, kind)))
    if name != "logaddexp":  # of which PyTorch's gradient fails
        yield Case("real-complex", function(name), (Array([1.0, 2.0, -0.5]), Array([1j, 2 + 1j, 0.3], "complex128")))


def of_integers(name: str) -> Iterator[Case]:
    for kind in [*INTEGERS, "bool"]:
        left, right = np.repeat(WHOLE, len(WHOLE)), np.tile(WHOLE, len(WHOLE))
        if kind == "uint8":
            left, right = abs(left), abs(right)
        if name in ("floor_divide", "remainder", "fmod", "pow"):
            fits = (right > 0) if name == "pow" else right != 0
            left, right = left[fits], right[fits]
        yield Case(kind, function(name), (Array(left, kind), Array(right, kind)))
    if name in ("floor_divide", "remainder", "fmod"):
        yield Case("by zero", function(name), (Array([1, 2], "int64"), Array([0, 1], "int64")))


MIXED = [
    ("int64", "float32"), ("float32", "float64"), ("uint8", "int8"), ("bool", "int32"), ("int32", "float16"),
    ("float16", "bfloat16"), ("int64", "bool"), ("float64", "complex64"),
]  # fmt: skip


def of_mixed_types(name: str) -> Iterator[Case]:
    for left, right in MIXED:
        bools = "bool" in (left, right) and name in (
            "sub",
            "rsub",
        )  # refused by PyTorch
        ill = (name, right) == ("logaddexp", "complex64")
        if not bools and not ill and (HAS_BFLOAT16 or right != "bfloat16"):
            yield Case(f"{left}-{right}", function(name), (Array([1, 2, 3], left), Array([1, 1, 2], right)))
    yield Case("0-d", function(name), (Array(2.0), Array([1, 1, 2.0], "float32")))
    yield Case("0-d integer", function(name), (Array(2, "int64"), Array([1, 1, 2.0], "float16")))
    yield Case("both 0-d", function(name), (Array(2, "int64"), Array(3, "int32")))


def with_numbers(name: str) -> Iterator[Case]:
    for number in NUMBERS:
        for kind in ("float32", "float64", "int64", "uint8", "bool", "complex64", "float16"):
            if _odd(name, kind, number):
                continue
            x = Array([True, False] if kind == "bool" else [1, 2, 3] if kind == "uint8" else [1, -2, 3, 0], kind)
            yield Case(f"{kind}, {number}", function(name), (x, number))
            if name not in NUMBER_SECOND and not (name == "pow" and number is True):
                yield Case(f"{number}, {kind}", function(name), (number, x))


def _odd(name: str, kind: str, number: Any) -> bool:
    """Calls that are known to differ."""
    if number == 1j and kind == "float16":
        return True  # PyTorch has half complex numbers
    if kind == "complex64" and (number != number or name == "pow"):
        return True  # whether nan and infinities spread to the imaginary part
    if name in ("sub", "rsub") and (number is True or kind == "bool"):
        return True
    return name in ("floor_divide", "remainder", "fmod") and number == 0


def of_shapes(name: str) -> Iterator[Case]:
    f, row, column = function(name), Array([0.5, 2.0, 0.25]), Array([[0.3], [0.6]])
    turned = Array(GRID, "float64", "transposed")
    yield Case("numbers", f, (Array(0.3), Array(0.7)))
    yield Case("row", f, (Array(GRID), row))
    yield Case("both ways", f, (column, Array([[0.5, 2.0, 0.25]])))
    yield Case("number", f, (Array(0.3), Array([[0.5, 2.0, 0.25]])))
    yield Case("empty", f, (Array(np.zeros((0, 3))), row))
    yield Case("single", f, (Array([1.0]), Array([2.0])))
    yield Case("misfit", f, (Array([1.0, 2]), Array([1.0, 2, 3])))
    yield Case("transposed", f, (turned, Array(GRID[::-1].copy(), "float64", "transposed")))
    yield Case("strided", f, (Array(GRID, "float64", "strided"), row))
    yield Case("itself", lambda xp, x: f(xp, x, x), (Array([1.0, 2.0]),))
    yield Case("constant", f, (Array([1.0, 2]), Array([3.0, 4], requires_grad=False)))
    yield Case("of a constant", f, (Array([1.0, 2], requires_grad=False), Array([3.0, 4])))


GROUPS = [corners, of_complex, of_integers, of_mixed_types, with_numbers, of_shapes]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
@pytest.mark.parametrize("name", BINARY)
def test_two_inputs_as_in_pytorch(name: str, group: Callable[[str], Iterator[Case]], torch: Any) -> None:
    """Value, type, layout, graph, both gradients and errors are PyTorch's."""
    check_all(refgrad, torch, group(name))


# further arguments ----------------------------------------------------------------------------------------------------

MASK = Array([True, False, True], "bool")
VALUES = [0.0, 1.0, -1.0, 2.0, NAN, INF, -INF, 0.5]
BOUNDS = [(0, 1), (0.0, None), (None, 0.5), (-1, 1.0), (1, 0), (NAN, 1), (None, NAN), (-INF, INF), (None, None)]


def clamps(kind: str) -> Iterator[Case]:
    x, n = Array(VALUES, kind), len(VALUES)
    for low, high in BOUNDS:
        yield Case(f"clamp {low} {high}", lambda xp, x, low=low, high=high: xp.clamp(x, low, high), (x,))
    every = [Array(np.tile(np.repeat(VALUES, n**i), n ** (2 - i)), kind) for i in range(3)]
    if kind in FLOATS:
        yield Case("clamp tensors", lambda xp, x, low, high: xp.clamp(x, low, high), tuple(every))
        yield Case("clamp low", lambda xp, x, low: xp.clamp(x, min=low), tuple(every[:2]))
        yield Case("clamp high", lambda xp, x, high: xp.clamp(x, max=high), tuple(every[:2]))
    yield Case("clamp both kinds", lambda xp, x: xp.clamp(x, 0, x[:1]), (x,))


def mixtures(kind: str) -> Iterator[Case]:
    x, y, w = Array([1.0, 2, 3], kind), Array([4.0, 1, 3], kind), Array([0.25, 0.5, 1.0], kind)
    yield Case("lerp", lambda xp, x, y: xp.lerp(x, y, 0.3), (x, y))
    yield Case("lerp weights", lambda xp, x, y, w: xp.lerp(x, y, w), (x, y, w))
    yield Case("lerp of another type", lambda xp, x, y: xp.lerp(x, y, 0.3), (x, Array([1.0, 2, 3], "float32")))
    yield Case("addcmul", lambda xp, x, y, w: xp.addcmul(x, y, w, value=2), (x, y, w))
    yield Case("addcdiv", lambda xp, x, y, w: xp.addcdiv(x, y, w, value=2), (x, y, x))
    if kind != "bool":
        yield Case("add alpha", lambda xp, x, y: xp.add(x, y, alpha=2), (x, y))
        yield Case("sub alpha", lambda xp, x, y: xp.sub(x, y, alpha=2), (x, y))
        yield Case("rsub alpha", lambda xp, x, y: xp.rsub(x, y, alpha=2), (x, y))


def selections(kind: str) -> Iterator[Case]:
    x, y = Array([1.0, 2, 3], kind), Array([4.0, 0, 3], kind)
    yield Case("where", lambda xp, x, y, m: xp.where(m, x, y), (x, y, MASK))
    yield Case("where number", lambda xp, x, m: xp.where(m, x, 2.5), (x, MASK))
    yield Case("where number first", lambda xp, x, m: xp.where(m, 2, x), (x, MASK))
    yield Case("where condition", lambda xp, x: xp.where(x, 1.0, x), (x,))
    yield Case("masked_fill", lambda xp, x, m: xp.masked_fill(x, m, 7), (x, MASK))
    yield Case("masked_fill fraction", lambda xp, x, m: xp.masked_fill(x, m, 2.5), (x, MASK))
    yield Case("masked_fill imaginary", lambda xp, x, m: xp.masked_fill(x, m, 2j), (x, MASK))
    yield Case("masked_fill mask", lambda xp, x: xp.masked_fill(xp.ones(3), x, 2.5), (x,))
    yield Case("masked_fill tensor", lambda xp, x, m, v: xp.masked_fill(x, m, v), (x, MASK, Array(2.0, kind)))
    yield Case("fill", lambda xp, x: xp.fill(x, 2), (x,))
    yield Case("fill tensor", lambda xp, x, v: xp.fill(x, v), (x, Array(2.0, kind)))
    yield Case("copy_", lambda xp, x, y: xp.ones(3).copy_(y), (x, y))
    yield Case("to", lambda xp, x: (x.to(xp.float64), x.to(xp.int32), x.to(xp.bool)), (x,))


def roundings(kind: str) -> Iterator[Case]:
    left, right = (LEFT, RIGHT) if kind in FLOATS else (np.array([7, -7, 5, 1]), np.array([2, 2, -3, 1]))
    if kind == "uint8":
        left, right = abs(left), abs(right)
    for mode in ("floor", "trunc", "up"):
        call = lambda xp, x, y, mode=mode: xp.div(x, y, rounding_mode=mode)  # noqa: E731
        yield Case(f"div {mode}", call, (Array(left, kind), Array(right, kind)))
        yield Case(f"div by number {mode}", lambda xp, x, call=call: call(xp, x, 2), (Array(left, kind),))
    yield Case("div by zero", lambda xp, x: xp.div(x, x * 0, rounding_mode="floor"), (Array([1, 2], kind),))
    for decimals in (1, -1):
        call = lambda xp, x, n=decimals: xp.round(x, decimals=n)  # noqa: E731
        yield Case(f"round {decimals}", call, (Array([1.25, -3.456, 155.0], kind),))
    if kind in FLOATS:
        yield Case("nan_to_num", lambda xp, x: xp.nan_to_num(x, 1.0, 2.0, -3.0), (Array(VALUES, kind),))


KINDS = [kind for kind in INPUTS if kind in (*FLOATS, "complex64", "int64", "uint8", "bool")]
OPTIONS = [(g, k) for g in (clamps, mixtures, selections, roundings) for k in KINDS if (g, k) != (clamps, "bool")]


@pytest.mark.parametrize(("group", "kind"), OPTIONS, ids=lambda value: getattr(value, "__name__", value))
def test_further_arguments_as_in_pytorch(group: Callable[[str], Iterator[Case]], kind: str, torch: Any) -> None:
    """Numbers, tensors and options beside the input do what they do in PyTorch."""
    check_all(refgrad, torch, [case for case in group(kind) if (case.id, kind) not in ARGUMENT_GAPS])


ARGUMENT_GAPS = {("where condition", "uint8")}  # deprecated, and differs in when it warns

MISFITS = {
    "where": lambda xp, x: xp.where(xp.tensor([True, False]), x, x),
    "where both": lambda xp, x: xp.where(x > 0, x, x[:2]),
    "where spread": lambda xp, x: xp.where(xp.tensor([[True], [False]]), x, x * 2),
    "masked_fill": lambda xp, x: xp.masked_fill(x, xp.tensor([True, False]), 1.0),
    "masked_fill spread": lambda xp, x: xp.masked_fill(x, xp.tensor([[True], [False]]), 1.0),
    "masked_fill vector": lambda xp, x: xp.masked_fill(x, x > 1, x),
    "lerp": lambda xp, x: xp.lerp(x, x[:2], 0.5),
    "isclose": lambda xp, x: xp.isclose(x, x, rtol=-1),
    "isclose types": lambda xp, x: xp.isclose(x, x.float()),
    "isclose misfit": lambda xp, x: xp.isclose(x, x[:2]),
    "copy_": lambda xp, x: (x * 1).copy_(xp.ones(2, 3)),
    "copy_ misfit": lambda xp, x: (x * 1).copy_(xp.ones(2)),
    "where alone": lambda xp, x: xp.where(xp.tensor([[True, False], [False, True]])),
    "where of numbers": lambda xp, x: xp.where(x > 1, True, 2),
}


@pytest.mark.parametrize("name", MISFITS)
def test_misfits_as_in_pytorch(name: str, torch: Any) -> None:
    """Shapes, types and options that do not fit are refused in PyTorch's words."""
    check(refgrad, torch, Case(name, MISFITS[name], (Array([1.0, 2.0, 3.0]),)))


OPERATORS: dict[str, Callable[[Any], Any]] = {
    "2 - x": lambda x: 2 - x, "2 / x": lambda x: 2 / x, "2 ** x": lambda x: 2**x, "2 // x": lambda x: 2 // x,
    "2 % x": lambda x: 2 % x, "x // 2": lambda x: x // 2, "x % 2": lambda x: x % 2, "x ** 2": lambda x: x**2,
    "x ** 0.5": lambda x: x**0.5, "x ** x": lambda x: x**x, "-x": operator.neg, "+x": operator.pos, "~x": operator.inv,
    "abs": abs, "x & x": lambda x: x & x, "x | 1": lambda x: x | 1, "1 ^ x": lambda x: 1 ^ x, "x < 1": lambda x: x < 1,
    "1 < x": lambda x: x > 1, "x == 1": lambda x: x == 1, "x == None": lambda x: x == None,  # noqa: E711
    "x != x": lambda x: x != x, "x + str": lambda x: x + "a", "x + None": lambda x: x + None,
    "x * float64": lambda x: x * np.float64(2), "x // x": lambda x: x // x, "x % x": lambda x: x % x,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "bool"])
def test_operators_as_in_pytorch(kind: str, torch: Any) -> None:
    """Operators record what PyTorch's record, with numbers on either side."""
    x = Array([True, True, True] if kind == "bool" else [1, 2, 3], kind)
    check_all(refgrad, torch, [Case(name, lambda xp, x, f=f: f(x), (x,)) for name, f in OPERATORS.items()])


# in place -------------------------------------------------------------------------------------------------------------

IN_PLACE_UNARY = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg2rad", "erf", "erfc", "exp",
    "exp2", "expm1", "floor", "frac", "log", "log10", "log1p", "log2", "logit", "nan_to_num", "neg", "rad2deg",
    "reciprocal", "relu", "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    "trunc", "zero",
]  # fmt: skip
IN_PLACE_BINARY = [
    "add", "sub", "mul", "div", "remainder", "fmod", "floor_divide", "pow", "atan2", "hypot", "xlogy", "copy",
]  # fmt: skip
PAIRS = [
    ("float64", "float32"), ("float32", "float64"), ("int64", "int64"), ("int64", "float64"), ("float64", "int64"),
    ("int32", "int64"), ("uint8", "int64"),
]  # fmt: skip


def through_a_view(name: str) -> Callable[..., Any]:
    """Write to a part, and look at the whole as well."""

    def call(xp: Any, x: Any, *others: Any) -> Any:
        whole = x * 1
        part = whole[1:]
        getattr(part, name)(*(y[1:] for y in others))
        return whole, part

    return call


def to_a_copy(name: str) -> Callable[..., Any]:
    return lambda xp, x, *others: getattr(x.clone(), name)(*others)


def in_place(name: str) -> Iterator[Case]:
    x, y = Array([0.2, 0.5, 0.9, 0.3]), Array([0.3, 0.7, 0.4, 2.0])
    others = (y,) if name in IN_PLACE_BINARY else ()
    yield Case("whole", to_a_copy(name + "_"), (x, *others))
    yield Case("view", through_a_view(name + "_"), (x, *others))
    yield Case("leaf", lambda xp, x, *others: getattr(x, name + "_")(*others), (x, *others))
    yield Case("0-d", to_a_copy(name + "_"), (Array(0.3), *(Array(0.7) for _ in others)))
    if not others:
        for kind in ("float32", "int64", "bool"):
            yield Case(kind, to_a_copy(name + "_"), (Array([1, 0, 1, 1], kind),))
        return
    yield Case("spread", to_a_copy(name + "_"), (Array([[0.2, 0.5], [0.9, 0.3]]), Array([0.3, 0.7])))
    yield Case("grown", to_a_copy(name + "_"), (Array([0.2, 0.5]), Array([[0.2, 0.5], [0.9, 0.3]])))
    yield Case("misfit", to_a_copy(name + "_"), (x, Array([1.0, 2.0])))
    yield Case("to a constant", to_a_copy(name + "_"), (Array([0.2, 0.5], requires_grad=False), Array([0.3, 0.7])))
    yield Case("with itself", lambda xp, x: getattr(h := x * 1, name + "_")(h), (x,))
    for kind, other in PAIRS:
        if (name, kind) != ("hypot", "uint8"):
            yield Case(f"{kind}, {other}", to_a_copy(name + "_"), (Array([1, 0, 1], kind), Array([1, 1, 2], other)))
    if name not in ("atan2", "hypot", "copy"):
        for number in (2, 0.5):
            for kind in ("float64", "int64", "uint8"):
                call = lambda xp, x, n=number: getattr(x.clone(), name + "_")(n)  # noqa: E731
                yield Case(f"{kind}, {number}", call, (Array([1, 2, 3], kind),))


@pytest.mark.parametrize("name", [*IN_PLACE_UNARY, *IN_PLACE_BINARY])
def test_in_place_as_in_pytorch(name: str, torch: Any) -> None:
    """The forms that write give PyTorch's value, history, gradients and errors, through views too."""
    check_all(refgrad, torch, in_place(name))


WRITES: dict[str, Callable[..., Any]] = {
    "addcmul_": lambda xp, h, y: h.addcmul_(y, y, value=2),
    "addcdiv_": lambda xp, h, y: h.addcdiv_(y, y + 1, value=2),
    "lerp_": lambda xp, h, y: h.lerp_(y, 0.3),
    "lerp_ tensor": lambda xp, h, y: h.lerp_(y, y),
    "clamp_": lambda xp, h, y: h.clamp_(0.3, 0.6),
    "clamp_ tensors": lambda xp, h, y: h.clamp_(y, y * 2),
    "clamp_ nothing": lambda xp, h, y: h.clamp_(),
    "clamp_min_": lambda xp, h, y: h.clamp_min_(0.4),
    "clamp_max_": lambda xp, h, y: h.clamp_max_(y),
    "add_ alpha": lambda xp, h, y: h.add_(y, alpha=3),
    "sub_ alpha": lambda xp, h, y: h.sub_(y, alpha=3),
    "div_ floor": lambda xp, h, y: h.div_(y, rounding_mode="floor"),
    "round_ decimals": lambda xp, h, y: h.round_(decimals=1),
    "fill_": lambda xp, h, y: h.fill_(2),
    "fill_ tensor": lambda xp, h, y: h.fill_(y[0]),
    "fill_ vector": lambda xp, h, y: h.fill_(y),
    "masked_fill_": lambda xp, h, y: h.masked_fill_(y > 0.5, 2),
    "masked_fill_ tensor": lambda xp, h, y: h.masked_fill_(y > 0.5, y[0]),
    "+=": lambda xp, h, y: operator.iadd(h, y),
    "-=": lambda xp, h, y: operator.isub(h, 1),
    "*=": lambda xp, h, y: operator.imul(h, 2),
    "/=": lambda xp, h, y: operator.itruediv(h, y),
    "//=": lambda xp, h, y: operator.ifloordiv(h, 2),
    "%=": lambda xp, h, y: operator.imod(h, 2),
    "**=": lambda xp, h, y: operator.ipow(h, 2),
    "&=": lambda xp, h, y: operator.iand(h > 0.4, True),
    "|=": lambda xp, h, y: operator.ior(h > 0.4, y > 0.4),
    "^=": lambda xp, h, y: operator.ixor(h > 0.4, True),
    "its own part": lambda xp, h, y: h.mul_(h[0]),
    "overlap": lambda xp, h, y: h[1:].add_(h[:-1]),
    "expanded": lambda xp, h, y: h[:1].expand(4).add_(1),
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_as_in_pytorch(name: str, torch: Any) -> None:
    """In-place forms with further arguments, and augmented assignments, are PyTorch's."""
    case = Case(
        name, lambda xp, x, y: WRITES[name](xp, x * 1, y), (Array([0.2, 0.5, 0.9, 0.3]), Array([0.3, 0.7, 0.4, 2.0]))
    )
    check(refgrad, torch, case)


# what is saved --------------------------------------------------------------------------------------------------------

WITHOUT_HISTORY = [  # or with their input's
    "bitwise_not", "clone", "conj", "imag", "isfinite", "isinf", "isnan", "logical_not", "ones_like", "real", "signbit",
    "zeros_like",
]  # fmt: skip
ARITHMETIC = [
    "add", "sub", "mul", "div", "remainder", "fmod", "pow", "atan2", "hypot", "logaddexp", "xlogy", "maximum",
    "minimum", "fmax",
]  # fmt: skip
SAVING = {
    **{name: (lambda xp, x, name=name: getattr(xp, name)(x)) for name in UNARY if name not in WITHOUT_HISTORY},
    **{
        f"{name} constant": (lambda xp, x, name=name: getattr(xp, name)(x, xp.full((2, 3), 0.5, dtype=xp.float64)))
        for name in [*ARITHMETIC, "clamp_min"]
    },
    **{
        f"{name} 2": (lambda xp, x, name=name: getattr(xp, name)(x, 2))
        for name in ["add", "sub", "mul", "div", "remainder", "fmod", "pow", "xlogy"]
    },
    "pow 0": lambda xp, x: x**0,
    "pow 1": lambda xp, x: x**1,
    "2 ** x": lambda xp, x: 2**x,
    "1 / x": lambda xp, x: 1 / x,
    "2 - x": lambda xp, x: 2 - x,
    "clamp": lambda xp, x: x.clamp(0, 1),
    "where": lambda xp, x: xp.where(x > 0.5, x, 0.0),
    "masked_fill": lambda xp, x: x.masked_fill(x > 0.5, 1.0),
    "lerp": lambda xp, x: xp.lerp(x, xp.ones(2, 3, dtype=xp.float64), 0.3),
    "addcmul": lambda xp, x: xp.addcmul(x, x.detach().clone(), x.detach().clone()),
    "to": lambda xp, x: x.to(xp.float32),
    "div floor": lambda xp, x: xp.div(x, 2, rounding_mode="floor"),
}


@pytest.mark.parametrize("act", ["write_input", "write_result", "run_before"])
@pytest.mark.parametrize("name", SAVING)
def test_saved_as_in_pytorch(name: str, act: str, torch: Any) -> None:
    """A gradient is refused after a write to what was saved, or a first backward that freed it; otherwise it is not."""
    from tests.engine.ops import test_saved

    action = getattr(test_saved, act)
    assert test_saved.refused(refgrad, SAVING[name], action) == test_saved.refused(torch, SAVING[name], action)


# without a second library ---------------------------------------------------------------------------------------------

# PyTorch 2.13's conventions where a derivative does not exist, or is infinite: call, input, gradient of the sum
KINKS: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "abs": (refgrad.abs, [0.0, -0.0, NAN], [0, 0, 0]),
    "relu": (refgrad.relu, [0.0, -1.0, NAN], [0, 0, 1]),
    "sign": (refgrad.sign, [0.0, 2.0], [0, 0]),
    "sqrt": (refgrad.sqrt, [0.0], [INF]),
    "maximum": (lambda x: refgrad.maximum(x, refgrad.ones(3)), [1.0, NAN, 2.0], [0.5, 1, 1]),
    "minimum": (lambda x: refgrad.minimum(x, refgrad.ones(3)), [1.0, NAN, 2.0], [0.5, 1, 0]),
    "fmax": (lambda x: refgrad.fmax(x, refgrad.ones(3)), [1.0, NAN, 2.0], [1, 0, 1]),
    "clamp": (lambda x: x.clamp(0, 1), [0.0, 1.0, 2.0, NAN], [1, 1, 0, 0]),
    "clamp_min": (lambda x: x.clamp_min(0), [0.0, -1.0], [1, 0]),
    "pow 0": (lambda x: x**0, [0.0, INF, NAN], [0, 0, 0]),
    "pow 1/2": (lambda x: x**0.5, [0.0], [INF]),
    "pow of 0": (lambda x: 0**x, [0.0, 1.0, -1.0], [0, 0, -INF]),
    "pow tensor": (lambda x: refgrad.zeros(2) ** x, [0.0, 2.0], [0, 0]),
    "where": (lambda x: refgrad.where(x > 0, x, 0.0), [0.0, 1.0], [0, 1]),
    "remainder": (lambda x: refgrad.remainder(refgrad.tensor([5.0, -5.0]), x), [3.0, 3.0], [-1, 2]),
    "fmod": (lambda x: refgrad.fmod(refgrad.tensor([5.0, -5.0]), x), [3.0, 3.0], [-1, 1]),
    "xlogy": (lambda x: refgrad.xlogy(x, refgrad.zeros(2)), [0.0, 1.0], [0, -INF]),
    "atan2": (lambda x: refgrad.atan2(x, refgrad.zeros(1)), [0.0], [0]),
    "reciprocal": (refgrad.reciprocal, [0.0], [-INF]),
    "log": (refgrad.log, [0.0, -0.0], [INF, -INF]),
    "nan_to_num": (refgrad.nan_to_num, [1.0, INF], [1, 0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_convention_at_a_kink(name: str) -> None:
    """Where no derivative exists, the gradient is the one that PyTorch 2.13 gives."""
    call, values, expected = KINKS[name]
    x = refgrad.tensor(values, requires_grad=True)
    (grad,) = refgrad.autograd.grad(call(x).sum(), x)
    np.testing.assert_array_equal(grad.numpy(), np.array(expected, np.float32))


@pytest.mark.parametrize("name", KINKS)
def test_convention_is_pytorchs(name: str, torch: Any) -> None:
    """The table of conventions above is PyTorch's."""
    call, values, expected = KINKS[name]
    known = {"refgrad": torch}
    x = torch.tensor(values, requires_grad=True)
    if call.__code__.co_names and "refgrad" in call.__code__.co_names:
        call = type(call)(call.__code__, known)
    elif call.__module__.startswith("refgrad"):
        call = getattr(torch, call.__name__)
    (grad,) = torch.autograd.grad(call(x).sum(), x)
    np.testing.assert_array_equal(grad.numpy(), np.array(expected, np.float32))


A = np.random.default_rng(3).permutation(np.linspace(0.12, 0.88, 6)).reshape(2, 3)
B = np.random.default_rng(4).permutation(np.linspace(0.15, 0.85, 6)).reshape(2, 3)
NUMBER = np.array(0.4)
MASKED = refgrad.tensor([[True, False, True], [False, True, True]])
HOLOMORPHIC = [  # but for the first two
    "abs", "sgn", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan", "tanh", "sigmoid", "asinh",
    "acosh", "square",
]  # fmt: skip
SMOOTH: dict[str, tuple[Any, ...]] = {
    **{
        name: (getattr(refgrad, name), A)
        for name in UNARY
        if name not in (*WITHOUT_HISTORY, "acosh") or name == "clone"
    },
    "acosh": (refgrad.acosh, A + 1.5),
    "acosh below 0": (lambda x: refgrad.log(refgrad.abs(x - 3)), A),
    **{name: (getattr(refgrad, name), A, B) for name in [*ARITHMETIC, "rsub", "fmin"]},
    "rows": (lambda x, y: x * y + y, A, B[0]),
    "rsub number": (lambda x: 2 - x, A),
    "rsub alpha": (lambda x, y: refgrad.rsub(x, y, alpha=3), A, B),
    "add alpha": (lambda x, y: refgrad.sub(refgrad.add(x, y, alpha=2), y, alpha=3), A, B),
    "div floor": (lambda x, y: refgrad.div(x, y, rounding_mode="floor") + x, A, B),
    "remainder number": (lambda x: x % 0.05, A),
    "fmod number": (lambda x: refgrad.fmod(x, 0.05), A),
    "pow number": (lambda x: x**2.5, A),
    "number pow": (lambda x: 2.5**x, A),
    "logit eps": (lambda x: refgrad.logit(x, 0.2), A),
    "xlogy number": (lambda x: refgrad.xlogy(x, 3.0), A),
    "number xlogy": (lambda x: refgrad.xlogy(3.0, x), A),
    "round decimals": (lambda x: refgrad.round(x, decimals=1) * x, A),
    "clamp": (lambda x: x.clamp(0.3, 0.7), A),
    "clamp tensors": (lambda x, y, z: refgrad.clamp(x, y, z), A, B - 0.4, B),
    "clamp_min": (lambda x: x.clamp_min(0.3), A),
    "clamp_min tensor": (refgrad.clamp_min, A, B),
    "clamp_max": (lambda x: x.clamp_max(0.3), A),
    "clamp_max tensor": (refgrad.clamp_max, A, B),
    "where": (lambda x, y: refgrad.where(MASKED, x, y * y), A, B),
    "masked_fill": (lambda x: x.masked_fill(MASKED, 2.0) * x, A),
    "masked_fill tensor": (lambda x, y: x.masked_fill(MASKED, y) * x, A, NUMBER),
    "lerp": (lambda x, y: refgrad.lerp(x, y, 0.7), A, B),
    "lerp tensor": (refgrad.lerp, A, B, A[::-1].copy()),
    "addcmul": (lambda x, y, z: refgrad.addcmul(x, y, z, value=2), A, B, A[::-1].copy()),
    "addcdiv": (lambda x, y, z: refgrad.addcdiv(x, y, z, value=2), A, B, A[::-1].copy()),
    "threshold_backward": (lambda x: refgrad.relu(x - 0.5) * x, A),
    "to": (lambda x: x.to(refgrad.complex128) * (1 + 2j), A),
    "fill": (lambda x: refgrad.fill(x, 2.0) * x, A),
    "fill tensor": (lambda x, y: refgrad.fill(x, y) * x, A, NUMBER),
    "fill_": (lambda x: (x * 1).fill_(2.0) * x, A),
    "fill_ tensor": (lambda x, y: (x * 1).fill_(y) * x, A, NUMBER),
    "zero_": (lambda x: (x * 1).zero_() * x, A),
    "copy_": (lambda x, y: (x * 1).copy_(y) * x, A, B[0]),
    "conj": (lambda x, y: refgrad.conj(x + 1j * y) * (x - 2j * y), A, B),
    **{
        f"{name} of complex numbers": (lambda x, y, name=name: getattr(refgrad, name)(x + 1j * y), A, B)
        for name in HOLOMORPHIC
    },
    "copy in a memory format": (
        lambda x, y: x.to(refgrad.float64, copy=True, memory_format=refgrad.contiguous_format) * y,
        A,
        B,
    ),
    "product of complex numbers": (lambda x, y: (x + 2j * y) * (y + 1j) / (x - 1j * y), A, B),
    "power of complex numbers": (lambda x, y: (x + 2j * y) ** (y + 1j), A, B),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    call, *arrays = SMOOTH[name]
    check_slopes(call, arrays)


def test_every_rule_is_measured() -> None:
    """No rule of this chapter is left out of the finite differences."""
    measured = {name for call, *arrays in SMOOTH.values() for name in ops_of(call, arrays)}
    chapters = (arithmetic, comparison, copies, exponentials, mixing, powers, steps, trigonometry)
    compared = [f"_{name}_{form}_" for name in ("eq", "ne", "lt", "le", "gt", "ge") for form in ("tensor", "number")]
    elsewhere = {"logaddexp2", "hang", *compared}  # those are in test_floats and test_joint
    assert set().union(*map(derivable, chapters)) - elsewhere <= measured


@pytest.mark.parametrize("name", SMOOTH)
def test_results_are_fresh(name: str) -> None:
    """A result that is no view shares no memory with an input."""
    call, *arrays = SMOOTH[name]
    tensors = leaves(arrays)
    for y in results(call, tensors):
        assert y._is_view() or not any(np.shares_memory(y.detach().numpy(), x.detach().numpy()) for x in tensors)


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    st.sampled_from(["add", "mul", "div", "maximum"]),
)
@settings(deadline=None, max_examples=80)
def test_broadcast_gradients_are_summed(shapes: Any, name: str) -> None:
    """A gradient has the input's shape, and is the sum over the places that the input was spread to."""
    left, right = (
        np.linspace(0.5, 2.0, max(int(np.prod(s)), 1))[: int(np.prod(s))].reshape(s) for s in shapes.input_shapes
    )
    x, y = leaves([left, right + 3])
    wide = leaves([np.broadcast_to(a, shapes.result_shape) for a in (left, right + 3)])
    plain = refgrad.autograd.grad(getattr(refgrad, name)(x, y).sum(), (x, y))
    spread = refgrad.autograd.grad(getattr(refgrad, name)(*wide).sum(), wide)
    for grad, whole, leaf in zip(plain, spread, (x, y)):
        assert grad.shape == leaf.shape
        lead = whole.ndim - leaf.ndim
        total = whole.numpy().sum(tuple(range(lead)))
        ones = tuple(d for d, n in enumerate(leaf.shape) if n == 1)
        np.testing.assert_allclose(grad.numpy(), total.sum(ones, keepdims=True), rtol=1e-12)


def test_scipy_is_loaded_by_the_error_function_only() -> None:
    """Importing refgrad and computing loads NumPy alone; ``erf`` loads SciPy."""
    script = (
        "import sys, refgrad; x = refgrad.tensor([0.5]); x.exp().sin(); assert 'scipy' not in sys.modules; "
        "refgrad.erf(x); assert 'scipy' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", ["remainder", "fmod"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divisor_of_whole_numbers(name, dtype):
    """A whole number's remainder has PyTorch's gradient by a divisor that is none, 0 included."""

    @live
    def scene(xp):
        divisor = xp.tensor([0.0, 2.5, -0.7, 0.3], dtype=getattr(xp, dtype), requires_grad=True)
        getattr(xp, name)(xp.tensor([[1], [7], [-3]]), divisor).sum(0).backward(xp.ones(4, dtype=divisor.dtype))
        return divisor.grad

    scene()


@pytest.mark.parametrize("name", ["pow", "special.zeta"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivative_by_one_of_two_types(name, dtype):
    """The second derivative by the floating one of a float and a whole number is PyTorch's."""

    @live
    def scene(xp):
        floating = xp.tensor([0.7, 1.5, 2.5], dtype=getattr(xp, dtype), requires_grad=True)
        whole = xp.tensor([3, -2, 2]) if name == "pow" else xp.tensor([3, 2, 5])
        output = xp.pow(floating, whole) if name == "pow" else xp.special.zeta(whole, floating)
        (grad,) = xp.autograd.grad(output.sum(), floating, create_graph=True)
        return grad, xp.autograd.grad(grad.sum(), floating)

    scene()
