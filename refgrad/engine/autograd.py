"""Reverse mode: the one traversal behind ``backward`` and ``grad``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.graph import AccumulateGrad, Node, NodeHooks, TensorBase, gradient_edge
from refgrad.engine.inplace import bump
from refgrad.engine.modes import error_state, modes, quiet
from refgrad.engine.primitive import wrap
from refgrad.engine.views import check_overlap, is_dense

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
    )

    def __init__(self, *, graph: bool, keep: bool) -> None:
        self.recorded = graph  # record the pass itself (create_graph)
        self.graph = graph or on_tensors()  # compute with tensors: to record, or because a layer looks at them
        self.keep = keep
        self.buffers: dict[Node, Any] = {}
        self.owned: set[Node] = set()  # nodes whose buffer this pass made, and may write into
        self.pending: dict[Node, int] = {}
        self.captures: dict[Node, list[tuple[int, int]]] = {}
        self.captured: dict[int, Any] = {}
        self.needed: set[Node] | None = None  # None: everything that is reached
        self.callbacks: list[Callable[[], Any]] = []  # called when all is done

    def run(self, edges: Sequence[Edge], grads: Sequence[Any]) -> None:
        """Send ``grads`` into ``edges`` and let them flow."""
        for (node, nr), grad in zip(edges, grads):
            self.add(node, nr, grad)
        self.nodes = nodes = self.reach([node for node, _ in edges])
        recording, token = modes.state & 1, error_state.set(quiet)
        self.outer, modes.task, modes.state = modes.task, self, modes.state & ~1 | self.recorded
        try:
            if len(edges) == 1:
                self.greet(edges[0][0])
            for node in [n for n in self.pending if not self.pending[n]]:
                self.execute(node)  # a leaf that is itself a root
            if self.graph or self.needed is not None:
                for node in nodes:
                    self.execute(node)
            else:
                self.sweep(nodes)
            for callback in self.callbacks:
                callback()
        finally:
            modes.state, modes.task = modes.state & ~1 | recording, self.outer
            error_state.reset(token)

    def greet(self, root: Node) -> None:
        """A single root's tensor hooks hear of the pass, though nothing that is wanted lies beyond it, as in PyTorch."""
        if self.needed is not None and root not in self.needed and root not in self.captures:
            self.tensor_hooks(root, self.buffers.pop(root))

    def will_execute(self, node: Node) -> bool:
        """Whether this pass runs ``node``."""
        wanted = self.needed is None or node in self.needed or node in self.captures
        return wanted and (node in self.pending or node in self.nodes)

    def sweep(self, nodes: list[Node]) -> None:
        """``execute`` for each node, the common case written out: arrays, no restriction, no hooks, one output."""
        buffers, owned, pending, keep = self.buffers, self.owned, self.pending, self.keep
        take, held_by = buffers.pop, buffers.get
        for node in nodes:
            plan = node.plan
            grad = take(node, None) if node.hooks is None else None
            if grad is None or plan is None or node.outputs is not None:
                self.execute(node, grad)
                continue
            grads = plan.on_arrays(node, grad)
            if not keep and plan.frees:
                node.saved = plan.gone or plan.freed(node.saved)
            if node.next_nrs is not None:
                self.pass_on(node, grads)
                continue
            for target, grad in zip(node.next_nodes, grads):
                if target is None:
                    continue
                if grad is not None:
                    if target.outputs is not None:
                        self.add(target, 0, fit_array(grad, *target.outputs[0]))
                        continue
                    if grad.__class__ is not target.kind and (
                        grad.shape != target.shape or grad.dtype is not target.dtype
                    ):
                        grad = fit_array(grad, target.shape, target.dtype)
                    held = held_by(target)
                    if held is None:
                        buffers[target] = grad
                    elif target in owned:
                        held += grad
                    else:
                        buffers[target] = held = held + grad
                        if held.__class__ is np.ndarray:
                            owned.add(target)
                if target.__class__ is AccumulateGrad:
                    pending[target] = left = pending[target] - 1
                    if left:
                        continue
                    if (
                        target.hooks is None
                        and target.variable._hooks is None
                        and target.variable._requires_grad
                        and target in buffers
                    ):
                        add_to_grad(target.variable, take(target), False)
                    else:
                        self.execute(target)

    def reach(self, roots: list[Node]) -> list[Node]:
        """The nodes to run, latest made first; leaves are only counted: each runs once its last gradient is there."""
        pending = self.pending
        for root in roots:
            if root.__class__ is AccumulateGrad:
                pending[root] = 0
        stack = [root for root in dict.fromkeys(roots) if root not in pending]
        seen = set(stack)
        nodes: list[Node] = []
        take, push, see, keep = stack.pop, stack.append, seen.add, nodes.append
        while stack:
            node = take()
            keep(node)
            for target in node.next_nodes:
                if target.__class__ is AccumulateGrad:
                    pending[target] = pending.get(target, 0) + 1
                elif target is not None and target not in seen:
                    see(target)
                    push(target)
        nodes.sort(key=attrgetter("sequence_nr"), reverse=True)
        return nodes if self.needed is None else self.prune(nodes)

    def prune(self, nodes: list[Node]) -> list[Node]:
        """Only the nodes on a way to what is wanted, and those wanted themselves."""
        assert self.needed is not None
        wanted, needed = self.captures, self.needed
        for node in reversed(nodes):
            if any(t in needed or t in wanted for t in node.next_nodes if t is not None):
                needed.add(node)
        return [node for node in nodes if node in needed or node in wanted]

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
        hooks = node.hooks
        if self.needed is not None and node not in self.needed:
            if node not in self.captures:
                return  # a leaf that nobody asked for
            self.capture(node, self.tensor_hooks(node, grad))
            return
        if node in self.captures:
            self.capture(node, grad)  # what flows on is hooked, what is captured on the way is not
        grad = self.tensor_hooks(node, grad)
        if hooks is not None and hooks.pre:
            grad = self.pre_hooks(node, hooks, grad)
        if type(node) is AccumulateGrad:
            accumulate(node, grad, self.graph)
            if hooks is not None and hooks.post:
                self.after(node, hooks, (), grad)
            return
        runs = grad is not None or node.runs_on_nothing
        grads = node.run(grad, self.graph) if runs else (None,) * len(node.next_nodes)
        if hooks is not None and hooks.post:
            grads = self.after(node, hooks, grads, grad)
        self.owned.discard(node)
        if not self.keep:
            node.release()
        self.pass_on(node, grads)

    def pass_on(self, node: Node, grads: Iterable[Any]) -> None:
        """Fit each gradient to its target and deliver it."""
        nrs, pending, needed = node.next_nrs, self.pending, self.needed
        for i, (target, grad) in enumerate(zip(node.next_nodes, grads)):
            if target is None:
                continue
            if grad is not None and (needed is None or target in needed or target in self.captures):
                nr = nrs[i] if nrs is not None else 0
                shape, dtype = (target.shape, target.dtype) if target.outputs is None else target.outputs[nr]
                self.add(target, nr, fit_tensor(grad, shape, dtype) if self.graph else fit_array(grad, shape, dtype))
            if target in pending:
                pending[target] -= 1
                if not pending[target]:
                    self.execute(target)

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


def fit_array(grad: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Undo the broadcast and the promotion that the forward made."""
    if grad.shape != shape:
        grad = sum_array_to(grad, shape)
    if grad.dtype is not dtype:
        grad = grad.real.astype(dtype) if grad.dtype.kind == "c" and dtype.kind != "c" else grad.astype(dtype)
    return grad


def fit_tensor(grad: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """As ``fit_array``, recorded."""
    if grad._array.shape != shape:
        grad = sum_to(grad, shape)
    if grad._array.dtype is not dtype:
        if grad._array.dtype.kind == "c" and dtype.kind != "c":
            grad = ops.real(grad)
        grad = ops.to_copy(grad, dtype)
    return grad


def sum_array_to(grad: Any, shape: tuple[int, ...]) -> Any:
    """As ``sum_to``, straight to NumPy."""
    if grad.itemsize <= 2:  # halves are summed in float32
        return sum_to(grad, shape)
    lead = grad.ndim - len(shape)
    if lead:
        grad = np.add.reduce(grad, axis=0 if lead == 1 else tuple(range(lead)))
    for dim, n in enumerate(shape):
        if n == 1 and grad.shape[dim] != 1:
            grad = np.add.reduce(grad, axis=dim, keepdims=True)
    return grad


def sum_to(grad: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``grad`` down to ``shape``, undoing a broadcast."""
    lead = len(grad.shape) - len(shape)
    dim = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and grad.shape[i + lead] != 1)
    if dim:
        grad = ops.sum(grad, dim, True)
    return ops.view(grad, shape) if lead else grad


def accumulate(node: AccumulateGrad, grad: Any, graph: bool) -> None:
    """Add ``grad`` to the leaf's ``.grad``: in place, unless the pass is recorded."""
    leaf = node.variable
    if not leaf._requires_grad:  # switched off since the graph was made
        return
    if grad is None:
        return
    add_to_grad(leaf, grad, graph)
    if leaf._hooks is not None:
        run_post_accumulate(list(leaf._hooks.post.values()), leaf)


def run_post_accumulate(hooks: list[Any], leaf: Any) -> None:
    """Call each hook on the leaf.

    Errors: as for other hooks; RuntimeError where one returned another tensor that would fit.
    """
    value = leaf
    for hook in hooks:
        value = replaced(hook, value)
    if value is not leaf:
        raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def add_to_grad(tensor: Any, grad: Any, graph: bool) -> None:
    """``tensor.grad += grad``; a first gradient is copied, so that nobody else holds it."""
    _acquire()
    try:
        held = tensor._grad
        if graph and held is None:
            new = modes.created(wrap(np.empty_like(grad._array)), grad)
            tensor._grad = new.copy_(grad if modes.grad_enabled else grad.detach())
        elif graph:
            tensor._grad = held + grad if modes.grad_enabled else held.add_(grad)
        elif held is None:
            tensor._grad = wrap(like_leaf(grad, tensor._array))
        else:
            array = held._array
            if array.shape != grad.shape:
                dims.broadcast(array.shape, grad.shape)
            if array.__class__ is np.ndarray:
                check_overlap(array)
                array += grad
            else:
                held._array = array + grad  # a scalar that nobody shares
            bump(held)
    finally:
        _release()


# passes in several threads may share a leaf, and NumPy lets another thread in while it adds
_accumulating = threading.RLock()
_acquire, _release = _accumulating.acquire, _accumulating.release  # half the price of a with block


def like_leaf(grad: Any, leaf: Any) -> Any:
    """A copy of ``grad`` in the memory layout of ``leaf``."""
    if type(grad) is not np.ndarray:
        return grad
    if leaf.shape != grad.shape or leaf.__class__ is not np.ndarray or leaf.flags.c_contiguous:
        return grad.copy()
    if is_dense(leaf):
        copy = np.empty_like(leaf, dtype=grad.dtype)
    else:
        copy = np.empty(grad.shape, grad.dtype)
    copy[...] = grad
    return copy


def retain(tensor: Any, grad: Any, graph: bool) -> None:
    """Note the gradient of a tensor that asked for it with ``retain_grad``."""
    if tensor is None or grad is None:
        return
    held = tensor._grad
    if held is None or graph:
        add_to_grad(tensor, grad if graph else grad._array, graph)
    else:  # a new tensor each time, unlike a leaf's
        tensor._grad = wrap(held._array + grad._array)


def replaced(hook: Any, old: Any) -> Any:
    """What a hook made of a gradient; None means it looked only.

    Errors: TypeError for anything but a tensor; RuntimeError for another type or shape.
    """
    new = hook(old)
    return old if new is None else checked(hook, new, old)


def checked(hook: Any, new: Any, old: Any) -> Any:
    """A hook's gradient, if it can stand in for the old one."""
    if old is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if not isinstance(new, TensorBase):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    name = getattr(hook, "__name__", type(hook).__name__)
    if new._array.shape != old._array.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    if new._array.dtype != old._array.dtype:
        raise RuntimeError(f"hook '{name}' has changed the type of value (was {old.type()} got {new.type()})")  # type: ignore[attr-defined]
    return new


def replaced_all(hook: Any, args: tuple[Any, ...], old: list[Any]) -> list[Any]:
    """As ``replaced``, for the hooks of a node, which see all gradients at once."""
    new = hook(*args)
    if new is None:
        return old
    if not isinstance(new, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
    if len(new) != len(old):
        name = getattr(hook, "__name__", type(hook).__name__)
        raise RuntimeError(
            f"hook '{name}' has returned an incorrect number of values (got {len(new)}, but expected {len(old)})"
        )
    return [None if n is None else checked(hook, n, o) for n, o in zip(new, old)]


def on_tensors() -> bool:
    """Whether a layer is on that a backward pass must show its tensors to."""
    return modes.state > 1 and any(layer.on_tensors for layer in modes.layers)


task_type: list[type[Task]] = [Task]  # anomaly mode puts its own here


def run_backward(
    tensors: Sequence[Any],
    grads: Sequence[Any],
    *,
    keep: bool,
    graph: bool,
    inputs: Sequence[Any] | None = None,
    accumulate_grad: bool,
) -> list[Any]:
    """Differentiate ``tensors``; gradients go into ``.grad``, or come back for ``inputs``."""
    task = task_type[0](graph=graph, keep=keep)
    graph = task.graph
    if inputs is not None:
        _aim(task, inputs, accumulate_grad)
    edges = [gradient_edge(t) for t in tensors]
    task.run(edges, [g if graph else g._array for g in grads])
    known = {id(g._array): g for g in grads if g is not None}  # a gradient that came through unchanged is that tensor
    found = [task.captured.get(i) for i in range(len(inputs or ()))]
    results = [
        g if g is None or isinstance(g, TensorBase) else known.setdefault(id(g), task.as_tensor(g)) for g in found
    ]
    if modes.layers:
        for new in (*results, *(node.variable._grad for node in task.pending if isinstance(node, AccumulateGrad))):
            if new is not None:
                modes.created(new)
    return results


def backward_from(root: Any, keep: bool) -> None:
    """``run_backward`` for what most calls are: one scalar result, everything it depends on, gradients into ``.grad``."""
    task = Task(graph=False, keep=keep)
    array = root._array
    one = np.ones(array.shape, array.dtype) if array.shape else array.dtype.type(1)
    task.run([(root._grad_fn, root._output_nr)], [one])


def _aim(task: Task, inputs: Sequence[Any], accumulate_grad: bool) -> None:
    """Restrict a pass to what leads to ``inputs``."""
    task.needed = set()
    for index, tensor in enumerate(inputs):
        node, nr = gradient_edge(tensor)
        if accumulate_grad:
            task.needed.add(node)
        else:
            task.captures.setdefault(node, []).append((nr, index))


Callback = Callable[..., Any]
