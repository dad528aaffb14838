"""Reading and writing by index: side by side with PyTorch, and against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.engine.ops import gathering, indexing, masking, selection
from tests.engine.ops.parity import Array, Case, check, check_all, differences, observe
from tests.engine.ops.slopes import check_slopes, derivable, ops_of

Call = Callable[..., Any]
ALL = np.s_[:]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def floats(*shape: int, dtype: str = "float64", layout: str = "contiguous") -> Array:
    return Array(2 * np.random.default_rng(len(shape)).normal(size=shape), dtype, layout)


def whole(values: Any) -> Array:
    return Array(values, "int64")


def assigned(key: Any) -> Call:
    """``x[key] = value`` in a copy, through the maker of a key if it is one."""

    def call(xp: Any, x: Any, value: Any = 7.5) -> Any:
        copy = x.clone()
        copy[key(xp) if callable(key) else key] = value
        return copy

    return call


def read(key: Any) -> Call:
    return lambda xp, x: x[key(xp) if callable(key) else key]


# keys -----------------------------------------------------------------------------------------------------------------

KEYS: dict[str, Any] = {
    "0": 0, "-1": -1, "5": 5, "-4": -4, "0, 1": (0, 1), ":": ALL, ":, :": (ALL, ALL), "...": ..., "..., 0": (..., 0),
    "None": None,
    "None, 0": (None, 0), ":, None": (ALL, None), "..., None": (..., None), "1:": np.s_[1:], ":-1": np.s_[:-1],
    "::2": np.s_[::2],
    "0:0": np.s_[0:0], "3:1": np.s_[3:1], "9:": np.s_[9:], "-9:2": np.s_[-9:2], ":3": np.s_[:3], "0:3": np.s_[0:3],
    "1:2, 0": np.s_[1:2, 0], "()": (), "True": True, "False": False, "None, True": (None, True), "True, 0": (True, 0),
    "True, list": (True, [0, 2]), "list": [0, 2], "twice": [0, 0], "negative": [-1], "no list": [],
    "lists": ([0, 1], [1, 0]),
    "apart": ([0, 1], ALL, [1, 0]), "second": (ALL, [1, 0]), "second, 0": (ALL, [1, 0], 0), "0, list": (0, [1, 0]),
    "0, :, list": (0, ALL, [1, 0]), "list, None, 0": ([1, 0], None, 0), "beyond": [9], "before": [-9],
    "uneven": ([0, 1], [1, 2, 0]), "grid": ([[0], [1]], [1, 2, 0]), "mask list": [True, False, True],
    "short mask": [True, False],
    "..., list": (..., [0, 1]), "None, list": (None, [1, 0]), "list, None": ([1, 0], None), "too many": (0, 0, 0, 0),
    "too many lists": ([0], [0], [0], [0]), "float": 1.5, "text": "a", "floats": [1.5], "::-1": np.s_[::-1],
    "::0": np.s_[::0],
    "float slice": slice(1.0, None), "two ...": (..., 0, ...), "numpy number": np.int64(1), "numpy": np.array([0, 2]),
    "numpy mask": np.array([True, False, True]), "numpy matrix": np.array([[0, 1], [1, 0]]), "range": range(2),
    "tuples": ((0, 1), (1, 0)), "set": {0}, "complex": 1j, "numpy bool": np.bool_(True), "0, ..., 0": (0, ..., 0),
    "0, 0, 0": (0, 0, 0), "0, 0, 0, ...": (0, 0, 0, ...), "0, 0, 0, None": (0, 0, 0, None),
    "mixed": (ALL, np.s_[1:], np.s_[::2]),
    "nested": [[0, 1], [1, 0]], "list of slices": [np.s_[0:1]], "list with None": [0, None], "(None, 7)": (None, 7),
    "(:, 5)": (ALL, 5),
    "tensor": lambda xp: xp.tensor([0, 2]), "tensor 0-d": lambda xp: xp.tensor(1),
    "tensor matrix": lambda xp: xp.tensor([[0, 1], [1, 0]]),
    "mask": lambda xp: xp.tensor([True, False, True]), "mask 0-d": lambda xp: xp.tensor(True),
    "mask none": lambda xp: xp.tensor(False),
    "mask matrix": lambda xp: xp.tensor([[True, False, True]] * 3),
    "mask all": lambda xp: xp.ones(3, 3, 2, dtype=xp.bool),
    "mask misfit": lambda xp: xp.tensor([True, False]),
    "second mask misfit": lambda xp: (ALL, xp.tensor([True, False])),
    "int32": lambda xp: xp.tensor([0, 1], dtype=xp.int32), "int16": lambda xp: xp.tensor([0, 1], dtype=xp.int16),
    "float tensor": lambda xp: xp.tensor([0.0, 1.0]),
    "tensors apart": lambda xp: (xp.tensor([0, 1]), ALL, xp.tensor([1, 0])),
    "tensors spread": lambda xp: (ALL, xp.tensor([1, 0]), xp.tensor([[1], [0]])),
    "mask, 0": lambda xp: (xp.tensor([True, False, True]), 0),
    "mask, tensor": lambda xp: (xp.tensor([True, False, True]), xp.tensor([1, 0])),
    "0, mask": lambda xp: (0, xp.tensor([True, False, True])),
    "mask, mask": lambda xp: (xp.tensor([True, False, True]), xp.tensor([True, True, False])),
    "mask matrix, 0": lambda xp: (xp.tensor([[True, False, True]] * 3), 0),
    "0-d, tensor": lambda xp: (xp.tensor(1), xp.tensor([0, 2])),
    "tensor negative": lambda xp: xp.tensor([-1, -3]), "tensor beyond": lambda xp: xp.tensor([0, 5]),
    "second beyond": lambda xp: (ALL, xp.tensor([0, -7])), "tensor empty": lambda xp: xp.zeros(0, dtype=xp.int64),
    "0-d, :, tensor": lambda xp: (xp.tensor(1), ALL, xp.tensor([0, 1])),
    "list of tensors": lambda xp: [xp.tensor(0), xp.tensor(1)],
    "mask of nothing": lambda xp: xp.tensor([False] * 3), "slice of tensor": lambda xp: slice(xp.tensor(1), None),
    "tensor, None, tensor": lambda xp: (xp.tensor([0, 1]), None, xp.tensor([1, 0])),
    "None, tensors": lambda xp: (None, xp.tensor([0, 1]), xp.tensor([1, 0])),
    "..., tensor": lambda xp: (..., xp.tensor([1, 0])),
    "tensor, ..., tensor": lambda xp: (xp.tensor([0, 1]), ..., xp.tensor([1, 0])),
}  # fmt: skip
VALUES = {"0-d": floats(), "one": floats(1), "row": floats(2), "misfit": floats(5)}
LATE = (
    "beyond",
    "before",
    "tensor beyond",
    "second beyond",
)  # PyTorch complains of the value before it looks at the index


@pytest.mark.parametrize("name", KEYS)
def test_reading_as_in_pytorch(name: str, torch: Any) -> None:
    """A key gives PyTorch's value, view or copy, graph, gradients or error."""
    check(refgrad, torch, Case(name, read(KEYS[name]), (floats(3, 3, 2),)))


@pytest.mark.parametrize("name", KEYS)
def test_reading_columns_as_in_pytorch(name: str, torch: Any) -> None:
    """A key means the same for a tensor that is not contiguous, but for where a copy's elements lie."""
    case = Case(name, read(KEYS[name]), (floats(3, 3, 2, layout="transposed"),))
    found = differences(observe(refgrad, case), observe(torch, case))
    assert [line for line in found if not line.startswith("out0.stride")] == []


@pytest.mark.parametrize("name", KEYS)
def test_writing_as_in_pytorch(name: str, torch: Any) -> None:
    """An assignment of a number or a tensor has PyTorch's value, history, gradients or error."""
    x = floats(3, 3, 2)
    cases = [Case("number", assigned(KEYS[name]), (x,))]
    for label, value in VALUES.items():
        if not (label == "misfit" and name in LATE):
            cases.append(Case(label, assigned(KEYS[name]), (x, value)))
    check_all(refgrad, torch, cases)


SHAPED = {
    "0": (0, (3, 2)), "0 row": (0, (2,)), "0 leading": (0, (1, 1, 3, 2)), ":": (ALL, (3, 3, 2)), "...": (..., ()),
    "1:": (np.s_[1:], (2, 3, 2)), "1: misfit": (np.s_[1:], (3, 3, 2)), "list": ([0, 2], (2, 3, 2)),
    "list rows": ([0, 2], (3, 2)),
    "twice": ([0, 0], (2, 3, 2)), "list leading": ([0, 2], (1, 2, 3, 2)), "None": (None, (3, 3, 2)),
    "True": (True, (3, 2)),
    "False": (False, (3, 2)), "element": ((0, 0, 0), ()), "element of one": ((0, 0, 0), (1,)),
    "element misfit": ((0, 0, 0), (2,)),
    "second": ((ALL, [1]), (3, 1, 2)), "nothing": (np.s_[0:0], (3, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_writing_values_of_other_types_as_in_pytorch(name: str, torch: Any) -> None:
    """What is assigned is cast, cut and spread as in PyTorch, or refused."""
    key, shape = SHAPED[name]
    inputs = [
        (floats(3, 3, 2), floats(*shape)),
        (floats(3, 3, 2), floats(*shape, dtype="float32")),
        (floats(3, 3, 2, dtype="int64"), floats(*shape)),
    ]
    check_all(refgrad, torch, [Case(f"{x.dtype} {value.dtype}", assigned(key), (x, value)) for x, value in inputs])


NUMBERS: list[Any] = [
    1,
    1.5,
    True,
    1j,
    [1],
    None,
    "a",
    np.float32(2),
    np.array(1.0),
    np.int64(3),
    float("nan"),
    300,
    -1,
    2**40,
]


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8", "int32", "bool"])
def test_writing_numbers_as_in_pytorch(kind: str, torch: Any) -> None:
    """A number is converted to the tensor's type, or refused in PyTorch's words."""
    x = Array([1, 0, 1], kind)
    check_all(
        refgrad, torch, [Case(repr(value), lambda xp, x, v=value: assigned(0)(xp, x, v), (x,)) for value in NUMBERS]
    )


@pytest.mark.parametrize(
    "name", ["0", ":", "...", "()", "None", "True", "False", "list", "mask 0-d", "mask none", "tensor", "None, 0"]
)
def test_numbers_as_in_pytorch(name: str, torch: Any) -> None:
    """A 0-d tensor takes the keys that PyTorch's takes."""
    check_all(
        refgrad, torch, [Case("read", read(KEYS[name]), (floats(),)), Case("write", assigned(KEYS[name]), (floats(),))]
    )


# along a dimension ----------------------------------------------------------------------------------------------------

INDEX = whole([[0, 2, 1], [1, 1, 0]])


def along(name: str, dim: int = 0, **options: Any) -> Call:
    return lambda xp, x, *tensors: getattr(xp, name)(x, dim, *tensors, **options)


GATHERS: dict[str, tuple[Any, ...]] = {
    "rows": (along("gather"), floats(3, 3), INDEX), "columns": (along("gather", 1), floats(2, 3), INDEX),
    "last": (along("gather", -1), floats(2, 3), INDEX), "corner": (along("gather"), floats(3, 4), INDEX),
    "beyond": (along("gather"), floats(2, 3), INDEX), "negative": (along("gather"), floats(2, 3), whole([[-1, 0, 0]])),
    "too wide": (along("gather"), floats(3, 2), INDEX), "rank": (along("gather"), floats(3, 3), whole([0])),
    "int32": (along("gather"), floats(3, 3), Array([[0, 1]], "int32")),
    "float": (along("gather"), floats(3, 3), Array([[0.0]], "float32")),
    "0-d": (along("gather"), floats(), whole(0)), "0-d twice": (along("gather"), floats(), whole([0, 0])),
    "to 0-d": (along("gather"), floats(3), whole(2)), "empty": (along("gather"), floats(3, 3), whole(np.zeros((0, 3)))),
    "no dim": (along("gather", 2), floats(3, 3), INDEX),
    "turned": (along("gather"), floats(3, 3, layout="transposed"), INDEX),
    "select": (along("index_select"), floats(3, 4), whole([2, 0, 2])),
    "select last": (along("index_select", -1), floats(3, 4), whole([2, 0])),
    "select one": (along("index_select"), floats(3, 4), whole(1)),
    "select 0-d": (along("index_select"), floats(), whole([0])),
    "select 0-d one": (along("index_select"), floats(), whole(0)),
    "select beyond": (along("index_select"), floats(3, 4), whole([3])),
    "select negative": (along("index_select"), floats(3, 4), whole([-1])),
    "select matrix": (along("index_select"), floats(3, 4), whole([[0]])),
    "select float": (along("index_select"), floats(3, 4), Array([0.0], "float32")),
    "select none": (along("index_select"), floats(3, 4), whole(np.zeros(0))),
    "select no dim": (along("index_select", 2), floats(3, 4), whole([0])),
    "take_along_dim": (lambda xp, x, i: xp.take_along_dim(x, i, 1), floats(2, 3), whole([[0, 2], [1, 1]])),
    "take_along_dim flat": (lambda xp, x, i: xp.take_along_dim(x, i), floats(2, 3), whole([5, 0])),
    "take_along_dim spread": (lambda xp, x, i: xp.take_along_dim(x, i, 0), floats(2, 3), whole([[1]])),
    "take_along_dim spread input": (lambda xp, x, i: xp.take_along_dim(x, i, 1), floats(1, 3), whole([[0, 2], [1, 1]])),
    "take_along_dim rank": (lambda xp, x, i: xp.take_along_dim(x, i, 1), floats(2, 3), whole([0, 2])),
    "take_along_dim float": (lambda xp, x, i: xp.take_along_dim(x, i, 1), floats(2, 3), Array([[0.0]], "float32")),
    "take_along_dim misfit": (lambda xp, x, i: xp.take_along_dim(x, i, 1), floats(2, 3), whole([[0], [0], [0]])),
}  # fmt: skip


@pytest.mark.parametrize("name", GATHERS)
def test_gathering_as_in_pytorch(name: str, torch: Any) -> None:
    """Elements are picked along a dimension, or refused, as in PyTorch."""
    call, *inputs = GATHERS[name]
    check(refgrad, torch, Case(name, call, tuple(inputs)))


SCATTERS: dict[str, tuple[Any, ...]] = {
    "rows": (along("S"), floats(3, 3), INDEX, floats(2, 3)),
    "columns": (along("S", 1), floats(2, 3), whole([[0, 2, 1], [1, 2, 0]]), floats(2, 3)),
    "larger source": (along("S"), floats(3, 4), whole([[0, 1]]), floats(2, 3)),
    "beyond": (along("S"), floats(2, 3), INDEX, floats(2, 3)),
    "negative": (along("S"), floats(2, 3), whole([[-1]]), floats(2, 3)),
    "types": (along("S"), floats(3, 3), INDEX, floats(2, 3, dtype="float32")),
    "rank": (along("S"), floats(3, 3), whole([0]), floats(2, 3)),
    "too wide": (along("S"), floats(3, 2), INDEX, floats(2, 3)),
    "small source": (along("S"), floats(3, 3), INDEX, floats(1, 3)), "0-d": (along("S"), floats(), whole(0), floats()),
    "vector": (along("S", -1), floats(4), whole([0, 3, 1]), floats(3)),
    "empty": (along("S"), floats(3, 3), whole(np.zeros((0, 3))), floats(2, 3)),
    "int32": (along("S"), floats(3, 3), Array([[0, 1]], "int32"), floats(1, 2)),
    "float": (along("S"), floats(3, 3), Array([[0.0, 1.0]], "float32"), floats(2, 3)),
    "integers": (along("S"), floats(3, 3, dtype="int64"), INDEX, floats(2, 3, dtype="int64")),
    "turned": (along("S"), floats(3, 3, layout="transposed"), INDEX, floats(2, 3)),
    "bools": (along("S"), Array(np.eye(3), "bool"), INDEX, Array(np.ones((2, 3)), "bool")),
    "no dim": (along("S", 2), floats(3, 3), INDEX, floats(2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("form", ["scatter", "scatter_add", "scatter_", "scatter_add_"])
@pytest.mark.parametrize("name", SCATTERS)
def test_scattering_as_in_pytorch(name: str, form: str, torch: Any) -> None:
    """Elements are written or added along a dimension, or refused, as in PyTorch."""
    call, *inputs = SCATTERS[name]
    renamed = dict(zip(call.__code__.co_freevars, call.__closure__))
    dim = renamed["dim"].cell_contents

    def run(xp: Any, x: Any, index: Any, src: Any) -> Any:
        return (
            getattr(x.clone(), form)(dim, index, src) if form.endswith("_") else getattr(xp, form)(x, dim, index, src)
        )

    check(refgrad, torch, Case(name, run, tuple(inputs)))


def put(xp: Any, x: Any, values: Any, index: Any, accumulate: bool) -> Any:
    return xp.index_put(x, (index,), values, accumulate)


def put_often(xp: Any, x: Any, values: Any, index: Any, accumulate: bool) -> Any:
    return xp.index_put(x, (index, index, index), values, accumulate)


def put_in_place(_: Any, x: Any, values: Any, index: Any, accumulate: bool) -> Any:
    return x.clone().index_put_((index,), values, accumulate)


PUTS: dict[str, tuple[Any, ...]] = {
    "scatter number": (lambda xp, x, i: xp.scatter(x, 0, i, 2.5), floats(3, 3), INDEX),
    "scatter value": (lambda xp, x, i: xp.scatter(x, 0, i, value=2.5), floats(3, 3), INDEX),
    "scatter_ number": (lambda xp, x, i: x.clone().scatter_(0, i, 2.5), floats(3, 3), INDEX),
    "scatter number of integers": (lambda xp, x, i: xp.scatter(x, 0, i, 2), floats(3, 3, dtype="int64"), INDEX),
    "scatter_add number": (lambda xp, x, i: xp.scatter_add(x, 0, i, 2.5), floats(3, 3), INDEX),
    "index_add": (along("index_add"), floats(3, 4), whole([2, 0, 2]), floats(3, 4)),
    "index_add alpha": (along("index_add", 1, alpha=-2), floats(3, 4), whole([2, 0]), floats(3, 2)),
    "index_add count": (along("index_add"), floats(3, 4), whole([2, 0]), floats(3, 4)),
    "index_add beyond": (along("index_add"), floats(3, 4), whole([3]), floats(1, 4)),
    "index_add negative": (along("index_add"), floats(3, 4), whole([-1]), floats(1, 4)),
    "index_add types": (along("index_add"), floats(3, 4), whole([0]), floats(1, 4, dtype="float32")),
    "index_add 0-d": (along("index_add"), floats(), whole([0]), floats()),
    "index_add shape": (along("index_add"), floats(3, 4), whole([0]), floats(1, 3)),
    "index_add matrix": (along("index_add"), floats(3, 4), whole([[0]]), floats(1, 4)),
    "index_add rank": (along("index_add"), floats(3), whole(1), floats()),
    "index_add float": (along("index_add"), floats(3), Array([1.0], "float32"), floats(1)),
    "index_add_": (lambda xp, x, i, v: x.clone().index_add_(0, i, v), floats(3, 4), whole([2, 0, 2]), floats(3, 4)),
    "masked_select": (lambda xp, x, i: xp.masked_select(x, i > 0), floats(2, 3), INDEX),
    "masked_select spread": (lambda xp, x, i: xp.masked_select(x, i > 0), floats(3), INDEX),
    "masked_select spread mask": (lambda xp, x, i: xp.masked_select(x, i[0] > 0), floats(2, 3), INDEX),
    "masked_select 0-d": (lambda xp, x: xp.masked_select(x, xp.tensor(True)), floats()),
    "masked_select nothing": (lambda xp, x: xp.masked_select(x, x > 99), floats(3)),
    "masked_select misfit": (lambda xp, x, i: xp.masked_select(x, i > 0), floats(2), INDEX),
    "masked_select integers": (lambda xp, x, i: xp.masked_select(x, i), floats(2, 3), INDEX),
    **{
        f"index_put {how}{label}": (lambda xp, x, v, i, c=call, a=accumulate: c(xp, x, v, i, a), *inputs)
        for accumulate, how in ((False, ""), (True, "added "))
        for label, call, *inputs in [
            ("rows", put, floats(3, 4), floats(2, 4), whole([0, 2])),
            ("number twice", put, floats(3, 4), floats(), whole([0, 0])),
            ("elements", lambda xp, x, v, i, a: xp.index_put(x, (i, i), v, a), floats(3, 4), floats(2), whole([0, 2])),
            ("mask", put, floats(3), floats(2), Array([True, False, True], "bool")),
            ("misfit", put, floats(3), floats(3), whole([0, 1])),
            ("types", put, floats(3), floats(2, dtype="float32"), whole([0, 1])),
            ("beyond", put, floats(3), floats(2), whole([0, 4])),
            ("too many", put_often, floats(3, 3), floats(2), whole([0, 1])),
            ("in place", put_in_place, floats(3, 4), floats(2, 4), whole([0, 2])),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUTS)
def test_putting_as_in_pytorch(name: str, torch: Any) -> None:
    """Elements are put, added and picked by mask, or refused, as in PyTorch."""
    call, *inputs = PUTS[name]
    check(refgrad, torch, Case(name, call, tuple(inputs)))


@pytest.mark.parametrize("as_tuple", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (), (0, 2)], ids=str)
def test_nonzero_as_in_pytorch(shape: tuple[int, ...], as_tuple: bool, torch: Any) -> None:
    """The positions of what is not zero have PyTorch's shapes and strides, for numbers and nothing too."""
    values = np.random.default_rng(1).integers(0, 2, shape)
    check(refgrad, torch, Case("nonzero", lambda xp, x: xp.nonzero(x, as_tuple=as_tuple), (Array(values, "float32"),)))


# keys at random -------------------------------------------------------------------------------------------------------

SIZES = (3, 2, 4)
BOUND = st.one_of(st.none(), st.integers(-5, 5))
SLICES = st.builds(slice, BOUND, BOUND, st.one_of(st.none(), st.integers(1, 3)))


def positions(size: int) -> st.SearchStrategy[Any]:
    """Lists of positions in range, all of one shape that broadcasts with the others'."""
    return st.lists(st.integers(-size, size - 1), min_size=2, max_size=2)


@st.composite
def keys(draw: st.DrawFn) -> tuple[Any, ...]:
    """A key for ``SIZES``: numbers, slices, lists, masks, new dimensions and an ellipsis."""
    parts: list[Any] = []
    dim = 0
    dims = draw(st.integers(0, len(SIZES)))
    while dim < dims:
        size = SIZES[dim]
        kind = draw(st.sampled_from(["number", "slice", "list", "tensor", "mask", "new"]))
        if kind == "new":
            parts.append(None)
            continue
        part = {
            "number": st.integers(-size, size - 1), "slice": SLICES, "list": positions(size),
            "tensor": positions(size).map(np.array),
            "mask": st.just(np.array([True, True] + [False] * (size - 2))),
        }[kind]  # fmt: skip
        parts.append(draw(part))
        dim += 1
    if draw(st.booleans()):
        parts.insert(draw(st.sampled_from([0, len(parts)])) if dim < len(SIZES) else len(parts), Ellipsis)
    return tuple(parts)


def made(key: tuple[Any, ...]) -> Call:
    """The key with tensors of a library in it."""
    return lambda xp: tuple(xp.from_numpy(part) if isinstance(part, np.ndarray) else part for part in key)


@given(keys())
@settings(deadline=None, max_examples=150)
def test_any_key_reads_and_writes_as_in_pytorch(key: tuple[Any, ...]) -> None:
    """Any key reads what PyTorch's reads and writes where PyTorch's writes, gradients of both orders included."""
    torch = pytest.importorskip("torch")
    cases = [
        Case("read", read(made(key)), (floats(*SIZES),)),
        Case("write", assigned(made(key)), (floats(*SIZES),)),
        Case("write tensor", lambda xp, x, v: assigned(made(key))(xp, x, v), (floats(*SIZES), floats())),
    ]
    check_all(refgrad, torch, cases)


@given(keys())
@settings(deadline=None, max_examples=100)
def test_what_is_written_is_read_back(key: tuple[Any, ...]) -> None:
    """Any key reads what was written by it, and nothing else is written."""
    x = refgrad.zeros(*SIZES)
    try:
        x[made(key)(refgrad)] = 3.0
    except IndexError:
        assume(False)  # a mask that an ellipsis moved to another dimension
    read_back = x[made(key)(refgrad)]
    assert refgrad.equal(read_back, refgrad.full(tuple(read_back.shape), 3.0))
    x[made(key)(refgrad)] = 0.0
    assert not x.any()


# without a second library ---------------------------------------------------------------------------------------------

A = np.random.default_rng(6).normal(size=(3, 3))
V = np.random.default_rng(7).normal(size=(2, 3))
NUMBER = np.array(0.7)
READ = [
    "0", "-1", "1:", "::2", "list", "twice", "lists", "second", "grid", "mask", "mask, tensor", "mask matrix",
    "..., list", "True",
]  # fmt: skip
WRITTEN = ["0", "1:", "list", "lists", "mask", "mask matrix", ":", "True"]
MEASURED: dict[str, tuple[Any, ...]] = {
    **{f"read {name}": (lambda x, key=KEYS[name]: read(key)(refgrad, x) ** 2, A) for name in READ},
    **{f"write {n}": (lambda x, v, key=KEYS[n]: assigned(key)(refgrad, x, v) ** 2, A, NUMBER) for n in WRITTEN},
    "write rows": (lambda x, v: assigned([0, 2])(refgrad, x, v) ** 2, A, V),
    "gather": (lambda x: refgrad.gather(x, 0, refgrad.tensor([[0, 2, 1], [1, 1, 0]])) ** 2, A),
    "scatter": (lambda x, v: refgrad.scatter(x, 0, refgrad.tensor([[0, 2, 1], [1, 1, 0]]), v) ** 2, A, V),
    "scatter number": (lambda x: refgrad.scatter(x, 0, refgrad.tensor([[0, 2, 1]]), 0.5) ** 2, A),
    "scatter_add": (lambda x, v: refgrad.scatter_add(x, 0, refgrad.tensor([[0, 2, 1], [0, 1, 0]]), v) ** 2, A, V),
    "index_select": (lambda x: refgrad.index_select(x, 1, refgrad.tensor([2, 0, 2])) ** 2, A),
    "index_add": (lambda x, v: refgrad.index_add(x, 0, refgrad.tensor([1, 1]), v, alpha=3) ** 2, A, V),
    "index_put": (lambda x, v: refgrad.index_put(x, (refgrad.tensor([0, 2]),), v) ** 2, A, V),
    "index_put added": (lambda x, v: refgrad.index_put(x, (refgrad.tensor([1, 1]),), v, True) ** 2, A, V),
    "masked_select": (lambda x: refgrad.masked_select(x, refgrad.tensor([True, False, True])) ** 2, A),
    "take_along_dim": (lambda x: refgrad.take_along_dim(x, refgrad.tensor([[0, 2, 1]]), 0) ** 2, A),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_gradients_are_slopes(name: str) -> None:
    """The first and second gradient are the slopes that finite differences measure."""
    call, *arrays = MEASURED[name]
    check_slopes(call, arrays)


def test_every_rule_is_measured() -> None:
    """No rule of these chapters is left out of the finite differences."""
    measured = {name for call, *arrays in MEASURED.values() for name in ops_of(call, arrays)}
    chapters = (gathering, indexing, masking, selection)
    assert set[str]().union(*map(derivable, chapters)) - ELSEWHERE <= measured


# in test_scattering
ELSEWHERE = {"_index_copy", "_index_fill_number", "_index_fill_tensor", "_masked_scatter"}


SAVING: dict[str, Call] = {
    "number": lambda xp, x: x[0], "slice": lambda xp, x: x[:, 1:], "list": lambda xp, x: x[[0, 1]], "mask": lambda xp,
    x: x[x > 0.3],
    "gather": lambda xp, x: x.gather(0, xp.tensor([[0, 1, 1]])), "index_select": lambda xp,
    x: x.index_select(0, xp.tensor([1])),
    "scatter": lambda xp, x: x.scatter(0, xp.tensor([[0, 1, 1]]), 2.0), "scatter_add": lambda xp,
    x: x.scatter_add(0, xp.tensor([[0, 1, 1]]), x.detach()[:1]),
    "index_add": lambda xp, x: x.index_add(0, xp.tensor([1]), x.detach()[:1]), "masked_select": lambda xp,
    x: x.masked_select(x > 0.3),
    "index_put": lambda xp, x: x.index_put((xp.tensor([0]),), xp.zeros((), dtype=xp.float64)),
}  # fmt: skip


@pytest.mark.parametrize("act", ["write_input", "write_result", "run_before"])
@pytest.mark.parametrize("name", SAVING)
def test_saved_as_in_pytorch(name: str, act: str, torch: Any) -> None:
    """A gradient is refused after a write to what was saved, or a first backward that freed it; otherwise it is not."""
    from tests.engine.ops import test_saved

    action = getattr(test_saved, act)
    assert test_saved.refused(refgrad, SAVING[name], action) == test_saved.refused(torch, SAVING[name], action)
