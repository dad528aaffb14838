"""Custom Functions under forward mode, and under transforms of transforms, on both libraries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import refgrad
from tests.engine.live import leaf, observe, same

# functions with all their derivatives ---------------------------------------------------------------------------------


PLAIN: dict[str, Any] = {"cube": lambda x: x**3, "exp": lambda x: x.exp(), "sin": lambda x: x.sin()}


def rules(xp: Any, name: str) -> Any:
    """A function from a tensor to a tensor of its shape, with hand-written derivatives of every kind."""

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        kept = (output,) if name == "exp" else inputs
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)

    def derivative(ctx: Any, direction: Any) -> Any:
        (kept,) = ctx.saved_tensors
        return direction * {"cube": lambda: 3 * kept**2, "exp": lambda: kept, "sin": lambda: kept.cos()}[name]()

    methods = {"forward": PLAIN[name], "setup_context": keep, "backward": derivative, "jvp": derivative}
    static = {key: staticmethod(each) for key, each in methods.items()}
    return type("F", (xp.autograd.Function,), {**static, "generate_vmap_rule": True}).apply


def product(xp: Any) -> Any:
    """A product of two tensors, and a constant beside it."""

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)
        ctx.mark_non_differentiable(output[1])

    def backward(ctx: Any, grad: Any, nothing: Any) -> Any:
        x, w = ctx.saved_tensors
        return grad * w, grad * x

    def jvp(ctx: Any, dx: Any, dw: Any) -> Any:
        x, w = ctx.saved_tensors
        return dx * w + x * dw, None

    methods = {"forward": lambda x, w: (x * w, x + w), "setup_context": keep, "backward": backward, "jvp": jvp}
    static = {key: staticmethod(each) for key, each in methods.items()}
    made = type("F", (xp.autograd.Function,), {**static, "generate_vmap_rule": True})
    return lambda x, w: made.apply(x, w)[0]


TRANSFORMS: dict[str, Any] = {
    "grad": lambda xp, f: lambda x: xp.func.grad(lambda z: f(z).sum())(x),
    "vjp": lambda xp, f: lambda x: xp.func.vjp(f, x)[1](x * 0.5)[0],
    "jvp": lambda xp, f: lambda x: xp.func.jvp(f, (x,), (x * 0.5,))[1],
    "vmap": lambda xp, f: lambda x: xp.func.vmap(f)(x),
    "jacrev": lambda xp, f: lambda x: xp.func.jacrev(f)(x).sum(0),
    "jacfwd": lambda xp, f: lambda x: xp.func.jacfwd(f)(x).sum(0),
    "after": lambda xp, f: lambda x: f(x) * x,
    "before": lambda xp, f: lambda x: f(x * 0.5),
}


def agree(scene: Any) -> None:
    """Both libraries give or raise the same; what torch warns of its own compiler does not count."""
    torch = pytest.importorskip("torch")
    mine, theirs = observe(refgrad, scene)["outcome"], observe(torch, scene)["outcome"]
    assert same(mine, theirs), f"\n  refgrad: {mine}\n  torch:   {theirs}"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(PLAIN)),
    transforms=st.lists(st.sampled_from(list(TRANSFORMS)), min_size=1, max_size=4),
)
def test_nested(name: str, transforms: list[str]) -> None:
    """Transforms of transforms of a Function give what they give on PyTorch for the op that it stands for.

    PyTorch's own jvp of a jvp of a Function is zero.
    """
    torch = pytest.importorskip("torch")

    def run(xp: Any, f: Any) -> Any:
        for each in transforms:
            f = TRANSFORMS[each](xp, f)
        return f(xp.tensor([0.3, 1.2], dtype=xp.float64))

    assume(transforms.count("vmap") < 2)  # there is one dimension to batch
    mine = observe(refgrad, lambda xp: run(xp, rules(xp, name)))["outcome"]
    theirs = observe(torch, lambda xp: run(xp, PLAIN[name]))["outcome"]
    assert same(mine, theirs), f"\n  refgrad: {mine}\n  torch:   {theirs}"


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)], ids=str)
def test_several_arguments(argnums: Any) -> None:
    """Each argument's derivative is its own, with respect to some or all."""

    def scene(xp: Any) -> Any:
        f = product(xp)
        x, w = xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0])
        first = xp.func.grad(lambda x, w: f(x, w).sum(), argnums=argnums)(x, w)
        pushed = xp.func.jvp(f, (x, w), (w, x))
        return first, pushed, xp.func.vmap(f, in_dims=(0, None))(x, w), xp.func.hessian(lambda x: f(x, x).sum())(x)

    agree(scene)


def test_recorded_outside() -> None:
    """A transform's result is part of the graph that is recorded outside it."""

    def scene(xp: Any) -> Any:
        x = leaf(xp, 0.3, 1.2)
        y = xp.func.grad(lambda z: rules(xp, "cube")(z).sum())(x)
        y.sum().backward()
        return y.detach(), x.grad

    agree(scene)


def test_a_tangent_is_recorded() -> None:
    """In forward mode jvp runs in grad mode: its tangent can be run backward."""

    def scene(xp: Any) -> Any:
        forward_ad, x = xp.autograd.forward_ad, leaf(xp, 0.3, 1.2)
        with forward_ad.dual_level():
            tangent = forward_ad.unpack_dual(rules(xp, "cube")(forward_ad.make_dual(x, xp.ones(2)))).tangent
            return tangent, xp.autograd.grad(tangent.sum(), x)

    agree(scene)


RETURNS: dict[str, Any] = {
    "a view": lambda xp, t: t.view_as(t),
    "itself": lambda xp, t: t,
    "new": lambda xp, t: t * 2,
    "written": lambda xp, t: t.mul_(2),
    "another shape": lambda xp, t: xp.ones(3),
    "another type": lambda xp, t: t.double(),
    "two": lambda xp, t: (t, t),
    "a number": lambda xp, t: 3.0,
}
FORWARDS: dict[str, Any] = {
    "new": lambda ctx, x: x * 2,
    "view": lambda ctx, x: x.view_as(x),
    "input": lambda ctx, x: x,
    "dirty": lambda ctx, x: (ctx.mark_dirty(x.mul_(2)), x)[1],
    "two": lambda ctx, x: (x * 2, 5),
}


@pytest.mark.parametrize("returned", RETURNS.values(), ids=RETURNS)
@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_what_jvp_gives(forward: Any, returned: Any) -> None:
    """Whatever jvp gives is taken, or refused, as PyTorch does it."""

    def scene(xp: Any) -> Any:
        forward_ad = xp.autograd.forward_ad
        methods = {"forward": staticmethod(forward), "jvp": staticmethod(lambda ctx, t: returned(xp, t))}
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(leaf(xp, 1.0, 2.0, requires_grad=False), xp.ones(2))
            result = type("F", (xp.autograd.Function,), methods).apply(dual)
            result = result[0] if isinstance(result, tuple) else result
            return list(forward_ad.unpack_dual(result))

    agree(scene)
