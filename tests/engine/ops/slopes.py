"""Derivatives against finite differences, by dot products: one number an order, and no second library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import refgrad

STEP = 1e-5
Call = Callable[..., Any]


def leaves(arrays: Sequence[Any]) -> list[Any]:
    return [refgrad.from_numpy(np.array(a)).requires_grad_() for a in arrays]


def results(call: Call, tensors: Sequence[Any]) -> list[Any]:
    """The differentiable results of a call."""
    found = call(*tensors)
    listed = found if isinstance(found, (tuple, list)) else [found]
    return [y for y in listed if isinstance(y, refgrad.Tensor) and (y.is_floating_point() or y.is_complex())]


def scalar(call: Call, tensors: Sequence[Any]) -> Any:
    """``call`` as one number: weighted by what depends on the place only."""
    total = None
    for y in results(call, tensors):
        y = refgrad.view_as_real(y) if y.is_complex() else y
        weights = refgrad.from_numpy(np.cos(1.0 + np.arange(y.numel())).reshape(tuple(y.shape)))
        part = (y * weights).sum()
        total = part if total is None else total + part
    return total


def ways(tensors: Sequence[Any]) -> list[Any]:
    """A fixed direction to move the inputs in."""
    return [np.sin(1.0 + np.arange(t.numel())).reshape(tuple(t.shape)) for t in tensors]


def slope(call: Call, tensors: Sequence[Any]) -> Any:
    """The derivative of ``scalar`` along the direction, recorded."""
    grads = refgrad.autograd.grad(scalar(call, tensors), tensors, create_graph=True, materialize_grads=True)
    return sum((g * refgrad.from_numpy(way)).sum() for g, way in zip(grads, ways(tensors)))


def difference(function: Callable[[Call, Sequence[Any]], Any], call: Call, arrays: Sequence[Any]) -> Any:
    """The same derivative, of ``function``, by central differences."""
    way = ways(leaves(arrays))
    up, down = (leaves([a + s * STEP * d for a, d in zip(arrays, way)]) for s in (1, -1))
    return (function(call, up).item() - function(call, down).item()) / (2 * STEP)


def check_slopes(call: Call, arrays: Sequence[Any]) -> None:
    """The gradient, on arrays and recorded, and its own gradient are the slopes that differences measure."""
    tensors = leaves(arrays)
    first = slope(call, tensors)
    assert first.item() == pytest.approx(difference(scalar, call, arrays), rel=1e-6, abs=1e-8)
    plain = refgrad.autograd.grad(scalar(call, tensors), tensors, materialize_grads=True)
    assert sum((g.numpy() * d).sum() for g, d in zip(plain, ways(tensors))) == pytest.approx(first.item(), rel=1e-12)
    second = 0.0
    if first.requires_grad:
        grads = refgrad.autograd.grad(first, tensors, materialize_grads=True)
        second = sum((g.numpy() * d).sum() for g, d in zip(grads, ways(tensors)))
    assert second == pytest.approx(difference(slope, call, arrays), rel=1e-5, abs=1e-6)


def ops_of(call: Call, arrays: Sequence[Any]) -> Iterator[str]:
    """The names of the primitives that a call and its gradient record."""
    tensors = leaves(arrays)
    stack = [y.grad_fn for y in (*results(call, tensors), slope(call, tensors)) if y.grad_fn is not None]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if node.plan is not None:
            yield node.plan.op.name
        following = [n for n, _ in node.next_functions] + [getattr(node, "function", None)]
        fresh = [n for n in following if n is not None and n not in seen]
        seen.update(fresh)
        stack += fresh


def derivable(module: Any) -> set[str]:
    """The names of the primitives of a chapter that have derivatives."""
    from refgrad.engine.primitive import PRIMITIVES

    names = {op.name for op in PRIMITIVES.values() if op.forward.__module__ == module.__name__ and op.vjps}
    return {name for name in names if PRIMITIVES[name].node_class.__name__ != "NotImplemented"}
