"""Products with Jacobians and Hessians beside PyTorch's, errors included."""

from __future__ import annotations

import itertools
from typing import Any

from tests.engine.live import attempt, live


def double(xp: Any, *values: float, requires_grad: bool = False) -> Any:
    return xp.tensor(list(values), dtype=xp.float64, requires_grad=requires_grad)


@live
def test_products(xp: Any) -> Any:
    """All four products, for one input and for two, with and without a graph, are PyTorch's."""
    af = xp.autograd.functional
    x, y = double(xp, 1, 2), double(xp, 3, 4, requires_grad=True)
    found: list[Any] = []
    for name, graph in itertools.product(("vjp", "jvp", "hvp", "vhp"), (False, True)):
        product = getattr(af, name)
        one = None if name == "vjp" else y * 0 + 1
        found.append([name, graph, product(lambda x: (x**3).sum() + x.prod(), y, one, create_graph=graph)[1].detach()])
        two = None if name == "vjp" else (x, y * 2)
        value, pair = product(lambda x, y: (x * y).sum() ** 2, (x, y), two, create_graph=graph)
        found.append([value.detach(), [p.detach() for p in pair], [p.requires_grad for p in pair], value.requires_grad])
    return found


@live
def test_several_outputs(xp: Any) -> Any:
    """A tuple of outputs takes a tuple of vectors."""
    af = xp.autograd.functional
    x, v = double(xp, 1, 2), double(xp, 1, -1)
    fn = lambda x: (x**2, x.sum())  # noqa: E731
    return af.vjp(fn, x, (v, double(xp, 5)[0])), af.jvp(fn, x, v), af.jacobian(fn, x)


@live
def test_matrices(xp: Any) -> Any:
    """Jacobians and Hessians of several inputs and outputs, by every strategy, are PyTorch's."""
    af = xp.autograd.functional
    x, y = double(xp, 1, 2), double(xp, 3)
    ways: list[dict[str, Any]] = [{}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}]
    jacobians = [af.jacobian(lambda x, y: (x.outer(y), x.sum() * y), (x, y), **way) for way in ways]
    outer: list[dict[str, Any]] = [
        {},
        {"vectorize": True},
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
    ]
    hessians = [af.hessian(lambda x, y: (x.exp() * y).sum(), (x, y), **way) for way in outer]
    return jacobians, [[[block.detach() for block in row] for row in rows] for rows in hessians]


@live
def test_shapes(xp: Any) -> Any:
    """Numbers, matrices and empty tensors have Jacobians of the output's shape and the input's."""
    af = xp.autograd.functional
    cases = [(xp.tensor(2.0), lambda x: x**2), (xp.ones(2, 2), lambda x: x @ x), (xp.ones(2), lambda x: x.sum())]
    return [af.jacobian(fn, x) for x, fn in cases], af.hessian(lambda x: x**3, xp.tensor(2.0))


@live
def test_create_graph(xp: Any) -> Any:
    """With create_graph a matrix can be differentiated for the input."""
    af = xp.autograd.functional
    x = double(xp, 1, 2, requires_grad=True)
    jacobian = af.jacobian(lambda x: x.exp() * x.sum(), x, create_graph=True)
    hessian = af.hessian(lambda x: (x**4).sum(), x, create_graph=True)
    return xp.autograd.grad(jacobian.sum() + hessian.sum(), x), x.grad


@live
def test_strict(xp: Any) -> Any:
    """Strict mode refuses what is independent, with PyTorch's words at each stage."""
    af = xp.autograd.functional
    x, v = double(xp, 1, 2), double(xp, 1, 1)
    linear, constant, part = (lambda x: x * 2), (lambda x: xp.ones(2)), (lambda x, y: x**2)
    calls = [
        lambda: af.vjp(constant, x, v, strict=True),
        lambda: af.vjp(part, (x, x), v, strict=True),
        lambda: af.vjp(linear, x, v, strict=True, create_graph=True),
        lambda: af.jvp(constant, x, v, strict=True),
        lambda: af.jvp(part, (x, x), (v, v), strict=True),
        lambda: af.jvp(linear, x, v, strict=True, create_graph=True),
        lambda: af.jacobian(part, (x, x), strict=True),
        lambda: af.jacobian(linear, x, strict=True),
        lambda: af.hessian(lambda x: x.sum(), x, strict=True),
        lambda: af.hvp(lambda x: x.sum(), x, v, strict=True),
        lambda: af.vhp(lambda x: x.sum(), x, v, strict=True),
        lambda: af.hvp(lambda x: (x**2).sum(), x, v, strict=True),
    ]
    return [attempt(call) for call in calls]


@live
def test_errors(xp: Any) -> Any:
    """Vectors and outputs that do not fit are told in PyTorch's words."""
    af = xp.autograd.functional
    x = double(xp, 1, 2)
    square = lambda x: x**2  # noqa: E731
    calls = [
        lambda: af.vjp(square, x),
        lambda: af.jvp(square, x),
        lambda: af.hvp(lambda x: x.sum(), x),
        lambda: af.vjp(square, x, double(xp, 1)),
        lambda: af.vjp(square, x, (x, x)),
        lambda: af.jvp(lambda x, y: x * y, (x, x), (x, double(xp, 1))),
        lambda: af.jvp(lambda x, y: x * y, (x, x), (x,)),
        lambda: af.vjp(square, 1.0, x),
        lambda: af.vjp(lambda x: [x], x, x),
        lambda: af.vjp(square, (x, 1.0), x),
        lambda: af.hvp(square, x, x),
        lambda: af.hvp(lambda x: (x.sum(),), x, x),
        lambda: af.hessian(lambda x: (x.sum(), x.sum()), x),
        lambda: af.jacobian(square, x, create_graph=True, strategy="forward-mode"),
        lambda: af.jacobian(square, x, strict=True, strategy="forward-mode"),
        lambda: af.hessian(square, x, outer_jacobian_strategy="x"),
    ]
    return [attempt(call) for call in calls]
