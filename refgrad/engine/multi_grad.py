"""One hook on the gradients of several tensors."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from refgrad.engine.graph import AccumulateGrad, GradientEdge, Node, RemovableHandle, gradient_edge
from refgrad.engine.modes import modes


class _MultiHandle(RemovableHandle):
    """Removes a hook from all its tensors."""

    __module__ = "refgrad.autograd.graph"  # where PyTorch has it

    def __init__(self, handles: tuple[RemovableHandle, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[..., Any], *, mode: str = "all") -> RemovableHandle:
    """Call ``fn`` once a backward: with all gradients (None for those not computed), or in mode ``any`` with the first.

    Errors: ValueError for another mode.
    """
    supported_modes = ("all", "any")
    if mode not in supported_modes:
        raise ValueError(f"Expects mode to be one of {supported_modes} but got {mode}")
    if mode == "any":
        first = _first_only(fn)
        return _MultiHandle(tuple(t.register_hook(first) for t in tensors if t.requires_grad))
    nodes = [_node_of(t) for t in tensors]
    passes: weakref.WeakKeyDictionary[Any, _Gathered] = weakref.WeakKeyDictionary()
    lock = threading.Lock()

    def arrived(index: int, grad: Any) -> None:
        task = modes.task
        with lock:
            gathered = passes.get(task)
            if gathered is None:
                gathered = passes[task] = _Gathered(len(nodes), sum(_will_execute(task, node) for node in nodes))
            gathered.add(index, grad)
        if not gathered.missing:
            del passes[task]
            fn(gathered.grads)

    return _MultiHandle(tuple(t.register_hook(functools.partial(arrived, i)) for i, t in enumerate(tensors)))


def _will_execute(task: Any, node: Node) -> bool:
    """Whether a pass runs ``node``; as in PyTorch, ``autograd.grad`` does not tell of leaves."""
    if task.captures and isinstance(node, AccumulateGrad):
        raise RuntimeError(
            "A leaf node was passed to _will_engine_execute_node but we are currently running autograd.grad(). This is "
            "currently not supported."
        )
    return bool(task.will_execute(node))


class _Gathered:
    """The gradients that have come in one backward pass, and how many are still to come."""

    def __init__(self, count: int, expected: int) -> None:
        self.grads: list[Any] = [None] * count
        self.missing = expected

    def add(self, index: int, grad: Any) -> None:
        self.grads[index] = grad
        self.missing -= 1


def _first_only(fn: Callable[[Any], Any]) -> Callable[[Any], None]:
    passes: weakref.WeakSet[Any] = weakref.WeakSet()
    lock = threading.Lock()

    @functools.wraps(fn)
    def first(grad: Any) -> None:
        task = modes.task
        with lock:
            seen = task in passes
            passes.add(task)
        if not seen:
            fn(grad)

    return first


def _node_of(tensor: Any) -> Node:
    if not isinstance(tensor, GradientEdge) and not tensor.requires_grad:
        raise AssertionError("Expected gradient function to be set")
    return gradient_edge(tensor)[0]


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """Where the gradient of ``tensor`` goes.

    Errors: RuntimeError for a tensor that does not require grad.
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    node, nr = gradient_edge(tensor)
    return GradientEdge(node.obj, nr)
