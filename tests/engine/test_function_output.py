"""The results of a custom Function: what becomes of inputs, views and tensors written to, on both libraries."""

from __future__ import annotations

from typing import Any

import pytest

import refgrad
from tests.engine.live import attempt, leaf, live, observe, same

# How a forward can make its result of its input x, of a leaf w that requires grad, and of its ctx.
FORWARDS: dict[str, Any] = {
    "new": lambda ctx, x, w: x * 1,
    "input": lambda ctx, x, w: x,
    "both inputs": lambda ctx, x, w: (x, w),
    "input twice": lambda ctx, x, w: (x, x),
    "view": lambda ctx, x, w: x.view(-1),
    "slice": lambda ctx, x, w: x[:1],
    "two views": lambda ctx, x, w: (x[:1], x[1:]),
    "view and new": lambda ctx, x, w: (x.view(-1), x * 2),
    "view of new": lambda ctx, x, w: (x * 1).view(-1),
    "detached": lambda ctx, x, w: x.detach(),
    "data": lambda ctx, x, w: x.data,
    "written": lambda ctx, x, w: x.mul_(2),
    "dirty": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), x)[1],
    "dirty and new": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), (x, x * 2))[1],
    "dirty second": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), (x * 2, x))[1],
    "dirty twice": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), (x, x))[1],
    "dirty and a number": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), (x, 5))[1],
    "dirty, not returned": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), x * 1)[1],
    "dirty, not an input": lambda ctx, x, w: (ctx.mark_dirty(y := x * 2), y)[1],
    "dirty view, not an input": lambda ctx, x, w: (ctx.mark_dirty(y := (x * 2)[:1]), y)[1],
    "dirty, constant": lambda ctx, x, w: (ctx.mark_dirty(x.mul_(2)), ctx.mark_non_differentiable(x), x)[2],
    "constant": lambda ctx, x, w: (y := x * 1, ctx.mark_non_differentiable(y))[0],
    "constant input": lambda ctx, x, w: (ctx.mark_non_differentiable(x), x)[1],
    "constant view": lambda ctx, x, w: (y := x.view(-1), ctx.mark_non_differentiable(y))[0],
    "constant view and new": lambda ctx, x, w: ((y := x.view(-1), x * 2), ctx.mark_non_differentiable(y))[0],
    "leaf": lambda ctx, x, w: w,
    "integers": lambda ctx, x, w: (x.long(), x * 1),
    "transposed in place": lambda ctx, x, w: (ctx.mark_dirty(x.t_()), x)[1],
}
INPUTS: dict[str, Any] = {
    "leaf": lambda xp: leaf(xp, 1.0, 2.0),
    "result": lambda xp: leaf(xp, 1.0, 2.0) * 1,
    "constant": lambda xp: leaf(xp, 1.0, 2.0, requires_grad=False),
    "view": lambda xp: (leaf(xp, 1.0, 2.0, 3.0) * 1)[:2],
    "view of a leaf": lambda xp: leaf(xp, 1.0, 2.0, 3.0)[:2],
    "view of a constant": lambda xp: leaf(xp, 1.0, 2.0, 3.0, requires_grad=False)[:2],
    "one of several": lambda xp: (leaf(xp, [1.0, 2.0], [3.0, 4.0]) * 1).unbind()[0],
}


def described(t: Any, x: Any, w: Any) -> Any:
    """What can be seen of a result."""
    if not hasattr(t, "_is_view"):
        return t
    shown = attempt(lambda: (t.is_leaf, t.grad_fn, t.output_nr))
    family = (t is x, t is w, t._is_view(), t._base is x, t._base is x._base, t._version)
    return [t.requires_grad, shown, family, t.detach()]


def scene(forward: Any, make: Any, recorded: bool, after: Any) -> Any:
    """One call: its results, and what a write after it does."""

    def run(xp: Any) -> Any:
        """What becomes of a result is what becomes of it on PyTorch."""
        methods = {"forward": staticmethod(forward), "backward": staticmethod(lambda ctx, *grads: (None, None))}
        x, w = make(xp), leaf(xp, 3.0, 4.0)
        with xp.set_grad_enabled(recorded):
            y = type("F", (xp.autograd.Function,), methods).apply(x, w)
        outputs = y if isinstance(y, tuple) else (y,)
        seen = [described(t, x, w) for t in outputs]
        change = attempt(lambda: after(xp, outputs[0], x).detach())
        return seen, change, [attempt(lambda t=t: described(t, x, w)) for t in (*outputs, x)]

    return run


AFTER: dict[str, Any] = {
    "result": lambda xp, y, x: y.mul_(2),
    "input": lambda xp, y, x: x.mul_(3),
    "view of the result": lambda xp, y, x: y[:1].mul_(2),
    "sum": lambda xp, y, x: (y * 1).sum(),
}


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "no_grad"])
@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_results(forward: Any, make: Any, recorded: bool) -> None:
    """Whatever forward returns, of whatever input, shows on refgrad what it shows on PyTorch, after a write too."""
    torch = pytest.importorskip("torch")
    for name, after in AFTER.items():
        run = scene(forward, make, recorded, after)
        mine, theirs = observe(refgrad, run), observe(torch, run)
        assert same(mine, theirs), f"{name}\n  refgrad: {mine}\n  torch:   {theirs}"


@live
def test_write_into_a_view_that_is_no_first_argument(xp: Any) -> Any:
    """PyTorch sends the first argument's gradient into the written window, whichever argument the view was."""

    def forward(ctx: Any, w: Any, x: Any) -> Any:
        x.mul_(w)
        ctx.mark_dirty(x)
        return x

    backward = staticmethod(lambda ctx, grad: (grad.sum() * 100, grad * 3))
    made = type("F", (xp.autograd.Function,), {"forward": staticmethod(forward), "backward": backward})
    x, w = leaf(xp, 1.0, 2.0, 3.0), leaf(xp, 3.0)
    h = x * 1
    made.apply(w, h[:2])
    (h * h).sum().backward()
    return x.grad, w.grad, h


@live
def test_hooks_of_a_written_tensor(xp: Any) -> Any:
    """retain_grad moves to the new history, hooks stay with the old."""
    log: list[Any] = []
    members = {"forward": staticmethod(FORWARDS["dirty"]), "backward": staticmethod(lambda ctx, grad: (grad * 2, None))}
    x = leaf(xp, 1.0, 2.0)
    h = x * 1
    h.retain_grad()
    h.register_hook(lambda grad: log.append(grad))
    type("F", (xp.autograd.Function,), members).apply(h, x)
    h.register_hook(lambda grad: log.append(grad * 10))
    h.sum().backward()
    return log, h.grad, x.grad
