"""Views, joins and copies that move elements: side by side with PyTorch, and against finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.engine.ops import (
    complex_numbers,
    diagonals,
    expansion,
    joining,
    permutation,
    reshaping,
    slicing,
    splitting,
    striding,
)
from refgrad.engine.views import Geometry
from tests.engine.ops import test_floats, test_shape_copies
from tests.engine.ops.parity import Array, Case, check, check_all
from tests.engine.ops.rows import measured_by
from tests.engine.ops.slopes import check_slopes, derivable, leaves, ops_of, results

Call = Callable[..., Any]
BOX = (2, 3, 4)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def f(name: str, *args: Any, **kwargs: Any) -> Call:
    """The function of a module."""
    return lambda xp, x: getattr(xp, name)(x, *args, **kwargs)


def m(name: str, *args: Any, **kwargs: Any) -> Call:
    """The method of a tensor."""
    return lambda xp, x: getattr(x, name)(*args, **kwargs)


def p(name: str) -> Call:
    """The property of a tensor."""
    return lambda xp, x: getattr(x, name)


CALLS: dict[str, list[tuple[str, Call, tuple[int, ...]]]] = {
    "view": [
        ("sizes", m("view", 6, 4), BOX), ("open", m("view", -1, 4), BOX), ("misfit", m("view", 5, -1), BOX),
        ("list", m("view", [24]), BOX), ("twice open", m("view", -1, -1), BOX), ("ambiguous", m("view", 0, -1), (0, 3)),
        ("negative", m("view", -2, 4), BOX), ("to 0-d", m("view", ()), (1,)), ("of 0-d", m("view", 1, 1), ()),
        ("same", m("view", 2, 3, 4), BOX), ("size", lambda xp, x: x.view(x.shape), BOX),
        ("as", lambda xp, x: x.view_as(xp.ones(6, 4)), BOX),
    ],
    "reshape": [
        ("sizes", f("reshape", (6, 4)), BOX), ("open", f("reshape", (-1,)), BOX), ("to 0-d", f("reshape", ()), (1,)),
        ("misfit", f("reshape", (5, 5)), BOX), ("method", m("reshape", 4, 6), BOX), ("same", f("reshape", BOX), BOX),
        ("empty", f("reshape", (3, 0)), (0, 3)), ("ambiguous", f("reshape", (-1, 0)), (0, 3)),
        ("as", lambda xp, x: x.reshape_as(xp.ones(6, 4)), BOX),
    ],
    "flatten": [
        ("all", f("flatten"), BOX), ("from", f("flatten", 1), BOX), ("to", f("flatten", 0, 1), BOX),
        ("reversed", f("flatten", 2, 0), BOX), ("beyond", f("flatten", 3), BOX), ("0-d", f("flatten"), ()),
        ("one", f("flatten", 1, 1), BOX), ("vector", f("flatten"), (3,)), ("ravel", f("ravel"), BOX),
        ("ravel vector", f("ravel"), (3,)),
    ],
    "unflatten": [
        ("sizes", f("unflatten", 1, (3, 1)), BOX), ("open", f("unflatten", -1, (2, -1)), BOX),
        ("misfit", f("unflatten", 1, (2, 2)), BOX), ("none", f("unflatten", 1, ()), BOX),
    ],
    "expand": [
        ("new", m("expand", 5, 2, 3), (2, 1)), ("kept", m("expand", -1, 4), (2, 1)),
        ("kept all", m("expand", 4, -1, -1), (2, 3)),
        ("misfit", m("expand", 3, 3), (2, 3)), ("few", m("expand", 3), (2, 3)),
        ("new kept", m("expand", -1, 2, 3), (2, 3)),
        ("0-d", m("expand", 3), ()), ("to none", m("expand", 0), (1,)), ("same", m("expand", 2, 3), (2, 3)),
        ("broadcast_to", f("broadcast_to", (4, 2, 3)), (2, 3)),
        ("broadcast misfit", f("broadcast_to", (4, 2, 2)), (2, 3)),
        ("as", lambda xp, x: x.expand_as(xp.ones(6, 4)), (1, 4)),
        ("broadcast_tensors", lambda xp, x: xp.broadcast_tensors(x, x[:1]), BOX),
        ("tensors misfit", lambda xp, x: xp.broadcast_tensors(x, x[:, :2]), BOX),
    ],
    "unsqueeze": [
        ("first", f("unsqueeze", 0), BOX), ("last", f("unsqueeze", -1), BOX), ("beyond", f("unsqueeze", 5), BOX),
        ("0-d", f("unsqueeze", -1), ()),
    ],
    "squeeze": [
        ("all", f("squeeze"), (1, 3, 1)), ("one", f("squeeze", 0), (1, 3, 1)), ("not one", f("squeeze", 1), (1, 3, 1)),
        ("last", f("squeeze", -1), (1, 3, 1)), ("two", f("squeeze", (0, -1)), (1, 3, 1)),
        ("some", f("squeeze", (0, 1)), (1, 3, 1)),
        ("beyond", f("squeeze", 3), (1, 3, 1)), ("twice", f("squeeze", (0, 0)), (1, 3, 1)), ("0-d", f("squeeze"), ()),
        ("0-d dim", f("squeeze", 0), ()), ("none", f("squeeze", ()), (1, 3, 1)), ("to 0-d", f("squeeze"), (1, 1)),
    ],
    "transpose": [
        ("two", f("transpose", 0, 1), BOX), ("negative", f("transpose", -1, 0), BOX),
        ("beyond", f("transpose", 0, 3), BOX),
        ("0-d", f("transpose", 0, -1), ()), ("swapaxes", f("swapaxes", 0, 1), BOX),
        ("swapdims", f("swapdims", 0, 1), BOX),
        ("t", f("t"), (2, 3)), ("t vector", f("t"), (3,)), ("t 0-d", f("t"), ()), ("t box", f("t"), BOX),
        ("T", p("T"), (2, 3)),
        ("mT", p("mT"), BOX), ("mT vector", p("mT"), (3,)), ("H", p("H"), (2, 3)), ("H box", p("H"), BOX),
        ("mH", p("mH"), BOX),
        ("adjoint", m("adjoint"), BOX),
    ],
    "permute": [
        ("order", f("permute", (2, 0, 1)), BOX), ("negative", f("permute", (-1, 0, -2)), BOX),
        ("method", m("permute", 2, 1, 0), BOX),
        ("twice", f("permute", (0, 0, 1)), BOX), ("few", f("permute", (0, 1)), BOX),
        ("beyond", f("permute", (0, 1, 3)), BOX),
        ("0-d", f("permute", ()), ()), ("movedim", f("movedim", 0, 2), BOX),
        ("movedim two", f("movedim", (0, 1), (2, 0)), BOX),
        ("movedim negative", f("movedim", -1, 0), BOX), ("movedim uneven", f("movedim", (0, 1), (2,)), BOX),
        ("movedim twice", f("movedim", (0, 0), (1, 2)), BOX), ("moveaxis", f("moveaxis", 0, 1), BOX),
    ],
    "select": [
        ("one", f("select", 1, 2), BOX), ("negative", f("select", -1, -1), BOX), ("beyond", f("select", 0, 5), BOX),
        ("before", f("select", 0, -3), BOX), ("no dim", f("select", 3, 0), BOX), ("0-d", f("select", 0, 0), ()),
        ("narrow", f("narrow", 1, 1, 2), BOX), ("narrow negative", f("narrow", -1, -3, 2), BOX),
        ("narrow long", f("narrow", 0, 1, 2), BOX), ("narrow beyond", f("narrow", 0, 3, 0), BOX),
        ("narrow length", f("narrow", 0, 0, -1), BOX), ("narrow 0-d", f("narrow", 0, 0, 1), ()),
        ("narrow none", f("narrow", 0, 2, 0), BOX),
    ],
    "diagonal": [
        ("main", f("diagonal"), (3, 4)), ("above", f("diagonal", 1), (3, 4)), ("below", f("diagonal", -1), (3, 4)),
        ("outside", f("diagonal", 7), (3, 4)), ("plane", f("diagonal", 0, 0, 2), BOX),
        ("negative", f("diagonal", offset=1, dim1=-1, dim2=-2), BOX), ("one dim", f("diagonal", 0, 1, 1), BOX),
        ("vector", f("diagonal"), (3,)), ("diag", f("diag"), (3,)), ("diag above", f("diag", 1), (3,)),
        ("diag below", f("diag", -2), (3,)), ("diag matrix", f("diag"), (3, 4)),
        ("diag matrix above", f("diag", 1), (3, 4)),
        ("diag outside", f("diag", 9), (3, 4)), ("diag box", f("diag"), BOX), ("diag 0-d", f("diag"), ()),
        ("embed", f("diag_embed"), (2, 3)), ("embed above", f("diag_embed", 1), (2, 3)),
        ("embed dims", f("diag_embed", -1, 0, 2), (2, 3)),
        ("embed one dim", f("diag_embed", 0, 1, 1), (2, 3)), ("embed 0-d", f("diag_embed"), ()),
    ],
    "unbind": [
        ("first", f("unbind"), BOX), ("second", f("unbind", 1), BOX), ("last", f("unbind", -1), BOX),
        ("0-d", f("unbind"), ()),
        ("beyond", f("unbind", 3), BOX), ("empty", f("unbind"), (0, 3)), ("single", f("unbind"), (1, 3)),
        ("iteration", lambda xp, x: tuple(x), BOX),
    ],
    "split": [
        ("even", f("split", 2, 1), BOX), ("last", f("split", 3, -1), BOX), ("sizes", f("split", [1, 2], 1), BOX),
        ("sizes misfit", f("split", [1, 1], 1), BOX), ("sizes negative", f("split", [-1, 4], 1), BOX),
        ("nothing", f("split", 0, 1), BOX),
        ("negative", f("split", -1, 1), BOX), ("whole", f("split", 9, 1), BOX), ("0-d", f("split", 1), ()),
        ("empty", f("split", 2), (0, 3)),
        ("empty nothing", f("split", 0), (0, 3)), ("fraction", f("split", 1.5), BOX), ("chunk", f("chunk", 2, 1), BOX),
        ("chunk last", f("chunk", 3, -1), BOX), ("chunk many", f("chunk", 9), BOX), ("chunk none", f("chunk", 0), BOX),
        ("chunk 0-d", f("chunk", 1), ()), ("chunk empty", f("chunk", 3), (0, 2)), ("chunk uneven", f("chunk", 5), (6,)),
    ],
    "repeat": [
        ("each", m("repeat", 2, 1, 3), BOX), ("more", m("repeat", 2, 1, 1, 2), BOX), ("few", m("repeat", 2), BOX),
        ("none", m("repeat", 0, 1, 1), BOX), ("negative", m("repeat", -1, 1, 1), BOX), ("0-d", m("repeat", 3), ()),
        ("0-d once", m("repeat", ()), ()), ("once", m("repeat", 1, 1, 1), BOX), ("tile", f("tile", (2,)), BOX),
        ("tile more", f("tile", (2, 1, 1, 2)), BOX), ("tile nothing", f("tile", ()), BOX),
        ("interleave", f("repeat_interleave", 2), (2, 3)), ("interleave dim", f("repeat_interleave", 2, 1), (2, 3)),
        ("interleave negative dim", f("repeat_interleave", 3, -2), (2, 3)),
        ("interleave none", f("repeat_interleave", 0, 0), (2, 3)),
        ("interleave negative", f("repeat_interleave", -1, 0), (2, 3)),
        ("interleave 0-d", f("repeat_interleave", 3), ()),
        ("interleave each", lambda xp, x: xp.repeat_interleave(x, xp.tensor([1, 2]), 0), (2, 3)),
        ("interleave one", lambda xp, x: xp.repeat_interleave(x, xp.tensor([2]), 0), (2, 3)),
        ("interleave misfit", lambda xp, x: xp.repeat_interleave(x, xp.tensor([1, 2, 3]), 0), (2, 3)),
    ],
    "flip": [
        ("one", f("flip", (0,)), BOX), ("two", f("flip", (0, -1)), BOX), ("method", m("flip", 0, 1), BOX),
        ("twice", f("flip", (0, 0)), BOX), ("beyond", f("flip", (3,)), BOX), ("0-d", f("flip", (0,)), ()),
        ("none", f("flip", ()), BOX),
        ("fliplr", f("fliplr"), (2, 3)), ("flipud", f("flipud"), (2, 3)), ("fliplr vector", f("fliplr"), (3,)),
        ("flipud 0-d", f("flipud"), ()),
    ],
    "roll": [
        ("one", f("roll", 1, 0), BOX), ("flat", f("roll", 5), BOX), ("two", f("roll", (1, -2), (0, 2)), BOX),
        ("negative", f("roll", -1, -1), BOX), ("uneven", f("roll", (1, 2), (0,)), BOX),
        ("twice", f("roll", (1, 2), (1, 1)), BOX),
        ("flat two", f("roll", (1, 2)), BOX), ("no shift", f("roll", ()), BOX), ("empty", f("roll", 1, 0), (0, 2)),
        ("0-d", f("roll", 1), ()), ("beyond", f("roll", 1, 3), BOX),
    ],
    "triangle": [
        ("tril", f("tril"), (3, 4)), ("tril above", f("tril", 1), (3, 4)), ("triu", f("triu"), (3, 4)),
        ("triu below", f("triu", -1), BOX),
        ("vector", f("tril"), (3,)), ("0-d", f("triu"), ()), ("empty", f("tril"), (0, 3)),
    ],
    "as_strided": [
        ("columns", f("as_strided", (2, 2), (1, 2)), (3, 4)), ("offset", f("as_strided", (2, 2), (3, 1), 2), (3, 4)),
        ("overlap", f("as_strided", (3, 2), (1, 1)), (6,)), ("one element", f("as_strided", (3,), (0,)), (6,)),
        ("to 0-d", f("as_strided", (), ()), (6,)), ("outside", f("as_strided", (9,), (2,)), (6,)),
        ("negative", f("as_strided", (2,), (-1,)), (6,)), ("uneven", f("as_strided", (2,), (1, 1)), (6,)),
        ("of a slice", lambda xp, x: x[1:].as_strided((2,), (1,)), (4,)),
        ("before a slice", lambda xp, x: x[2:].as_strided((3, 2), (1, 1), 0), (5,)),
        ("beyond a slice", lambda xp, x: x[1:3].as_strided((3,), (1,)), (5,)),
        ("of an expanded", lambda xp, x: x.expand(3, 2).as_strided((2, 2), (0, 1)), (2,)),
        ("of a transposed", lambda xp, x: x.t().as_strided((2, 2), (1, 2), 1), (3, 3)),
    ],
    "cat": [
        ("two", lambda xp, x: xp.cat([x, x * 2], 1), BOX), ("last", lambda xp, x: xp.cat((x, x), -1), BOX),
        ("one", lambda xp, x: xp.cat([x]), BOX), ("none", lambda xp, x: xp.cat([]), BOX),
        ("axis", lambda xp, x: xp.cat([x, x], axis=1), BOX), ("0-d", lambda xp, x: xp.cat([x, x]), ()),
        ("misfit", lambda xp, x: xp.cat([x, x[:1]], 1), BOX), ("beyond", lambda xp, x: xp.cat([x, x], 4), BOX),
        ("uneven", lambda xp, x: xp.cat([x, x[0]], 0), BOX),
        ("empty vector", lambda xp, x: xp.cat([x, xp.zeros(0)], 0), BOX),
        ("no list", lambda xp, x: xp.cat(x), BOX),
        ("types", lambda xp, x: xp.cat([x, xp.ones(2, 3, 4, dtype=xp.int64)]), BOX),
        ("number", lambda xp, x: xp.cat([x, 2.0]), BOX), ("concat", lambda xp, x: xp.concat([x, x]), BOX),
        ("empty part", lambda xp, x: xp.cat([x[:, :0], x], 1), BOX),
        ("stack", lambda xp, x: xp.stack([x, x * 2], 1), BOX),
        ("stack last", lambda xp, x: xp.stack((x, x), -1), BOX), ("stack none", lambda xp, x: xp.stack([]), BOX),
        ("stack misfit", lambda xp, x: xp.stack([x, x[0]]), BOX),
        ("stack beyond", lambda xp, x: xp.stack([x, x], 4), BOX),
        ("stack 0-d", lambda xp, x: xp.stack([x, x]), ()), ("stack one", lambda xp, x: xp.stack([x]), (3,)),
        ("stack types", lambda xp, x: xp.stack([x, xp.ones(2, 3, 4, dtype=xp.int64)]), BOX),
        ("hstack", lambda xp, x: xp.hstack([x, x]), BOX), ("hstack vectors", lambda xp, x: xp.hstack([x, x]), (3,)),
        ("hstack 0-d", lambda xp, x: xp.hstack([x, x]), ()), ("vstack", lambda xp, x: xp.vstack([x, x]), BOX),
        ("vstack vectors", lambda xp, x: xp.vstack([x, x]), (3,)),
    ],
    "meshgrid": [
        ("matrix", lambda xp, x: xp.meshgrid(x, x, indexing="ij"), (3,)),
        ("plane", lambda xp, x: xp.meshgrid(x, x * 2, indexing="xy"), (3,)),
        ("list", lambda xp, x: xp.meshgrid([x, x, x], indexing="ij"), (2,)),
        ("other", lambda xp, x: xp.meshgrid(x, x, indexing="kj"), (2,)),
    ],
    "rank": [
        ("atleast_1d", f("atleast_1d"), ()), ("atleast_1d vector", f("atleast_1d"), (2,)),
        ("atleast_2d", f("atleast_2d"), ()),
        ("atleast_2d vector", f("atleast_2d"), (3,)), ("atleast_2d matrix", f("atleast_2d"), (3, 2)),
        ("contiguous", m("contiguous"), BOX),
        ("clone", m("clone"), BOX), ("detach", m("detach"), BOX), ("size", m("size"), BOX),
        ("size dim", m("size", -1), BOX),
        ("size beyond", m("size", 3), BOX), ("stride", m("stride"), BOX), ("is_contiguous", m("is_contiguous"), BOX),
        ("len", lambda xp, x: len(x), BOX), ("len 0-d", lambda xp, x: len(x), ()),
        ("offset", lambda xp, x: x[1, 1:].storage_offset(), BOX),
        ("broadcast_shapes", lambda xp, x: xp.broadcast_shapes((2, 1), (3,)), ()),
        ("shapes misfit", lambda xp, x: xp.broadcast_shapes((2,), (3,)), ()),
    ],
}  # fmt: skip
LAYOUTS = ["contiguous", "transposed", "strided"]


def input_of(shape: tuple[int, ...], dtype: str = "float64", layout: str = "contiguous") -> Array:
    values = 2 * np.random.default_rng(1).normal(size=shape)
    return Array(values + 1j * values[::-1] if dtype.startswith("complex") and shape else values, dtype, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CALLS)
def test_shapes_as_in_pytorch(name: str, layout: str, torch: Any) -> None:
    """Values, strides, what is a view of what, the graph, both gradients and errors are PyTorch's."""
    rows = [row for row in CALLS[name] if (name, row[0], layout) not in UNDEFINED]
    check_all(refgrad, torch, [Case(label, call, (input_of(s, layout=layout),)) for label, call, s in rows])


UNDEFINED = {("as_strided", "of an expanded", "strided")}  # PyTorch reads memory that nothing was written to


TYPED = [
    ("reshape", 0), ("expand", 0), ("permute", 0), ("select", 0), ("diagonal", 16), ("repeat", 0), ("flip", 0),
    ("roll", 0),
    ("triangle", 0), ("cat", 2), ("as_strided", 2), ("transpose", 10), ("squeeze", 0),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["bool", "int64", "float16", "complex64", "float32"])
def test_types_as_in_pytorch(kind: str, torch: Any) -> None:
    """Moving elements is for every type."""
    picked = {name: CALLS[name][at] for name, at in TYPED}
    check_all(refgrad, torch, [Case(name, call, (input_of(s, kind),)) for name, (_, call, s) in picked.items()])


PARTS = {
    "real": f("real"), "imag": f("imag"), "view_as_real": f("view_as_real"), "view_as_complex": f("view_as_complex"),
    ".real": p("real"), ".imag": p("imag"),
}  # fmt: skip
COMPLEX = np.array([[1j, 2 + 1j], [3, 4 - 2j]])


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_complex_numbers_as_in_pytorch(name: str, torch: Any) -> None:
    """The views between complex numbers and pairs of real ones are PyTorch's."""
    inputs = {
        "matrix": Array(COMPLEX, "complex128"), "single": Array(COMPLEX, "complex64"), "0-d": Array(1j, "complex128"),
        "transposed": Array(COMPLEX, "complex128", "transposed"), "pairs": Array([[1.0, 2.0], [3.0, 4.0]]),
        "real 0-d": Array(1.0),
        "triples": Array([1.0, 2.0, 3.0]), "integers": Array([1, 2], "int64"),
        "columns": Array(COMPLEX.real, "float64", "transposed"),
    }  # fmt: skip
    check_all(refgrad, torch, [Case(label, PARTS[name], (x,)) for label, x in inputs.items()])


def rewritten(change: Call, look: Call) -> Call:
    """Look at a part, change the whole, and use the part."""

    def call(xp: Any, x: Any) -> Any:
        whole = change(xp, x)
        part = look(xp, whole)
        whole.mul_(2)
        return part * 1, whole

    return call


LOOKS = {
    "select": f("select", 0, 1), "slice": lambda xp, x: x[1:], "transpose": f("transpose", 0, 1),
    "diagonal": f("diagonal"),
    "expand": lambda xp, x: x[None].expand(2, *x.shape), "alias": lambda xp, x: x[...],
}  # fmt: skip


@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize("name", LOOKS)
def test_views_follow_a_write_to_the_whole(name: str, order: str, torch: Any) -> None:
    """A view's gradient is found through the whole that was written to, wherever the whole's elements lie."""
    change = m("clone") if order == "rows" else (lambda xp, x: x.t().clone())
    check(refgrad, torch, Case(name, rewritten(change, LOOKS[name]), (input_of((3, 3)),)))


TURNS = {
    "t_": m("t_"), "transpose_": m("transpose_", 0, 1), "unsqueeze_": m("unsqueeze_", 0), "tril_": m("tril_"),
    "triu_": m("triu_"),
}  # fmt: skip


@pytest.mark.parametrize("name", TURNS)
def test_in_place_as_in_pytorch(name: str, torch: Any) -> None:
    """A tensor that is turned in place has PyTorch's shape, strides and history."""
    check(refgrad, torch, Case(name, lambda xp, x: TURNS[name](xp, x * 1), (input_of((2, 3)),)))


def test_transpose_of_other_ranks_warns_as_in_pytorch(torch: Any) -> None:
    """``.T`` of a tensor that is no matrix warns, in PyTorch's words."""
    for xp in (refgrad, torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            turned = xp.ones(2, 3, 4).T
        assert tuple(turned.shape) == (4, 3, 2)
        assert all("The use of `x.T` on tensors of dimension other than 2" in str(w.message) for w in caught)


# without a second library ---------------------------------------------------------------------------------------------

COLUMNS, CORNER = Geometry((2, 3), (1, 2), 0), Geometry((2, 2), (1, 2), 2)
EXTRA: dict[str, tuple[Call, tuple[int, ...]]] = {
    "conj_physical": (lambda xp, x: xp.view_as_real(xp.conj_physical(xp.complex(x, 2 * x)) * (1 + 2j)), (3,)),
    "unbind part": (lambda xp, x: xp.unbind(x)[1], BOX),
    "split part": (lambda xp, x: xp.split(x, 2, 1)[1] * x[:, :1], BOX),
    "sizes part": (lambda xp, x: xp.split(x, [1, 2], 1)[0], BOX),
    "view of a copy": (lambda xp, x: x.transpose(0, 1).reshape(-1) * 2, BOX),
    "reshape of columns": (lambda xp, x: x.t()[:, ::1].reshape(3, 2) ** 2, (2, 3)),
    "reshape of a slice": (lambda xp, x: x[:, :2].reshape(2, 2, 1) ** 2, (2, 3)),
    "contiguous": (lambda xp, x: x.t().contiguous() ** 2, (2, 3)),
    "flat roll": (lambda xp, x: xp.roll(x, 5) * x, BOX),
    "parts": (lambda xp, x: xp.view_as_real(xp.view_as_complex(x) ** 2), (3, 2)),
    "real": (lambda xp, x: xp.real(x * (1 + 2j)) * xp.imag(x * (1 + 2j)), (3,)),
    "alias": (lambda xp, x: x[...] ** 2, BOX),
    "slice": (lambda xp, x: x[:, 1:, ::2] ** 2, BOX),
    "as_strided of columns": (lambda xp, x: x.t().clone().as_strided((2, 2), (1, 2), 1) ** 2, (3, 3)),
    "as_strided of rows": (lambda xp, x: x.as_strided((2, 2), (3, 1), 1) ** 3, (3, 3)),
    "laid out": (lambda xp, x: striding._lay_out(x, COLUMNS, CORNER) ** 2, (2, 3)),
    "picked": (lambda xp, x: striding._picked(x, COLUMNS, CORNER) ** 2, (6,)),
    "diagonal squared": (lambda xp, x: x.diagonal(1) ** 3, (3, 4)),
    "as_strided of an expanded": (lambda xp, x: x.expand(3, 2).as_strided((2, 2), (0, 1)) ** 2, (2,)),
}
MEASURED = {
    **{f"{name}: {label}": (call, s) for name, rows in CALLS.items() for label, call, s in rows},
    **EXTRA,
}  # fmt: skip


def raises(call: Call, s: tuple[int, ...]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return not results(lambda *xs: call(refgrad, *xs), leaves([np.ones(s)]))
        except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
            return True


# no gradient, or (of a window that leaves the slice it is taken of) one that ends at the slice, in PyTorch too
BEYOND = {"as_strided: before a slice", "as_strided: beyond a slice", "rank: detach"}
SMOOTH = {name: row for name, row in MEASURED.items() if 0 not in row[1] and not raises(*row) and name not in BEYOND}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    call, s = SMOOTH[name]
    check_slopes(lambda *xs: call(refgrad, *xs), [np.random.default_rng(5).normal(size=s)])


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences, here or where copies and floats are tested."""
    measured = measured_by([*test_shape_copies.SMOOTH.values(), *test_floats.SMOOTH.values()])
    for call, s in SMOOTH.values():
        measured.update(ops_of(lambda *xs, call=call: call(refgrad, *xs), [np.random.default_rng(5).normal(size=s)]))
    chapters = (complex_numbers, diagonals, expansion, joining, permutation, reshaping, slicing, splitting, striding)
    assert set[str]().union(*map(derivable, chapters)) <= measured


@pytest.mark.parametrize("name", SMOOTH)
def test_results_are_fresh_or_views(name: str) -> None:
    """A result shares memory with the input exactly if it says that it is a view, or is the input itself."""
    call, s = SMOOTH[name]
    (x,) = leaves([np.ones(s)])
    for y in results(lambda *xs: call(refgrad, *xs), [x]):
        if y is not x and y._base is not x and y.numel():
            assert not np.shares_memory(y.detach().numpy(), x.detach().numpy())
        elif y is not x and y.numel():
            assert np.shares_memory(y.detach().numpy(), x.detach().numpy())


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_permute_undoes_its_inverse(sizes: list[int], random: Any) -> None:
    """A permutation and its inverse give the input, and so do its gradient's."""
    order = random.sample(range(len(sizes)), len(sizes))
    inverse = sorted(range(len(order)), key=order.__getitem__)
    (x,) = leaves([np.arange(float(np.prod(sizes))).reshape(sizes)])
    y = x.permute(*order)
    np.testing.assert_array_equal(y.permute(*inverse).detach().numpy(), x.detach().numpy())
    (grad,) = refgrad.autograd.grad(y, x, y.detach())
    np.testing.assert_array_equal(grad.numpy(), x.detach().numpy())


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_pieces_join_to_the_whole(size: int, piece: int, dim: int) -> None:
    """What is split or chunked and joined again is the whole."""
    shape_ = [2, 2, 2]
    shape_[dim] = size
    x = refgrad.arange(float(np.prod(shape_))).reshape(shape_)
    for pieces in (refgrad.split(x, piece, dim), refgrad.chunk(x, piece, dim)):
        assert refgrad.equal(refgrad.cat(pieces, dim), x)
