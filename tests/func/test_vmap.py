"""vmap beside PyTorch's: where batches lie, what may be returned, and what is refused."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import refgrad
from tests.engine.live import attempt, live


@live
def test_dims(xp: Any) -> Any:
    """in_dims and out_dims, nested and negative, put batches where PyTorch puts them."""
    f = xp.func.vmap
    a, b = xp.arange(24.0).view(2, 3, 4), xp.arange(6.0).view(3, 2)
    return [
        f(lambda x: x * 2)(a),
        f(lambda x: x.sum(0), in_dims=1, out_dims=-1)(a),
        f(lambda x: x, in_dims=-1, out_dims=1)(a),
        f(lambda x, y: x + y, in_dims=(0, 1))(a[:, 0, :1], b),
        f(lambda x, y: x * y, in_dims=(None, 0))(b, xp.ones(3, 2)[:, :1]),
        f(lambda d, k: {"s": d["p"] + k, "t": (d["q"],)}, in_dims=({"p": 0, "q": None}, None))({"p": b, "q": b}, 2),
        f(lambda x: (x, x.sum()), out_dims=(1, 0))(b),
        f(lambda x: (x, 3), out_dims=(0, None))(b),
        f(f(lambda x: x.sum()), in_dims=2)(a),
        f(lambda x: x.sum())(xp.ones(0, 3)),
        f(lambda x: xp.ones(2))(b),
    ]


@live
def test_refused(xp: Any) -> Any:
    """Arguments and outputs that do not fit are told in PyTorch's words."""
    f = xp.func.vmap
    x = xp.ones(2, 3)
    calls = [
        lambda: f(lambda x: x, in_dims=3)(x),
        lambda: f(lambda x: x, in_dims=None)(x),
        lambda: f(lambda x: x, in_dims="a")(x),
        lambda: f(lambda x: x, in_dims=(0, 0))(x),
        lambda: f(lambda x: x, in_dims=([0],))(x),
        lambda: f(lambda x: x, in_dims=(1.5,))(x),
        lambda: f(lambda x: x, in_dims=(None,))(x),
        lambda: f(lambda: 1)(),
        lambda: f(lambda x, y: x)(x, 2.0),
        lambda: f(lambda x, y: x)(x, xp.ones(3)),
        lambda: f(lambda x: 3.0)(x),
        lambda: f(lambda x: (x, x), out_dims=(0, 1, 2))(x),
        lambda: f(lambda x: x, out_dims=(0, 1))(x),
        lambda: f(lambda x: x, out_dims="a")(x),
        lambda: f(lambda x: x, out_dims=None)(x),
        lambda: f(lambda x: x, out_dims=5)(x),
        lambda: f(lambda x: x, randomness="b")(x),
        lambda: f(lambda x: x, chunk_size=0)(x),
        lambda: f(lambda x: x.sum().item())(x),
        lambda: f(lambda x: float(x.sum()))(x),
        lambda: f(lambda x: x if x.sum() > 0 else -x)(x),
        lambda: f(lambda x: x.numpy())(x),
        lambda: f(lambda x: x + xp.rand(3))(x),
        lambda: f(lambda x: xp.zeros(3).add_(x))(x),
        lambda: f(lambda x: xp.zeros(3).copy_(x))(x),
        lambda: f(lambda x: x.requires_grad_())(x),
    ]
    return [attempt(call) for call in calls]


@live
def test_allowed(xp: Any) -> Any:
    """A tensor made in the likeness of an example may be written to, and a constant may be looked at."""
    f = xp.func.vmap
    x = xp.arange(6.0).view(2, 3)
    return [
        f(lambda x: x.new_zeros(3).add_(x))(x),
        f(lambda x: xp.zeros_like(x).copy_(x).mul_(2))(x),
        f(lambda x: x * xp.ones(()).item())(x),
        f(lambda x: x.clone().add_(1))(x),
        f(lambda x: x[xp.tensor([2, 0])])(x),
    ]


@live
def test_randomness(xp: Any) -> Any:
    """Random numbers are PyTorch's: the same for all examples, or drawn one after the other."""
    found = []
    for randomness in ("same", "different"):
        xp.manual_seed(3)
        found.append(xp.func.vmap(lambda x: x + xp.rand(2), randomness=randomness)(xp.zeros(3, 2)))
        found.append(xp.rand(2))
    return found


@given(st.integers(1, 5), st.integers(1, 4), st.sampled_from([0, 1, -1]))
def test_is_a_loop(size: int, length: int, dim: int) -> None:
    """vmap of a function is the function of each example, stacked."""
    x = refgrad.rand(size, length)
    mapped = refgrad.func.vmap(lambda row: row.sin() * row.sum(), in_dims=dim, out_dims=dim)(x)
    looped = refgrad.stack([row.sin() * row.sum() for row in x.unbind(dim)], dim)
    assert refgrad.equal(mapped, looped)
