"""Reverse mode: the one traversal behind ``backward`` and ``grad``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from refgrad.engine.accumulation import add_tensor_to_grad, add_to_grad, give_to_grad, retain
from refgrad.engine.fitting import fit_array, fit_tensor
from refgrad.engine.grad_hooks import replaced, replaced_all, run_post_accumulate
from refgrad.engine.graph import AccumulateGrad, Node, NodeHooks, TensorBase, wrap
from refgrad.engine.modes import error_state, modes, quiet

Edge = tuple[Node, int]


class Task:
    """One backward pass: the gradients on their way, and what the caller wants of them."""

    __slots__ = (
        "__weakref__",
        "buffers",
        "callbacks",
        "captured",
        "captures",
        "graph",
        "keep",
        "needed",
        "nodes",
        "outer",
        "owned",
        "pending",
        "recorded",
        "wanted",
    )

    def __init__(self, *, graph: bool, keep: bool) -> None:
        self.recorded = graph  # record the pass itself (create_graph)
        self.graph = graph or (
            modes.here.state > 1 and on_tensors()
        )  # compute with tensors: to record, or because a layer looks at them
        self.keep = keep
        self.buffers: dict[Node, Any] = {}
        self.owned: set[Node] = set()  # nodes whose buffer this pass made, and may write into
        self.pending: dict[Node, int] = {}  # how many gradients are still to come for each leaf
        self.captures: dict[Node, list[tuple[int, int]]] = {}
        self.captured: dict[int, Any] = {}
        self.needed: set[Node] | None = None  # None: everything that is reached
        self.wanted: set[Node] | None = None  # the needed and the captured: where gradients go
        self.callbacks: list[Callable[[], Any]] = []  # called when all is done

    def run(self, edges: Sequence[Edge], grads: Sequence[Any]) -> None:
        """Send ``grads`` into ``edges`` and let them flow."""
        roots = []
        for (node, nr), grad in zip(edges, grads):
            self.add(node, nr, grad)
            roots.append(node)
        self.nodes = nodes = self.reach(roots)
        here = modes.here
        recording, token = here.state & 1, error_state.set(quiet)
        self.outer, here.task, here.state = here.task, self, here.state & ~1 | self.recorded
        try:
            if self.wanted is not None and len(roots) == 1:
                self.greet(roots[0], self.wanted)
            if 0 in self.pending.values():
                for leaf in [leaf for leaf, count in self.pending.items() if not count]:
                    self.execute(leaf)  # it is itself a root
            self.sweep(nodes)
            for callback in self.callbacks:
                callback()
        finally:
            here.state, here.task = here.state & ~1 | recording, self.outer
            error_state.reset(token)

    def greet(self, root: Node, wanted: set[Node]) -> None:
        """A single root's tensor hooks hear of the pass, though nothing that is wanted lies beyond it, as in PyTorch."""
        if root not in wanted:
            self.tensor_hooks(root, self.buffers.pop(root))

    def will_execute(self, node: Node) -> bool:
        """Whether this pass runs ``node``."""
        wanted = self.wanted is None or node in self.wanted
        return wanted and (node in self.pending or node in self.nodes)

    def sweep(self, nodes: list[Node]) -> None:
        """``execute`` for each node, the common case written out: no hooks, one output.

        Leaves run after the node that gave them their last gradient, as in PyTorch.
        """
        buffers, owned, pending, captures, wanted = self.buffers, self.owned, self.pending, self.captures, self.wanted
        graph, keep, take = self.graph, self.keep, self.buffers.pop
        ready: list[AccumulateGrad] = []
        for node in nodes:
            apply, grad = node.apply, take(node, None)
            if apply is None or grad is None or (captures and node in captures):
                self.execute(node, grad)
                continue
            grads = node.plan.on_tensors(node, grad, keep) if graph else apply(node, grad, keep)
            if node.next_nrs is not None:
                self.pass_on(node, grads)
                continue
            for target, grad in zip(node.next_nodes, grads):
                if target is None:
                    continue
                if grad is not None and (wanted is None or target in wanted):
                    array = grad._array if graph else grad
                    if array.__class__ is not target.kind and (
                        array.shape != target.shape or array.dtype is not target.dtype
                    ):
                        grad = self.fitted(grad, target, 0)
                    if target.outputs is not None:
                        self.add(target, 0, grad)
                        continue
                    if target not in buffers:
                        buffers[target] = grad
                    elif target in owned:
                        held = buffers[target]
                        held += grad
                    else:
                        buffers[target] = held = buffers[target] + grad
                        if held.__class__ is np.ndarray:
                            owned.add(target)
                if target.__class__ is AccumulateGrad:
                    pending[target] = left = pending[target] - 1
                    if not left:
                        ready.append(target)
            if ready:
                grads = grad = array = held = (
                    None  # so that of a gradient that nobody else holds the buffer is the only holder
                )
                for leaf in ready:
                    self.settle(leaf)
                ready.clear()

    def reach(self, roots: list[Node]) -> list[Node]:
        """The nodes to run, latest made first; leaves are only counted: each runs once its last gradient is there."""
        nodes: list[Node] = []
        if len(roots) != 1 or roots[0].__class__ is AccumulateGrad:
            self.spread(roots, nodes)
        else:
            self.follow(roots[0], nodes)
        return nodes if self.needed is None else self.prune(nodes)

    def follow(self, node: Node, nodes: list[Node]) -> None:
        """Add to ``nodes`` what lies ahead of ``node``, which is among it."""
        pending = self.pending
        while True:  # where there is one way on, as in most of a loss's graph, there is nothing to look up or to sort
            nodes.append(node)
            ahead, ways = None, []
            for target in node.next_nodes:
                if target.__class__ is AccumulateGrad:
                    pending[target] = pending[target] + 1 if target in pending else 1
                elif target is not ahead and target is not None:
                    if ahead is None:
                        ahead = target
                    else:
                        ways.append(target)
            if ahead is None:
                return None
            if ways:
                return self.spread([ahead, *ways], nodes)
            node = ahead

    def spread(self, roots: list[Node], nodes: list[Node]) -> None:
        """``reach`` in general: add to ``nodes`` what lies ahead of ``roots``."""
        pending = self.pending
        for root in roots:
            if root.__class__ is AccumulateGrad:
                pending.setdefault(root, 0)
        stack = [root for root in dict.fromkeys(roots) if root.__class__ is not AccumulateGrad]
        seen = set(stack)
        found: list[Node] = []
        take, push, see, keep = stack.pop, stack.append, seen.add, found.append
        while stack:
            node = take()
            keep(node)
            for target in node.next_nodes:
                if target.__class__ is AccumulateGrad:
                    pending[target] = pending[target] + 1 if target in pending else 1
                elif target is not None and target not in seen:
                    see(target)
                    push(target)
        found.sort(key=attrgetter("sequence_nr"), reverse=True)
        nodes += found

    def prune(self, nodes: list[Node]) -> list[Node]:
        """Only the nodes on a way to what is wanted, and those wanted themselves."""
        assert self.needed is not None
        needed = self.needed
        self.wanted = wanted = needed | self.captures.keys()
        kept = []
        for node in reversed(nodes):
            for target in node.next_nodes:
                if target in wanted:
                    needed.add(node)
                    wanted.add(node)
                    break
            if node in wanted:
                kept.append(node)
        kept.reverse()
        return kept

    def settle(self, leaf: AccumulateGrad) -> None:
        """Run a leaf that nothing more will arrive at; mostly that is to put what has arrived into ``.grad``."""
        variable = leaf.variable
        if leaf.hooks is not None or variable._hooks is not None:
            self.execute(leaf)
        elif self.captures:
            if leaf in self.captures:
                self.capture(leaf, self.buffers.pop(leaf, None))
        elif self.graph or self.wanted is not None:
            self.execute(leaf)
        elif variable._requires_grad and leaf in self.buffers:
            give_to_grad(variable, self.buffers, leaf)

    def add(self, node: Node, nr: int, grad: Any) -> None:
        """Add ``grad`` to what has arrived at output ``nr`` of ``node``."""
        buffers = self.buffers
        held = buffers.get(node)
        if node.outputs is not None:
            slots = buffers.setdefault(node, [None] * len(node.outputs))
            slots[nr] = grad if slots[nr] is None else slots[nr] + grad
        elif held is None:
            buffers[node] = grad
        elif node in self.owned:
            held += grad
        else:
            buffers[node] = total = held + grad
            if type(total) is np.ndarray:  # a scalar is added anew, a tensor may be in someone's graph
                self.owned.add(node)

    def execute(self, node: Node, grad: Any = None) -> None:
        """Run one node on what has arrived (``grad``, if the caller has taken it already), and pass the results on."""
        if grad is None:
            grad = self.buffers.pop(node, None)
        hooks, captured = node.hooks, node in self.captures
        if self.needed is not None and node not in self.needed:
            if captured:  # else a leaf that nobody asked for
                self.capture(node, self.tensor_hooks(node, grad))
            return
        if captured:
            self.capture(node, grad)  # what flows on is hooked, what is captured on the way is not
        grad = self.tensor_hooks(node, grad)
        if hooks is not None and hooks.pre:
            grad = self.pre_hooks(node, hooks, grad)
        if type(node) is AccumulateGrad:
            accumulate(node, grad, self.graph)
            if hooks is not None and hooks.post:
                self.after(node, hooks, (), grad)
            return
        if grad is not None or node.runs_on_nothing:
            grads = node.run(grad, self.graph)
        else:
            grads = node.pass_over()
        if hooks is not None and hooks.post:
            grads = self.after(node, hooks, grads, grad)
        self.owned.discard(node)
        if not self.keep:
            node.release()
        self.pass_on(node, grads)

    def pass_on(self, node: Node, grads: Iterable[Any]) -> None:
        """Fit each gradient to its target and deliver it."""
        nrs, pending, wanted = node.next_nrs, self.pending, self.wanted
        ready = []
        for i, (target, grad) in enumerate(zip(node.next_nodes, grads)):
            if target is None:
                continue
            if grad is not None and (wanted is None or target in wanted):
                nr = nrs[i] if nrs is not None else 0
                self.add(target, nr, self.fitted(grad, target, nr))
            if target in pending:
                pending[target] -= 1
                if not pending[target]:
                    ready.append(target)
        for leaf in ready:
            self.execute(leaf)

    def fitted(self, grad: Any, target: Node, nr: int) -> Any:
        """``grad`` in the shape and type of output ``nr`` of ``target``."""
        shape, dtype = (target.shape, target.dtype) if target.outputs is None else target.outputs[nr]
        return fit_tensor(grad, shape, dtype) if self.graph else fit_array(grad, shape, dtype)

    def capture(self, node: Node, grad: Any) -> None:
        for nr, index in self.captures[node]:
            held = grad[nr] if node.outputs is not None and grad is not None else grad
            if held is not None:
                self.captured[index] = held

    def tensor_hooks(self, node: Node, grad: Any) -> Any:
        """Hooks of the tensors that the node made (or of the leaf it fills), then ``retain_grad``."""
        if type(node) is AccumulateGrad and node.variable._hooks is not None:
            for hook in list(node.variable._hooks.pre.values()):
                grad = self.as_carried(replaced(hook, self.as_tensor(grad)))
        hooks = node.hooks
        if hooks is None or not (hooks.tensor or hooks.retained):
            return grad
        grads = self.listed(node, grad)
        for nr, hook in list(hooks.tensor.values()):
            grads[nr] = replaced(hook, grads[nr])
        for nr, ref in hooks.retained.items():
            retain(ref(), grads[nr], self.graph)
        return self.carried(node, grads)

    def pre_hooks(self, node: Node, hooks: NodeHooks, grad: Any) -> Any:
        """Node pre-hooks: each sees what the ones before it returned."""
        grads = self.listed(node, grad)
        for hook in list(hooks.pre.values()):
            grads = replaced_all(hook, (tuple(grads),), grads)
        return self.carried(node, grads)

    def listed(self, node: Node, grad: Any) -> list[Any]:
        """A node's gradients as tensors, one an output."""
        grads = (grad or [None] * len(node.outputs)) if node.outputs is not None else [grad]
        return [self.as_tensor(g) for g in grads]

    def carried(self, node: Node, grads: Sequence[Any]) -> Any:
        """The reverse of ``listed``."""
        plain = [self.as_carried(g) for g in grads]
        return plain if node.outputs is not None else plain[0]

    def after(self, node: Node, hooks: NodeHooks, grads: tuple[Any, ...], grad: Any) -> tuple[Any, ...]:
        """Node hooks, on the gradients of the inputs and of the outputs."""
        held = [self.as_tensor(g) for g in grads]
        incoming = tuple(self.listed(node, grad))
        for hook in list(hooks.post.values()):
            held = replaced_all(hook, (tuple(held), incoming), held)
        return tuple(self.as_carried(g) for g in held)

    def as_tensor(self, grad: Any) -> Any:
        return grad if grad is None or isinstance(grad, TensorBase) else wrap(np.asarray(grad))

    def as_carried(self, grad: Any) -> Any:
        return grad if grad is None or self.graph else grad._array


def accumulate(node: AccumulateGrad, grad: Any, graph: bool) -> None:
    """Add ``grad`` to the leaf's ``.grad``: in place, unless the pass is recorded; hooks run where nothing came, too."""
    leaf = node.variable
    if not leaf._requires_grad:  # switched off since the graph was made
        return
    if grad is not None:
        add_tensor_to_grad(leaf, grad) if graph else add_to_grad(leaf, grad)
    if leaf._hooks is not None:
        run_post_accumulate(list(leaf._hooks.post.values()), leaf)


def on_tensors() -> bool:
    """Whether a layer is on that a backward pass must show its tensors to."""
    return any(layer.on_tensors for layer in modes.layers)


task_type: list[type[Task]] = [Task]  # anomaly mode puts its own here
