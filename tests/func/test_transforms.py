"""Transforms of functions beside PyTorch's: each alone, and each inside each other."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest

import refgrad
from refgrad.engine.modes import modes
from tests.engine.live import attempt, live


@pytest.fixture(autouse=True, scope="module")
def _warned() -> None:
    """PyTorch's first dual tensor loads its decompositions, which warn of something else."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.func.jvp(torch.sin, (torch.ones(1),), (torch.ones(1),))


def values(tree: Any) -> Any:
    """The tensors of a tree out of any graph."""
    if isinstance(tree, dict):
        return {key: values(item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        return [values(item) for item in tree]
    return tree.detach() if hasattr(tree, "detach") else tree


def double(xp: Any, *numbers: float, requires_grad: bool = False) -> Any:
    return xp.tensor(list(numbers), dtype=xp.float64, requires_grad=requires_grad)


def derivatives(xp: Any) -> dict[str, Any]:
    """Four ways to the derivative of a function from vectors to vectors of their length, along ones."""
    f = xp.func
    return {
        "vjp": lambda fn: lambda x: f.vjp(fn, x)[1](xp.ones_like(x))[0],
        "jvp": lambda fn: lambda x: f.jvp(fn, (x,), (xp.ones_like(x),))[1],
        "jacrev": lambda fn: lambda x: f.jacrev(fn)(x).sum(0),
        "jacfwd": lambda fn: lambda x: f.jacfwd(fn)(x).sum(1),
        "grad": lambda fn: f.grad(lambda x: fn(x).sum()),
        "vmap": lambda fn: lambda x: f.vmap(fn)(xp.stack([x, 2 * x])).sum(0),
    }


@live
def test_compositions(xp: Any) -> Any:
    """Every transform inside every other, two and three deep, gives PyTorch's numbers."""
    x = double(xp, 0.5, 1.5, -0.25)
    ways = derivatives(xp)

    def fn(x: Any) -> Any:
        return x.exp() * x.sum() + x.tanh() ** 2

    pairs = {f"{a} {b}": ways[a](ways[b](fn))(x) for a, b in itertools.product(ways, repeat=2)}
    triples = {
        f"{a} {b} {c}": ways[a](ways[b](ways[c](fn)))(x) for a, b, c in itertools.permutations(("vjp", "jvp", "vmap"))
    }
    return values(pairs), values(triples)


@live
def test_saved_results_and_views(xp: Any) -> Any:
    """Nested gradients go through saved results, views, writes and indices."""
    f = xp.func

    def fn(x: Any) -> Any:
        y = x.clone()
        y[0] = x[1] * x[2]
        y[1:].mul_(x[0]).exp_()
        return (y.view(3, 1) @ y.view(1, 3)).sigmoid().diagonal().prod() + xp.cat([x, y.sqrt()]).logsumexp(0)

    x = double(xp, 0.5, 1.5, 0.25)
    return values(
        [f.grad(fn)(x), f.hessian(fn)(x), f.jacrev(f.jacrev(fn))(x), f.jacfwd(f.grad(fn))(x), f.jacrev(f.jacfwd(fn))(x)]
    )


@live
def test_the_graph_outside(xp: Any) -> Any:
    """What the transforms give is in the graph of captured tensors and of arguments, and differentiates."""
    f = xp.func
    w, x = double(xp, 2.0, 3.0, requires_grad=True), double(xp, 0.5, 1.5, requires_grad=True)
    results = [
        f.grad(lambda x: (x**2 * w).sum())(x),
        f.vjp(lambda x: x.exp() * w, x)[1](w)[0],
        f.jvp(lambda x: x.exp() * w, (x,), (w,))[1],
        f.jacrev(lambda x: x.tanh() * w)(x),
        f.jacfwd(lambda x: x.tanh() * w)(x),
        f.vmap(lambda x, w: (x * w).exp())(x, w),
    ]
    found = []
    for result in results:
        found.append([result.requires_grad, *xp.autograd.grad(result.sum(), [w, x], retain_graph=True)])
    return found, w.grad, x.grad


@live
def test_grad_mode(xp: Any) -> Any:
    """Each level has a grad mode of its own; inside the function it holds for all."""
    f = xp.func
    x = double(xp, 0.5, requires_grad=True)

    def constant(x: Any) -> Any:
        with xp.no_grad():
            c = x.exp()
        return (x * c).sum()

    with xp.no_grad():
        outside = [f.grad(lambda x: (x**3).sum())(x), f.grad(lambda x: f.grad(lambda x: (x**3).sum())(x).sum())(x)]
    inside = [f.grad(constant)(x), f.grad(lambda x: f.grad(constant)(x).sum())(x)]
    return [(values(r), r.requires_grad) for r in outside + inside], xp.is_grad_enabled()


@live
def test_vjp_function(xp: Any) -> Any:
    """The function that vjp gives may be called late, often, within other transforms, and within no_grad."""
    f = xp.func
    x = double(xp, 0.5, 1.5, requires_grad=True)
    value, pull = f.vjp(lambda x: {"a": x.exp(), "b": [x.sum()]}, x)
    v = {"a": double(xp, 1, 2), "b": [xp.tensor(3.0, dtype=xp.float64)]}
    (first,), (second,) = pull(v), pull(v)
    with xp.no_grad():
        (third,) = pull(v)
    rows = f.vmap(lambda a: pull({"a": a, "b": v["b"]})[0])(xp.eye(2, dtype=xp.float64))
    slope = f.grad(lambda s: pull({"a": v["a"] * s, "b": v["b"]})[0].sum())(xp.tensor(1.0, dtype=xp.float64))
    return values([value, first, second, third, rows, slope]), [t.requires_grad for t in (first, third, rows)]


@live
def test_aux_and_trees(xp: Any) -> Any:
    """Trees of arguments and outputs, auxiliary outputs and argnums keep their structure."""
    f = xp.func
    p, x = {"w": double(xp, 1, 2), "b": (double(xp, 3),)}, double(xp, 4, 5)

    def fn(p: Any, x: Any) -> Any:
        y = p["w"] * x + p["b"][0]
        return y, {"y": y * 2, "x": x}

    return values(
        [
            f.grad(lambda p, x: (fn(p, x)[0].sum(), fn(p, x)[1]), has_aux=True)(p, x),
            f.grad_and_value(lambda p, x: fn(p, x)[0].sum(), argnums=(0, 1))(p, x),
            f.vjp(fn, p, x, has_aux=True)[::2],
            f.jvp(fn, (p, x), (p, x), has_aux=True),
            f.jacrev(fn, argnums=1, has_aux=True)(p, x),
            f.jacfwd(lambda x, p: fn(p, x)[0])(x, p),
            f.jacrev(lambda p, x: fn(p, x)[0])(p, x),
            f.jacfwd(lambda x, y: (x, x.outer(y)), argnums=(0, 1))(x, x),
        ]
    )


@live
def test_errors(xp: Any) -> Any:
    """Misuse is told in PyTorch's words."""
    f = xp.func
    x, one = double(xp, 1, 2), xp.tensor(1.0)
    calls = [
        lambda: f.grad(lambda x: x)(x),
        lambda: f.grad(lambda x: 3.0)(one),
        lambda: f.grad(lambda x: x)(3.0),
        lambda: f.grad(lambda x: x)(xp.tensor(3)),
        lambda: f.grad(lambda x: x, argnums=1)(one),
        lambda: f.grad(lambda x: x, argnums=-2)(one),
        lambda: f.grad(lambda x: x, argnums=())(one),
        lambda: f.grad(lambda x: x, argnums=(0, 0))(one),
        lambda: f.grad(lambda x: x, argnums="a")(one),
        lambda: f.grad(lambda x: x, has_aux=True)(one),
        lambda: f.grad(lambda x: (x, "a"), has_aux=True)(one),
        lambda: f.vjp(lambda x: x.long(), one),
        lambda: f.vjp(lambda x: None, one),
        lambda: f.vjp(lambda x: 3, one),
        lambda: f.vjp(lambda x: (x, x), one)[1](one),
        lambda: f.vjp(lambda x: {"a": x}, one)[1]([one]),
        lambda: f.vjp(lambda x: x, one)[1](x),
        lambda: f.jvp(lambda x: x, one, one),
        lambda: f.jvp(lambda x: x, (one,), (one, one)),
        lambda: f.jvp(lambda x: x, (one,), (x,)),
        lambda: f.jvp(lambda x: x, (), ()),
        lambda: f.jvp(lambda x: 3, (one,), (one,)),
        lambda: f.jvp(lambda x: x, (2.0,), (2.0,)),
        lambda: f.jvp(lambda x: xp.ones(1), (one,), (one,), strict=True),
        lambda: f.jacrev(lambda x: x)(xp.tensor(1j)),
        lambda: f.jacfwd(lambda x: x * 1j)(one),
        lambda: f.jacrev(lambda x: x, chunk_size=0)(one),
        lambda: f.grad(lambda x: x.backward())(one),
        lambda: f.grad(lambda x: x.numpy())(one),
        lambda: f.grad(lambda x: x.add_(1))(one),
    ]
    return [attempt(call) for call in calls]


def test_level_leaves_nothing() -> None:
    """After a transform whose function raises, no layer is on, and grad mode is what it was."""
    for transform in (refgrad.func.grad, refgrad.func.vmap, lambda fn: lambda x: refgrad.func.jvp(fn, (x,), (x,))):
        with pytest.raises(ZeroDivisionError):
            transform(lambda x: 1 / 0)(refgrad.ones(1))
        assert modes.layers == ()
        assert modes.state == 1


@live
def test_views_in_place(xp: Any) -> Any:
    """A tensor that is turned in place inside a transform has its new shape outside, too, and a gradient of the old one."""
    x, found = xp.tensor([[1.0, 5.0, 2.0]]), []
    for turn in (lambda t: t.squeeze_(0), lambda t: t.unsqueeze_(0), lambda t: t.t_(), lambda t: t.transpose_(0, 1)):
        output, pull = xp.func.vjp(lambda x, turn=turn: turn(x * x), x)
        nested = xp.func.jacrev(lambda x, turn=turn: xp.func.grad(lambda x: (turn(x * x) ** 2).sum())(x))(x)
        found.append((output, pull(output), xp.func.jvp(lambda x, turn=turn: turn(x * x), (x,), (x,)), nested))
    return found
