"""The node of a custom Function: its two faces, and the fit of the gradients that pass through it."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refgrad
from refgrad.engine.function_node import expands_to
from refgrad.engine.graph import Node
from tests.engine.live import attempt, leaf, live

shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


def function(xp: Any, forward: Any, backward: Any = lambda ctx, *grads: grads[0], **members: Any) -> Any:
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


# faces ----------------------------------------------------------------------------------------------------------------


def test_a_node_shows_one_context() -> None:
    """While anyone holds a ctx the node shows that one; afterwards another, with the same attributes."""
    y = function(refgrad, lambda ctx, x: x * 1).apply(leaf(refgrad, 1.0))
    y.grad_fn.note = [1]
    held = y.grad_fn
    assert held is y.grad_fn
    note = held.note
    del held
    gc.collect()
    assert y.grad_fn.note is note


def test_a_context_keeps_its_node() -> None:
    """A ctx alone keeps its node, and so the graph above it, alive."""
    x = leaf(refgrad, 2.0)
    context = function(refgrad, lambda ctx, x: x * 1).apply(x * 3).grad_fn
    assert context.next_functions[0][0].next_functions[0][0].variable is x


# torch too calls a ctx by its ``apply``
@pytest.mark.parametrize("name", [n for n in Node.__slots__ if not n.startswith("_") and n != "apply"])
def test_engine_names_are_free(name: str) -> None:
    """What the engine notes on a node does not clash with what users note on its ctx."""

    def forward(ctx: Any, x: Any) -> Any:
        setattr(ctx, name, "mine")
        return x * 1

    x = leaf(refgrad, 1.0)
    y = function(refgrad, forward, lambda ctx, grad: grad if getattr(ctx, name) == "mine" else None).apply(x)
    (y * 2).backward()
    assert x.grad.item() == 2.0


@live
def test_attributes(xp: Any) -> Any:
    """A ctx can be read from outside, and its attributes set and deleted."""

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.a, ctx.b = 1, 2
        del ctx.a
        return x * 1

    node = function(xp, forward).apply(leaf(xp, 1.0)).grad_fn
    node.needs_input_grad = (5,)
    return [
        attempt(lambda: node.a),
        node.b,
        node.needs_input_grad,
        node.to_save,
        node.dirty_tensors,
        node.saved_tensors,
        type(node).__name__,
        node.metadata,
        attempt(lambda: node(xp.ones(()))),
        node.apply(xp.ones(())),
    ]


@live
def test_before_and_after(xp: Any) -> Any:
    """Inside forward a ctx knows its edges and has saved nothing yet; of an unrecorded call it knows no edges."""
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        seen.append((ctx.saved_tensors, len(ctx.next_functions), ctx.to_save, ctx.needs_input_grad, ctx.name()))
        return x * 1

    made = function(xp, forward)
    made.apply(leaf(xp, 1.0))
    made.apply(xp.ones(1))
    return seen


@live
def test_malformed_attributes(xp: Any) -> Any:
    """What the ctx's methods set must be a tuple of tensors, however it got there."""
    seen = []
    for name, value in (("to_save", 3), ("dirty_tensors", 3), ("non_differentiable", 3), ("dirty_tensors", (3,))):
        made = function(xp, lambda ctx, x, name=name, value=value: setattr(ctx, name, value) or x * 1)
        seen.append(attempt(lambda made=made: made.apply(leaf(xp, 1.0))))
    return seen


# gradients ------------------------------------------------------------------------------------------------------------


@given(shape=shapes, wide=shapes)
def test_expands_to(shape: tuple[int, ...], wide: tuple[int, ...]) -> None:
    """A shape expands to another just where NumPy broadcasts it there."""
    try:
        np.broadcast_to(np.zeros(shape), wide)
    except ValueError:
        assert not expands_to(shape, wide)
    else:
        assert expands_to(shape, wide)


@given(shape=shapes, wide=shapes)
def test_fit_on_both(shape: tuple[int, ...], wide: tuple[int, ...]) -> None:
    """A gradient of any shape is summed down, or refused, as PyTorch does it, recorded or not."""
    torch = pytest.importorskip("torch")

    def scene(xp: Any, create_graph: bool) -> Any:
        x = xp.ones(shape, requires_grad=True)
        y = function(xp, lambda ctx, x: x * 1, lambda ctx, grad: xp.ones(wide)).apply(x)
        return np.asarray(xp.autograd.grad(y.sum(), x, create_graph=create_graph)[0].numpy(force=True))

    for create_graph in (False, True):
        mine, theirs = (attempt(lambda xp=xp: scene(xp, create_graph)) for xp in (refgrad, torch))
        assert np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs


@pytest.mark.parametrize("given_dtype", ["float64", "float16", "int32", "bool", "complex64"])
@pytest.mark.parametrize("own_dtype", ["float32", "float64", "complex64", "complex128"])
def test_dtypes(own_dtype: str, given_dtype: str) -> None:
    """A gradient of any type is cast, or refused, as PyTorch does it."""

    def scene(xp: Any) -> Any:
        """A gradient of another type than its tensor's."""
        x = xp.ones(2, dtype=getattr(xp, own_dtype), requires_grad=True)
        made = function(xp, lambda ctx, x: x * 1, lambda ctx, grad: xp.ones(2, dtype=getattr(xp, given_dtype)))
        return xp.autograd.grad(made.apply(x), x, xp.ones(2, dtype=getattr(xp, own_dtype)))

    live(scene)()


@live
def test_none_everywhere(xp: Any) -> Any:
    """Undefined gradients flow as PyTorch has it: a Function runs on zeros or on None, ops pass None on."""
    seen: list[Any] = []

    def noted(name: str) -> Any:
        return function(xp, lambda ctx, x: x * 1, lambda ctx, grad: seen.append((name, grad)) or grad)

    def unmaterialised(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 1

    stop = function(xp, lambda ctx, x: x * 1, lambda ctx, grad: None)
    quiet = function(xp, unmaterialised, lambda ctx, grad: seen.append(("quiet", grad)) or grad)
    x, z = leaf(xp, 1.0), leaf(xp, 2.0)
    stop.apply(noted("a").apply(x) * 3).backward()
    stop.apply(quiet.apply(z) * 3).backward()
    return seen, x.grad, z.grad


@live
def test_saved_tensors_and_hooks(xp: Any) -> Any:
    """Saved inputs and outputs go through the hooks that are set, and come back with their place in the graph."""
    log: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(x, None, y)
        return y

    def backward(ctx: Any, grad: Any) -> Any:
        x, nothing, y = ctx.saved_tensors
        log.append((x.is_leaf, nothing, y.grad_fn))
        return grad * y

    x = leaf(xp, 1.0, dtype="float64")
    with xp.autograd.graph.saved_tensors_hooks(lambda t: t.detach() * 2, lambda t: t / 2):
        y = function(xp, forward, backward).apply(x)
    (first,) = xp.autograd.grad(y, x, create_graph=True)
    return log, first, xp.autograd.grad(first, x)
