"""The order in memory of results, held against PyTorch's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import refgrad

ORDERS = {
    "rows": lambda x: x,
    "reversed": lambda x: x.permute(2, 1, 0).contiguous().permute(2, 1, 0),
    "swapped": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "columns": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    "one_row": lambda x: x[:1],
    "one_column": lambda x: x.transpose(0, 2).contiguous().transpose(0, 2)[:, :1],
    "lower_rank": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2)[0],
    "stepped": lambda x: x.repeat(1, 1, 2)[..., ::2],
    "expanded": lambda x: x[:1].expand(2, 3, 4),
}
BINARY = {
    "add": lambda xp, x, y: x + y,
    "mul": lambda xp, x, y: x * y,
    "maximum": lambda xp, x, y: xp.maximum(x, y),
    "comparison": lambda xp, x, y: x > y,
    "where": lambda xp, x, y: xp.where(x > y, x, y),
    "types": lambda xp, x, y: x + y.to(xp.float64),
}
REDUCTIONS = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(1),
    "prod": lambda x: x.prod(2),
    "amax": lambda x: x.amax(1),
    "max": lambda x: x.max(0)[0],
    "var": lambda x: x.var(1, correction=0),
    "any": lambda x: (x > 1).any(0),
    "logsumexp": lambda x: x.logsumexp(0),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(0),
    "masked_fill": lambda x: x.masked_fill(x > 3, 0.0),
}


def block(xp: Any, order: str) -> Any:
    return ORDERS[order](xp.arange(24.0).reshape(2, 3, 4))


def layout(tensor: Any) -> Any:
    """Shape and strides; the stride of a dimension of size 1 says nothing."""
    return [(n, s) for n, s in zip(tensor.shape, tensor.stride()) if n > 1], tensor.is_contiguous()


@pytest.mark.parametrize("name", BINARY)
def test_elementwise(name: str) -> None:
    """An elementwise result lies as its inputs do, and as the first that can tell where they differ."""
    torch = pytest.importorskip("torch")
    for first, second in itertools.product(ORDERS, repeat=2):
        mine, theirs = (BINARY[name](xp, block(xp, first), block(xp, second)) for xp in (refgrad, torch))
        assert layout(mine) == layout(theirs), (first, second)
        assert mine.tolist() == theirs.tolist(), (first, second)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_in_rows(name: str) -> None:
    """What is reduced or accumulated lies in rows, however its input does."""
    torch = pytest.importorskip("torch")
    for order in ORDERS:
        if len(block(refgrad, order).shape) == 3:
            mine, theirs = (REDUCTIONS[name](block(xp, order)) for xp in (refgrad, torch))
            assert layout(mine) == layout(theirs), order


def test_view_of_a_mixed_result() -> None:
    """A result that does not lie in rows has no flat view, as in PyTorch."""
    x = refgrad.ones(3, 2).t() + refgrad.ones(2, 3)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(-1)
