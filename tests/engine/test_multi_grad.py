"""Gradient edges, and hooks on several tensors, against PyTorch."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, leaf, live


def edge(xp: Any, tensor: Any) -> Any:
    return xp.autograd.graph.get_gradient_edge(tensor)


@live
def test_edges_as_roots(xp: Any) -> Any:
    """An edge is a root like a tensor: with a gradient of its shape, or none for one element."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 3
    s = y.sum()
    return [
        xp.autograd.grad(edge(xp, y), x, xp.ones(2), retain_graph=True),
        xp.autograd.grad(edge(xp, s), edge(xp, x), retain_graph=True),
        attempt(lambda: xp.autograd.grad(edge(xp, y), x, retain_graph=True)),
        attempt(lambda: xp.autograd.grad(edge(xp, y), x, xp.ones(3), retain_graph=True)),
        xp.autograd.grad(edge(xp, y), x, xp.ones(2, dtype=xp.float64), retain_graph=True),
        attempt(lambda: xp.autograd.backward([edge(xp, s), s], retain_graph=True)),
        x.grad,
    ]


@live
def test_edges_as_inputs(xp: Any) -> Any:
    """An edge is an input like a tensor; one that is not reached cannot be made into zeros."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 1.0)
    y = x * 3
    s = (y * y).sum()

    def grad(inputs: Any, **options: Any) -> Any:
        return attempt(lambda: xp.autograd.grad(s, inputs, retain_graph=True, **options))

    seen = [
        grad(edge(xp, y)),
        grad([edge(xp, x), y]),
        grad([edge(xp, z)]),
        grad([edge(xp, z)], allow_unused=True),
        grad([edge(xp, z)], materialize_grads=True),
        grad([edge(xp, x)], materialize_grads=True),
        attempt(lambda: s.backward(inputs=[edge(xp, x)], retain_graph=True)),
        attempt(lambda: s.backward(inputs=edge(xp, y), retain_graph=True)),
    ]
    return seen, x.grad


@live
def test_all(xp: Any) -> Any:
    """Which passes complete a hook on all gradients, and with what."""
    x, y, z = leaf(xp, 1.0), leaf(xp, 2.0), leaf(xp, 3.0)
    h = x * y
    seen: list[Any] = []
    handle = xp.autograd.graph.register_multi_grad_hook((x, h, z), lambda grads: seen.append(list(grads)))
    (h * 1).backward(retain_graph=True)  # PyTorch does not count a tensor that is the only root itself
    (h * z).backward(retain_graph=True)
    of_a_leaf = attempt(lambda: xp.autograd.grad(h * z, z, retain_graph=True))
    (h * z).backward(inputs=[h], retain_graph=True)
    y.sum().backward()
    handle.remove()
    h.backward()
    return of_a_leaf, seen


@live
def test_any(xp: Any) -> Any:
    """A hook on the first gradient is called once a pass, passes within passes counted by themselves."""
    x, y = leaf(xp, 1.0), leaf(xp, 2.0)
    seen: list[Any] = []
    xp.autograd.graph.register_multi_grad_hook((x, y, xp.ones(1)), seen.append, mode="any")
    (x * y).backward()
    (x * 3).backward()
    z = y * 5
    z.register_hook(lambda grad: (x * 7).requires_grad)
    z.backward()
    return seen


@live
def test_wrong(xp: Any) -> Any:
    """What hooks on several tensors refuse."""
    register = xp.autograd.graph.register_multi_grad_hook
    x = leaf(xp, 1.0)
    return [
        attempt(lambda: register((x,), print, mode="some")),
        attempt(lambda: register((xp.ones(1),), print)),
        attempt(lambda: edge(xp, xp.ones(1))),
    ]


@live
def test_final_callbacks(xp: Any) -> Any:
    """Callbacks run when the pass is over, also those that a callback adds, and not where the pass failed."""
    engine = xp.autograd.Variable._execution_engine
    seen: list[Any] = []
    x = leaf(xp, 2.0)

    def last() -> None:
        seen.append((xp.is_grad_enabled(), x.grad))
        engine.queue_callback(lambda: seen.append("again"))

    y = x * 3
    y.register_hook(lambda grad: engine.queue_callback(last))
    y.backward(retain_graph=True)
    failing = x * 1
    failing.register_hook(lambda grad: engine.queue_callback(lambda: seen.append("never")))
    failing.register_hook(lambda grad: 1 / 0)
    return attempt(failing.backward), seen, attempt(lambda: engine.queue_callback(last))
