"""Dimensions and shapes: wrapping, inferring, broadcasting, and the type of a shape."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refgrad
from refgrad.engine import dims
from tests.engine.ops.parity import Case, check_all

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@given(st.integers(0, 4), st.integers(-6, 6))
def test_a_dimension_wraps_or_is_refused(ndim: int, dim: int) -> None:
    """A dimension counts from either end; a 0-d tensor has the dimensions -1 and 0."""
    bound = max(ndim, 1)
    if -bound <= dim < bound:
        assert dims.wrap(dim, ndim) == range(bound)[dim]
    else:
        with pytest.raises(IndexError, match=rf"expected to be in range of \[{-bound}, {bound - 1}\], but got {dim}\)"):
            dims.wrap(dim, ndim)


@given(SHAPES, st.data())
def test_a_size_left_open_is_inferred(shape: tuple[int, ...], data: Any) -> None:
    """One size may be left open where the others determine it."""
    assume(shape and prod(shape))
    at = data.draw(st.integers(0, len(shape) - 1))
    assert dims.infer((*shape[:at], -1, *shape[at + 1 :]), prod(shape)) == shape
    assert dims.infer(shape, prod(shape)) == shape
    with pytest.raises(RuntimeError, match="is invalid for input of size"):
        dims.infer(shape, prod(shape) + 1)


@given(SHAPES, SHAPES)
def test_broadcasting_is_numpys(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Shapes broadcast to what NumPy gives, or are refused."""
    try:
        expected = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            dims.broadcast(left, right)
    else:
        assert dims.broadcast(left, right) == expected
        assert dims.broadcast(right, left) == expected


@given(hnp.mutually_broadcastable_shapes(num_shapes=3))
def test_broadcasting_is_associative(shapes: Any) -> None:
    """It does not matter which shapes meet first."""
    a, b, c = shapes.input_shapes
    assert dims.broadcast(dims.broadcast(a, b), c) == dims.broadcast(a, dims.broadcast(b, c)) == shapes.result_shape


@given(st.permutations(range(5)))
def test_an_inverse_undoes_a_permutation(order: list[int]) -> None:
    """A permutation of its inverse is the order of the dimensions."""
    inverse = dims.permutation_inverse(order)
    assert [order[i] for i in inverse] == list(range(5))


def test_axes_are_read_as_pytorch_reads_them() -> None:
    """No dimension means all; a number means one; a repeated one is refused."""
    assert dims.axes(None, 3) == (0, 1, 2)
    assert dims.axes(-1, 3) == (2,)
    assert dims.axes((0, -1), 3) == (0, 2)
    assert dims.axes((), 2) == (0, 1)
    assert dims.axes(0, 0) == ()
    with pytest.raises(RuntimeError, match="dim 1 appears multiple times in the list of dims"):
        dims.axes((1, -1), 2)


LINES = """
    xp.Size([2, 3]); xp.Size([2, 3]).numel(); xp.Size([2, 3])[0]; xp.Size([2, 3])[:1]; xp.Size([2]) + xp.Size([3]);
    xp.Size([2]) + (3,); (3,) + xp.Size([2])
    xp.Size(); xp.Size((1, 2)) == (1, 2); xp.Size([2, 3]) * 2; 2 * xp.Size([2, 3]); xp.Size(3);
    hash(xp.Size([2])) == hash((2,)); xp.Size([2, 3]).index(3)
    xp.Size([2, 3]).count(3); len(xp.Size([2, 3])); xp.zeros(2, 3).shape; xp.zeros(2, 3).size(); xp.Size([-1]);
    [xp.zeros(2).shape]
"""


def test_shapes_as_in_pytorch(torch: Any) -> None:
    """A shape prints, adds, multiplies and slices as PyTorch's."""
    lines = [line.strip() for line in LINES.replace("\n", ";").split(";") if line.strip()]
    check_all(
        refgrad, torch, [Case(line, lambda xp, line=line: repr(eval(line, {"xp": xp})), (), orders=0) for line in lines]
    )
