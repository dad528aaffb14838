"""Copies of views, writes to views of copies, windows, and what is made of several vectors."""

from __future__ import annotations

from typing import Any

import pytest

import refgrad
from refgrad.engine.ops import diagonals, slicing, view_copies, windows
from tests.engine.ops.rows import (
    Row,
    as_in_pytorch,
    as_measured,
    complexes,
    f,
    floats,
    in_place,
    m,
    smooth,
    unmeasured,
    whole,
)

torch = pytest.importorskip("torch")
BOX, MATRIX, VECTOR, NUMBER, EMPTY = floats(2, 3, 4), floats(3, 4), floats(3), floats(), floats(0, 3)
TURNED = floats(3, 4, layout="transposed")

COPIES: dict[str, Row] = {
    "alias": (f("alias_copy"), MATRIX), "permute": (f("permute_copy", (2, 0, 1)), BOX), "t": (f("t_copy"), MATRIX),
    "transpose": (f("transpose_copy", 0, -1), BOX), "transpose beyond": (f("transpose_copy", 0, 3), BOX),
    "select": (f("select_copy", 1, -1), BOX), "slice": (f("slice_copy", 1, 0, 3, 2), BOX),
    "diagonal": (f("diagonal_copy", 1, 0, 2), BOX), "unsqueeze": (f("unsqueeze_copy", -1), MATRIX),
    "unfold": (f("unfold_copy", 1, 2, 1), MATRIX), "unbind": (f("unbind_copy", 1), MATRIX),
    "real": (f("view_as_real_copy"), complexes(3)), "complex": (f("view_as_complex_copy"), floats(3, 2)),
    "expand": (f("expand_copy", (2, 3, 4)), MATRIX), "expand misfit": (f("expand_copy", (5,)), MATRIX),
    "as_strided": (f("as_strided_copy", (2, 2), (1, 3), 1), MATRIX),
    "split": (f("split_copy", 2, 1), MATRIX), "split sizes": (f("split_with_sizes_copy", (1, 3), 1), MATRIX),
    "squeeze": (f("squeeze_copy"), floats(1, 3, 1)), "squeeze dim": (f("squeeze_copy", 0), floats(1, 3, 1)),
    "squeeze dims": (f("squeeze_copy", (0, 1)), floats(1, 3, 1)), "view": (f("view_copy", (4, -1)), MATRIX),
    "view turned": (f("view_copy", (12,)), TURNED), "view misfit": (f("view_copy", (5, 2)), MATRIX),
    "narrow": (f("narrow_copy", 1, 1, 2), MATRIX), "narrow negative": (f("narrow_copy", 0, -2, 1), MATRIX),
    "narrow long": (f("narrow_copy", 1, 2, 3), MATRIX), "narrow 0-d": (f("narrow_copy", 0, 0, 1), NUMBER),
    "empty": (f("t_copy"), EMPTY),
}  # fmt: skip
SCATTERS: dict[str, Row] = {
    "diagonal": (f("diagonal_scatter"), MATRIX, VECTOR), "diagonal above": (f("diagonal_scatter", 1), MATRIX, VECTOR),
    "diagonal plane": (f("diagonal_scatter", 0, 0, 2), BOX, floats(3, 2)),
    "diagonal misfit": (f("diagonal_scatter"), MATRIX, floats(2)), "select": (f("select_scatter", 1, -1), MATRIX, VECTOR),
    "select misfit": (f("select_scatter", 0, 0), MATRIX, VECTOR), "select beyond": (f("select_scatter", 1, 9), MATRIX, VECTOR),
    "select 0-d": (f("select_scatter", 0, 0), NUMBER, NUMBER), "slice": (f("slice_scatter", 1, 0, 4, 2), MATRIX, floats(3, 2)),
    "slice all": (f("slice_scatter"), MATRIX, floats(3, 4, seed=1)), "slice misfit": (f("slice_scatter"), MATRIX, VECTOR),
    "slice still": (f("slice_scatter", 0, None, None, 0), MATRIX, MATRIX), "select turned": (f("select_scatter", 1, 0), TURNED, VECTOR),
    "types": (f("select_scatter", 1, 0), MATRIX, floats(3, dtype="float32")),
}  # fmt: skip
WINDOWS: dict[str, Row] = {
    "apart": (m("unfold", 1, 2, 2), MATRIX), "over": (m("unfold", 0, 2, 1), BOX), "last": (m("unfold", -1, 3, 1), BOX),
    "none": (m("unfold", 0, 0, 1), MATRIX), "0-d": (m("unfold", 0, 1, 1), NUMBER), "large": (m("unfold", 0, 4, 1), MATRIX),
    "still": (m("unfold", 0, 1, 0), MATRIX), "negative": (m("unfold", 0, -1, 1), MATRIX), "beyond": (m("unfold", 2, 1, 1), MATRIX),
    "turned": (m("unfold", 0, 2, 1), TURNED), "large 0-d": (m("unfold", 0, 2, 1), NUMBER),
}  # fmt: skip
PIECES: dict[str, Row] = {
    "unsafe_chunk": (f("unsafe_chunk", 2, 1), MATRIX), "unsafe_split": (f("unsafe_split", 2), MATRIX),
    "unsafe sizes": (f("unsafe_split_with_sizes", (1, 3), 1), MATRIX), "unsafe none": (f("unsafe_chunk", 0), MATRIX),
    "unsafe misfit": (f("unsafe_split_with_sizes", (1, 1), 1), MATRIX), "unsafe 0-d": (f("unsafe_split", 1), NUMBER),
    "tensor_split": (f("tensor_split", 3, 1), MATRIX), "tensor_split at": (f("tensor_split", (1, 3), 1), MATRIX),
    "tensor_split beyond": (f("tensor_split", (1, 9), -1), MATRIX), "tensor_split none": (f("tensor_split", 0), MATRIX),
    "tensor_split 0-d": (f("tensor_split", 2), NUMBER), "tensor_split tensor": (f("tensor_split", dim=1), MATRIX, whole([1, 2])),
    "tensor_split number": (f("tensor_split", dim=1), MATRIX, whole(2)), "tensor_split float": (f("tensor_split"), MATRIX, VECTOR),
    "tensor_split matrix": (f("tensor_split"), MATRIX, whole([[1]])), "hsplit": (f("hsplit", 2), MATRIX),
    "hsplit vector": (f("hsplit", 3), VECTOR), "hsplit uneven": (f("hsplit", 3), MATRIX), "hsplit 0-d": (f("hsplit", 1), NUMBER),
    "vsplit": (f("vsplit", (1,)), MATRIX), "vsplit vector": (f("vsplit", 1), VECTOR), "dsplit": (f("dsplit", 2), BOX),
    "dsplit matrix": (f("dsplit", 2), MATRIX),
}  # fmt: skip
JOINED: dict[str, Row] = {
    "dstack": (lambda xp, x, y: xp.dstack([x, y]), MATRIX, floats(3, 4, seed=1)), "dstack vectors": (lambda xp, x: xp.dstack([x, x]), VECTOR),
    "dstack misfit": (lambda xp, x, y: xp.dstack([x, y]), MATRIX, VECTOR), "dstack none": (lambda xp: xp.dstack([]),),
    "column_stack": (lambda xp, x, y: xp.column_stack([x, y]), MATRIX, VECTOR), "row_stack": (lambda xp, x: xp.row_stack([x, x]), VECTOR),
    "column_stack 0-d": (lambda xp, x: xp.column_stack([x, x]), NUMBER), "hstack none": (lambda xp: xp.hstack([]),),
    "block_diag": (f("block_diag"), MATRIX, VECTOR, NUMBER), "block_diag one": (f("block_diag"), MATRIX), "block_diag none": (lambda xp: xp.block_diag(),),
    "block_diag box": (f("block_diag"), BOX), "block_diag list": (lambda xp, x: xp.block_diag([x]), MATRIX),
    "block_diag types": (f("block_diag"), MATRIX, whole([[1, 2]])), "cartesian_prod": (f("cartesian_prod"), VECTOR, floats(2)),
    "cartesian_prod one": (f("cartesian_prod"), VECTOR), "cartesian_prod matrix": (f("cartesian_prod"), MATRIX),
    "combinations": (f("combinations"), VECTOR), "combinations again": (f("combinations", 2, True), VECTOR),
    "combinations three": (f("combinations", 3), floats(4)), "combinations none": (f("combinations", 0), VECTOR),
    "combinations many": (f("combinations", 5), VECTOR), "combinations matrix": (f("combinations"), MATRIX),
    "combinations negative": (f("combinations", -1), VECTOR), "diagflat": (f("diagflat", 1), MATRIX), "diagflat 0-d": (f("diagflat"), NUMBER),
    "atleast_3d 0-d": (f("atleast_3d"), NUMBER), "atleast_3d vector": (f("atleast_3d"), VECTOR), "atleast_3d": (f("atleast_3d"), MATRIX),
    "atleast_3d box": (f("atleast_3d"), BOX), "atleast_1d two": (f("atleast_1d"), NUMBER, VECTOR),
    "atleast_2d list": (lambda xp, x, y: xp.atleast_2d([x, y]), NUMBER, VECTOR),
}  # fmt: skip
TURNS: dict[str, Row] = {
    **{f"rot90 {k}": (f("rot90", k), MATRIX) for k in (-1, 0, 1, 2, 5)}, "rot90 dims": (f("rot90", 1, (2, 0)), BOX),
    "rot90 one dim": (f("rot90", 1, (0,)), MATRIX), "rot90 vector": (f("rot90"), VECTOR), "rot90 twice": (f("rot90", 1, (0, -2)), MATRIX),
    "rot90 beyond": (f("rot90", 1, (0, 2)), MATRIX), "sum_to_size": (m("sum_to_size", 4), MATRIX), "sum_to_size kept": (m("sum_to_size", (3, 1)), MATRIX),
    "sum_to_size misfit": (m("sum_to_size", 5), MATRIX), "sum_to_size long": (m("sum_to_size", 1, 3, 4), MATRIX),
    "sum_to_size itself": (m("sum_to_size", 3, 4), MATRIX), "squeeze_": (in_place("squeeze_"), floats(1, 3, 1)),
    "squeeze_ dim": (in_place("squeeze_", 0), floats(1, 3, 1)), "squeeze_ dims": (in_place("squeeze_", (0, 2)), floats(1, 3, 1)),
    "swapaxes_": (in_place("swapaxes_", 0, 1), MATRIX), "swapdims_": (in_place("swapdims_", 0, 1), MATRIX),
    "interleave sized": (f("repeat_interleave", dim=0, output_size=6), MATRIX, whole([1, 2, 3])),
    "interleave positions": (f("repeat_interleave"), whole([2, 0, 1])),
}  # fmt: skip
TABLES = {
    "copies": COPIES,
    "scatters": SCATTERS,
    "windows": WINDOWS,
    "pieces": PIECES,
    "joined": JOINED,
    "turns": TURNS,
}
ROWS = {f"{table} {name}": row for table, rows in TABLES.items() for name, row in rows.items()}


@pytest.mark.parametrize("name", ROWS)
def test_as_in_pytorch(name: str) -> None:
    """A call gives what PyTorch's gives, to the strides, both gradients and tangents."""
    as_in_pytorch(torch, ROWS[name])


def windowed(size: Any, stride: Any, offset: int) -> Any:
    return lambda xp, x, src: xp.as_strided_scatter(x, src, size, stride, offset)


STRIDED: dict[str, Row] = {"strided": (windowed((2,), (4,), 1), MATRIX, floats(2))}
SMOOTH = smooth(ROWS) | STRIDED


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    as_measured(SMOOTH[name])


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences."""
    measured = [
        *SMOOTH.values(),
        *(
            (f(name), x)
            for name, x in (("diag_embed", VECTOR), ("tril", MATRIX), ("triu", MATRIX), ("diagonal", MATRIX))
        ),
    ]
    measured += [
        (lambda xp, x: x.as_strided((2,), (1,)), MATRIX),
        (m("__getitem__", slice(1, 2)), MATRIX),
        (m("__getitem__", 1), MATRIX),
    ]
    left = unmeasured([diagonals, slicing, view_copies, windows], measured) - {
        "view_as_real_copy",
        "view_as_complex_copy",
    }
    assert left == set()  # those two are complex, and the complex chapter's


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_strided_scatter_writes_as_in_pytorch(shape: Any) -> None:
    """Values written through a window of a copy are PyTorch's; the gradient, of which PyTorch's is wrong, is measured."""
    x, src = floats(3, 4), floats(*shape)
    strides = {0: (), 1: (2,), 2: (4, 1)}[len(shape)]
    as_in_pytorch(torch, (f("as_strided_scatter", shape, strides, 1), x, src), orders=0)


def test_a_window_that_leaves_the_storage_is_refused() -> None:
    """PyTorch's error names the sizes, the strides and the storage."""
    with pytest.raises(RuntimeError, match="are out of bounds for storage of size 24"):
        refgrad.as_strided_scatter(refgrad.ones(6), refgrad.ones(3), (3,), (9,))
    with pytest.raises(RuntimeError, match=r"src size = \[3\], slice size = \[2\]"):
        refgrad.as_strided_scatter(refgrad.ones(6), refgrad.ones(3), (2,), (1,))
