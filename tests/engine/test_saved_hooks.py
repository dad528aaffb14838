"""Saved-tensor hooks: what PyTorch packs and unpacks, in its order; hooks that change nothing change nothing."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import refgrad
from tests.engine.live import attempt, leaf, live

UNARY = ["exp", "sin", "sigmoid", "tanh", "sqrt", "log", "reciprocal", "square", "relu", "abs", "cumsum", "softmax"]


def apply(x: Any, name: str) -> Any:
    """One op of a chain; inputs stay positive."""
    return getattr(x, name)(0) if name in ("cumsum", "softmax") else getattr(x.abs() + 0.5, name)()


def hooks(xp: Any, pack: Any, unpack: Any = lambda tensor: tensor) -> Any:
    return xp.autograd.graph.saved_tensors_hooks(pack, unpack)


def watched(xp: Any, calls: list[Any]) -> Any:
    """Hooks that note what they are given."""

    def pack(tensor: Any) -> Any:
        calls.append(("pack", tensor, xp.is_grad_enabled(), tensor.is_leaf))
        return tensor

    def unpack(tensor: Any) -> Any:
        calls.append(("unpack", tensor, xp.is_grad_enabled()))
        return tensor

    return hooks(xp, pack, unpack)


@live
def test_what_is_packed(xp: Any) -> Any:
    """Operands and results are packed as they are, in grad mode off; unpacked in the mode of the pass."""
    calls: list[Any] = []
    x = leaf(xp, 2.0, 3.0)
    with watched(xp, calls):
        y = (x * x).exp() / x
    (first,) = xp.autograd.grad(y.sum(), x, create_graph=True)
    first.sum().backward()
    return calls, first, x.grad


@live
def test_in_place(xp: Any) -> Any:
    """An op in place packs what it saved: the old value for a product, the new one for a square root."""
    calls: list[Any] = []
    x = leaf(xp, 2.0, 3.0)
    with watched(xp, calls):
        y = x * 1
        y.mul_(x)
        y.sqrt_()
        y[:1].exp_()
    y.sum().backward()
    return [(call[0], call[1].detach()) for call in calls], x.grad


@live
def test_same_object(xp: Any) -> Any:
    """An operand is packed as the very object it is; what comes back has its place in the graph."""
    x = leaf(xp, 2.0)
    same: list[bool] = []
    with hooks(xp, lambda tensor: same.append(tensor is x) or tensor.detach()):
        y = x * x
    saved = y.grad_fn._saved_self
    return same, saved is x, saved.requires_grad, saved.is_leaf, xp.autograd.grad(y, x, create_graph=True)


@live
def test_errors_of_hooks(xp: Any) -> Any:
    """Errors in hooks come out where the hooks run: pack in the forward, unpack in the backward and at a read."""

    def fail(tensor: Any) -> Any:
        raise ValueError("boom")

    x = leaf(xp, 2.0)
    with hooks(xp, fail):
        packing = attempt(lambda: x.exp())
    with hooks(xp, lambda tensor: tensor, fail):
        y = x.exp()
    with hooks(xp, lambda tensor: tensor, lambda tensor: None):
        z = x.exp()
    return packing, attempt(y.backward), attempt(lambda: y.grad_fn._saved_result), attempt(z.backward)


@live
def test_disabled(xp: Any) -> Any:
    """Disabling refuses new hooks, and is refused where hooks are set; nested, the inner message holds."""
    graph = xp.autograd.graph

    def enter(outer: Any, inner: Any) -> Any:
        with outer, inner:
            return "entered"

    return [
        attempt(lambda: enter(graph.disable_saved_tensors_hooks("no"), graph.save_on_cpu())),
        attempt(lambda: enter(graph.save_on_cpu(), graph.disable_saved_tensors_hooks("no"))),
        attempt(lambda: enter(graph.disable_saved_tensors_hooks("a"), graph.disable_saved_tensors_hooks("b"))),
        attempt(lambda: enter(graph.save_on_cpu(), graph.save_on_cpu())),
        attempt(lambda: enter(hooks(xp, 1, 2), graph.save_on_cpu())),
    ]


@live
def test_raw_saved(xp: Any) -> Any:
    """Hooks on one saved value: shown detached, once only, never after freeing, never on nothing."""
    x = leaf(xp, 2.0, 3.0)
    seen: list[Any] = []
    y, c = x * x, x * xp.ones(2)
    y.grad_fn._raw_saved_self.register_hooks(
        lambda tensor: (seen.append(tensor), tensor * 1)[1], lambda tensor: tensor * 10
    )
    e = x.exp()
    e.grad_fn._raw_saved_result.register_hooks(lambda tensor: tensor.clone(), lambda tensor: tensor * 2)
    nothing = attempt(lambda: c.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t))
    raw = y.grad_fn._raw_saved_other
    again = attempt(lambda: y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t))
    (y.sum() + e.sum()).backward()
    freed = attempt(lambda: raw.register_hooks(lambda t: t, lambda t: t)), attempt(raw.unpack)
    return seen, nothing, again, freed, x.grad


@live
def test_writes_to_saved_tensors(xp: Any) -> Any:
    """allow_mutation_on_saved_tensors clones what a write would change, and only inside."""
    x = leaf(xp, 1.0, 2.0)
    allow = xp.autograd.graph.allow_mutation_on_saved_tensors
    with allow():
        h = x * 1
        y = (h**2).sum() + h.exp().sum()
        h.mul_(10)
        e = x.exp()
        e.zero_()
        y.backward()
        e.sum().backward(retain_graph=True)
        z = (x * 1) ** 2
        nested = attempt(lambda: allow().__enter__())
    return x.grad, nested, attempt(z.sum().backward)


def test_packed_values_are_let_go() -> None:
    """A hook that keeps an array alone lets the tensor it packed die at once, without the garbage collector."""
    x = refgrad.ones(3, requires_grad=True)
    gc.disable()
    try:
        with hooks(refgrad, lambda tensor: tensor.detach().numpy().copy(), refgrad.tensor):
            h = x * 2
            alive = weakref.ref(h)
            y = (h * h).sum()
            del h
        assert alive() is None
    finally:
        gc.enable()
    y.backward()
    assert x.grad.tolist() == [8.0, 8.0, 8.0]


@given(st.lists(st.sampled_from(UNARY), min_size=1, max_size=6))
def test_identity(names: list[str]) -> None:
    """Hooks that give back what they were given change no gradient, nor a second one, by a bit."""

    def derivatives(copies: bool) -> list[Any]:
        x = refgrad.tensor([0.3, 1.1, 2.0], dtype=refgrad.float64, requires_grad=True)
        with hooks(refgrad, lambda tensor: tensor.clone() if copies else tensor):
            y = x
            for name in names:
                y = apply(y, name)
        (first,) = refgrad.autograd.grad((y * x).sum(), x, create_graph=True)
        (second,) = refgrad.autograd.grad((first * first).sum(), x)
        return [first.detach().numpy(), second.numpy()]

    for kept, copied in zip(derivatives(False), derivatives(True)):
        assert np.array_equal(kept, copied, equal_nan=True)
