"""The families that write to positions, reduce into them, and address a tensor as flat: side by side with PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

import refgrad
from refgrad.engine.ops import masking, positions, scattering, selection
from tests.engine.ops.parity import Array
from tests.engine.ops.rows import Row, as_in_pytorch, as_measured, f, floats, m, smooth, unmeasured, whole

torch = pytest.importorskip("torch")
X, SRC, VECTOR, NUMBER = floats(3, 4), floats(3, 2), floats(4), floats()
TURNED, SINGLE, INTS, BOOLS = (
    floats(3, 4, layout="transposed"),
    floats(3, 4, dtype="float32"),
    whole([[1, 2, 3, 4]] * 3),
    whole([[True, False, True, True]] * 3, "bool"),
)
INDEX, TWICE, GRID = whole([2, 0]), whole([1, 1]), whole([[0, 2, 2], [1, 1, 0]])
ZEROS, TIES = Array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]), Array([[1.0, 1.0, 2.0], [2.0, 1.0, 2.0]])


def along(name: str, *args: Any, dim: int = 1, **kwargs: Any) -> Any:
    """A function of a dimension, as a function and in place."""
    return lambda xp, x, *tensors: getattr(xp, name)(x, dim, *tensors, *args, **kwargs)


def along_(name: str, *args: Any, dim: int = 1, **kwargs: Any) -> Any:
    return lambda xp, x, *tensors: getattr(x.clone(), name)(dim, *tensors, *args, **kwargs)


FILLS: dict[str, Row] = {
    "number": (along("index_fill", 5.0), X, INDEX), "tensor": (along("index_fill"), X, INDEX, NUMBER), "twice": (along("index_fill"), X, TWICE, NUMBER),
    "vector": (along("index_fill"), X, INDEX, VECTOR), "negative": (along("index_fill", 1.0, dim=-1), X, whole([-1])), "beyond": (along("index_fill", 1.0), X, whole([9])),
    "float index": (along("index_fill", 1.0), X, VECTOR), "int32": (along("index_fill", 1.0), X, whole([1], "int32")), "matrix": (along("index_fill", 1.0), X, whole([[1]])),
    "0-d index": (along("index_fill", 1.0), X, whole(1)), "0-d": (along("index_fill", 1.0, dim=0), NUMBER, whole([0])), "complex": (along("index_fill", 1j), X, INDEX),
    "integers": (along("index_fill", 1.5), INTS, INDEX), "in place": (along_("index_fill_", 5.0), X, INDEX), "in place tensor": (along_("index_fill_"), X, INDEX, NUMBER), "no dim": (along("index_fill", 1.0, dim=2), X, INDEX),
}  # fmt: skip
COPIES: dict[str, Row] = {
    "columns": (along("index_copy"), X, INDEX, SRC), "rows": (along("index_copy", dim=0), X, INDEX, floats(2, 4)), "0-d source": (along("index_copy", dim=0), VECTOR, whole([1]), NUMBER),
    "0-d": (along("index_copy", dim=0), NUMBER, whole([0]), floats(1)), "rank": (along("index_copy"), X, INDEX, VECTOR), "many": (along("index_copy"), X, INDEX, X), "types": (along("index_copy"), SINGLE, INDEX, SRC),
    "int32": (along("index_copy"), X, whole([1, 0], "int32"), SRC), "beyond": (along("index_copy"), X, whole([0, 4]), SRC), "negative": (along("index_copy"), X, whole([0, -1]), SRC),
    "slices": (along("index_copy", dim=0), X, whole([0]), SRC), "matrix": (along("index_copy"), X, whole([[0, 1]]), SRC), "in place": (along_("index_copy_"), X, INDEX, SRC), "turned": (along("index_copy"), TURNED, INDEX, SRC),
}  # fmt: skip
INDEXED: dict[str, Row] = {
    **{f"{reduce} {own} {label}": (along("index_reduce", reduce, include_self=own), *inputs) for reduce in ("prod", "mean", "amax", "amin") for own in (True, False)
       for label, inputs in (("apart", (X, INDEX, SRC)), ("twice", (X, TWICE, SRC)), ("ties", (TIES, whole([0, 0, 2]), TIES)), ("zeros", (ZEROS, whole([0, 0, 2]), TIES)))},
    "sum": (along("index_reduce", "sum"), X, INDEX, SRC), "integers": (along("index_reduce", "mean"), INTS, whole([0, 0, 1, 2]), INTS), "bools": (along("index_reduce", "amax"), BOOLS, whole([0, 0, 1, 2]), BOOLS),
    "beyond": (along("index_reduce", "amax"), X, whole([0, 7]), SRC), "many": (along("index_reduce", "amax"), X, INDEX, X), "types": (along("index_reduce", "amax"), SINGLE, INDEX, SRC), "matrix": (along("index_reduce", "amax"), X, whole([[0, 1]]), SRC),
    "in place": (along_("index_reduce_", "prod"), X, INDEX, SRC), "zero": (along("index_reduce", "prod"), TIES, whole([0, 0, 2]), Array([[1.0, 0.0, 2.0], [3.0, 3.0, 0.0]])),
}  # fmt: skip
SCATTERED: dict[str, Row] = {
    **{f"{reduce} {own} {label}": (along("scatter_reduce", reduce, include_self=own), *inputs) for reduce in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)
       for label, inputs in (("apart", (floats(2, 3), whole([[0, 2], [1, 0]]), floats(2, 2))), ("twice", (floats(2, 3), GRID, floats(2, 3, seed=1))), ("ties", (TIES, GRID, TIES)), ("zeros", (ZEROS, GRID, TIES)))},
    "other": (along("scatter_reduce", "foo"), X, GRID, X), "number": (lambda xp, x, i: xp.scatter_reduce(x, 1, i, 3.0, "sum"), X, GRID), "types": (along("scatter_reduce", "sum"), SINGLE, GRID, X), "rank": (along("scatter_reduce", "sum"), X, INDEX, X),
    "beyond": (along("scatter_reduce", "sum"), X, whole([[9]]), X), "integers": (along("scatter_reduce", "mean"), INTS, GRID, INTS), "0-d": (along("scatter_reduce", "prod", dim=0), NUMBER, whole(0), NUMBER), "empty": (along("scatter_reduce", "amax"), X, whole([[]]), floats(1, 0)),
    "in place": (along_("scatter_reduce_", "amin"), X, GRID, floats(2, 3)), "zero": (along("scatter_reduce", "prod"), TIES, GRID, Array([[1.0, 0.0, 2.0], [3.0, 3.0, 0.0]])), "low": (along("scatter_reduce", "amin", include_self=False), INTS, GRID, INTS),
}  # fmt: skip
FLAT: dict[str, Row] = {
    "take": (f("take"), X, whole([[0, 11], [-12, 3]])), "take beyond": (f("take"), X, whole([12])), "take int32": (f("take"), X, whole([1], "int32")), "take 0-d": (f("take"), NUMBER, whole(0)), "take of none": (f("take"), floats(0), whole([0])),
    "take twice": (f("take"), TURNED, whole([1, 1])), "put": (f("put"), X, whole([[0, 11]]), floats(2)), "put added": (f("put", True), X, whole([1, 1]), floats(2)), "put many": (f("put"), X, whole([1, 1]), floats(3)), "put beyond": (f("put"), X, whole([12]), floats(1)),
    "put types": (f("put"), SINGLE, whole([1]), floats(1)), "put float": (f("put"), X, VECTOR, VECTOR), "put in none": (f("put"), floats(0), whole([0]), floats(1)), "put_": (lambda xp, x, i, v: x.clone().put_(i, v), X, whole([3]), floats(1)),
    "put turned": (f("put"), TURNED, whole([1, 3]), floats(2)), "argwhere": (f("argwhere"), ZEROS), "argwhere 0-d": (f("argwhere"), NUMBER), "nonzero_static": (f("nonzero_static", size=2), ZEROS), "nonzero_static filled": (f("nonzero_static", size=5, fill_value=-7), ZEROS),
    "nonzero_static negative": (f("nonzero_static", size=-1), ZEROS), "unravel_index": (f("unravel_index", (3, 4)), whole([0, 11, 5])), "unravel_index 0-d": (f("unravel_index", (3, 4)), whole(5)), "unravel_index float": (f("unravel_index", (3, 4)), VECTOR),
    "unravel_index negative": (f("unravel_index", (3, -4)), whole([5])), "take_along_dim negative": (lambda xp, x, i: xp.take_along_dim(x, i, 1), X, whole([[-1, 0]])),
    "masked_scatter": (f("masked_scatter"), X, whole([True, False, True, False], "bool"), floats(3, 3)), "masked_scatter spread": (f("masked_scatter"), VECTOR, BOOLS, X), "masked_scatter few": (f("masked_scatter"), X, BOOLS, VECTOR),
    "masked_scatter types": (f("masked_scatter"), SINGLE, BOOLS, X), "masked_scatter mask": (f("masked_scatter"), X, INTS, X), "masked_scatter_": (lambda xp, x, b, v: x.clone().masked_scatter_(b, v), X, BOOLS, TURNED),
}  # fmt: skip
TABLES = {"fill": FILLS, "copy": COPIES, "index_reduce": INDEXED, "scatter_reduce": SCATTERED, "flat": FLAT}
ROWS = {f"{table}: {name}": row for table, rows in TABLES.items() for name, row in rows.items()}


@pytest.mark.parametrize("name", ROWS)
def test_as_in_pytorch(name: str) -> None:
    """A call gives what PyTorch's gives, to the graph, both gradients and tangents."""
    as_in_pytorch(torch, ROWS[name], forward=not name.startswith(NO_TANGENT))


# of products PyTorch has none, in silence; at ties its tangent leaves out an input that its gradient counts
NO_TANGENT = (
    "scatter_reduce: prod", "scatter_reduce: zero", "scatter_reduce: 0-d",
    *(f"scatter_reduce: {reduce} False {case}" for reduce in ("amax", "amin") for case in ("ties", "zeros")),
)  # fmt: skip


def of_floats(rows: dict[str, Row]) -> dict[str, Row]:
    """The rows with their integer and bool inputs bound, so that the others can be moved."""
    return {name: bound(row) for name, row in rows.items()}


def bound(row: Row) -> Row:
    call, *inputs = row
    moved = [i for i, x in enumerate(inputs) if x.dtype == "float64"]

    def only(xp: Any, *tensors: Any) -> Any:
        held = {**{i: x.make(xp) for i, x in enumerate(inputs)}, **dict(zip(moved, tensors))}
        return call(xp, *(held[i] for i in range(len(inputs))))

    return only, *(inputs[i] for i in moved)


SMOOTH = smooth(of_floats(ROWS), kinks=[name for name in ROWS if "ties" in name or "zeros" in name])


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    as_measured(SMOOTH[name])


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences."""
    chosen = [
        bound((f("masked_select"), X, BOOLS)),
        bound((along("index_add"), X, INDEX, SRC)),
        bound((along("index_select"), X, INDEX)),
    ]
    assert unmeasured([masking, positions, scattering, selection], [*SMOOTH.values(), *chosen]) == set()


def test_out_takes_the_result() -> None:
    """``out=`` is filled and returned."""
    x, out = refgrad.tensor([[1.0, 2.0], [3.0, 4.0]]), refgrad.empty(2)
    assert refgrad.take(x, refgrad.tensor([3, 0]), out=out) is out
    assert out.tolist() == [4.0, 1.0]
    assert m("take")(refgrad, x, refgrad.tensor([1])).tolist() == [2.0]
