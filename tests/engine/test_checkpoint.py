"""Checkpointing: the same gradients, recomputed as PyTorch recomputes them, and its errors."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refgrad
from refgrad.utils.checkpoint import checkpoint
from tests.engine.live import attempt, leaf, live

UNARY = ["exp", "sin", "sigmoid", "tanh", "cos", "square", "cumsum", "softmax"]


def run(xp: Any, function: Any, *args: Any, use_reentrant: bool = False, **options: Any) -> Any:
    return xp.utils.checkpoint.checkpoint(function, *args, use_reentrant=use_reentrant, **options)


@live
def test_calls(xp: Any) -> Any:
    """How often a function is called: once, and once more for each pass that needs what it saved."""
    calls: list[str] = []
    x = leaf(xp, 1.0, 2.0)

    def noted(name: str, function: Any) -> Any:
        return lambda t: (calls.append(name), function(t))[1]

    y = run(xp, noted("saves", lambda t: t.exp()), x)
    z = run(xp, noted("saves nothing", lambda t: t + 1), x)
    w = run(xp, noted("reentrant", lambda t: t.exp()), x, use_reentrant=True)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    z.sum().backward()
    w.sum().backward()
    return calls, x.grad


@live
def test_outputs(xp: Any) -> Any:
    """Functions of several inputs and outputs, with values among them that are no tensors."""
    x, y = leaf(xp, 1.0, 2.0), leaf(xp, 3.0, 4.0)

    def function(a: Any, k: Any, b: Any) -> Any:
        return a * b * k, (a + b).exp(), b.detach()

    seen = []
    for use_reentrant in (False, True):
        first, second, third = run(xp, function, x, 3, y, use_reentrant=use_reentrant)
        (first.sum() + second.sum()).backward()
        seen += [first, second, third, x.grad.clone(), y.grad.clone()]
    return [t.detach() for t in seen], [t.requires_grad for t in seen]


@live
def test_nested(xp: Any) -> Any:
    """An inner checkpoint is recomputed within the outer one's recomputation."""
    calls: list[str] = []
    x = leaf(xp, 1.0)

    def inner(t: Any) -> Any:
        calls.append("inner")
        return t.exp().sin()

    def outer(t: Any) -> Any:
        calls.append("outer")
        return run(xp, inner, t.cos()).exp()

    run(xp, outer, x).backward()
    return calls, x.grad


@live
def test_backward_inside(xp: Any) -> Any:
    """A backward pass within the function itself."""
    x = leaf(xp, 1.0)

    def function(t: Any) -> Any:
        y = t.sin()
        (inner,) = xp.autograd.grad(y.cos(), t, retain_graph=True)
        return y.exp() * inner

    y = run(xp, function, x)
    y.backward()
    return y, x.grad


@live
def test_contexts(xp: Any) -> Any:
    """context_fn gives what is entered around the forward and around the recomputation."""
    calls: list[str] = []

    @contextlib.contextmanager
    def noting(name: str) -> Any:
        calls.append(f"enter {name}")
        yield
        calls.append(f"leave {name}")

    x = leaf(xp, 1.0)
    y = run(xp, lambda t: t.exp().sin(), x, context_fn=lambda: (noting("forward"), noting("again")), early_stop=False)
    y.backward()
    return calls, x.grad


@live
def test_wrong_arguments(xp: Any) -> Any:
    """Arguments that a variant does not take."""
    x, pair = leaf(xp, 1.0), lambda: (contextlib.nullcontext(), contextlib.nullcontext())
    return [
        attempt(lambda: run(xp, lambda t: t, x, use_reentrant=True, k=1)),
        attempt(lambda: run(xp, lambda t: t, x, use_reentrant=True, context_fn=pair)),
        attempt(lambda: run(xp, lambda t: t, x, use_reentrant=True, debug=True)),
        attempt(lambda: run(xp, lambda t: t, x, determinism_check="some")),
        attempt(lambda: run(xp, lambda t: t.detach(), x, use_reentrant=True).backward()),
        attempt(lambda: xp.utils.checkpoint.detach_variable([x])),
        attempt(lambda: xp.utils.checkpoint.checkpoint_sequential([xp.sin], 1, x, use_reentrant=False, k=1)),
    ]


@live
def test_variant_not_said(xp: Any) -> Any:
    """Without use_reentrant the old variant runs, with a warning."""
    x = leaf(xp, 1.0)
    y = xp.utils.checkpoint.checkpoint(xp.exp, x)
    z = xp.utils.checkpoint.checkpoint_sequential([xp.sin, xp.cos], 2, x)
    return y.grad_fn.name(), z.grad_fn.name()


@live
def test_restricted_passes(xp: Any) -> Any:
    """The reentrant variant runs in unrestricted passes only, however deep."""
    x = leaf(xp, 1.0)
    y = run(xp, lambda t: t.exp(), x, use_reentrant=True)
    z = run(xp, lambda t: run(xp, lambda u: u.exp(), t, use_reentrant=True), x, use_reentrant=True)
    z.backward()
    return attempt(lambda: xp.autograd.grad(y, x, retain_graph=True)), attempt(lambda: y.backward(inputs=[x])), x.grad


@live
def test_sequential(xp: Any) -> Any:
    """All segments but the last are checkpointed."""
    calls: list[int] = []
    x = leaf(xp, 0.3)
    functions = [lambda t, i=i: (calls.append(i), t.sin())[1] for i in range(5)]
    y = xp.utils.checkpoint.checkpoint_sequential(functions, 2, x, use_reentrant=False)
    y.backward()
    return calls, x.grad


@pytest.mark.parametrize(
    ("sizes", "text"),
    [([2, 3], "different metadata"), ([3, 2], "different metadata")],
    ids=["more", "fewer"],
)
def test_other_shapes(sizes: list[int], text: str) -> None:
    """A recomputation of other shapes is an error, unless the check is off."""
    from refgrad.utils.checkpoint import CheckpointError

    x = refgrad.ones(1, requires_grad=True)
    left = list(sizes)
    y = checkpoint(lambda t: (t.expand(left.pop(0)) * 1).exp().sum(), x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=text):
        y.backward()


@given(st.lists(st.sampled_from(UNARY), min_size=1, max_size=6), st.booleans())
def test_same_gradient(names: list[str], use_reentrant: bool) -> None:
    """A checkpointed chain has the gradient of the chain, to the bit."""

    def chain(x: Any) -> Any:
        for name in names:
            x = getattr(x, name)(0) if name in ("cumsum", "softmax") else getattr(x, name)()
        return x

    plain = refgrad.tensor([0.3, 0.5, 0.7], dtype=refgrad.float64, requires_grad=True)
    chain(plain).sum().backward()
    x = refgrad.tensor([0.3, 0.5, 0.7], dtype=refgrad.float64, requires_grad=True)
    checkpoint(chain, x, use_reentrant=use_reentrant).sum().backward()
    assert np.array_equal(x.grad.numpy(), plain.grad.numpy(), equal_nan=True)
