"""Saved-tensor hooks: what a node saves goes through ``pack_hook``, and comes back through ``unpack_hook``.

A node with packed values gets a plan that unpacks them first; ordinary nodes know nothing of it.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from refgrad.engine.graph import FREED, GONE, AccumulateGrad, Node, SavedResult, TensorBase, gradient_edge, wrap
from refgrad.engine.modes import modes
from refgrad.engine.plan import Plan
from refgrad.engine.saving import restore
from refgrad.engine.views import own_array
from refgrad.engine.watch import NodeWatch

_MODIFYING = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
    "modified by "
    "in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to perform "
    "in-place "
    "operations on the input to a pack hook."
)
_FREED_HOOKS = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
    "freed when "
    "you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a "
    "second "
    "time or if you need to access saved variables after calling backward."
)
_TWICE = (
    "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks is "
    "allowed at a "
    "time."
)


class Hooks(NamedTuple):
    """A pair of hooks."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


class Packed:
    """What a pack hook made of a saved tensor; stands in the tensor's place."""

    __slots__ = ("edge", "packed", "requires_grad", "unpack_hook")
    _counter = None  # its version is nobody's business: hooks switch the check off

    def __init__(self, hooks: Hooks, value: Any, edge: tuple[Any, int] | None, requires_grad: bool) -> None:
        self.unpack_hook, self.edge, self.requires_grad = hooks.unpack, edge, requires_grad
        before = _version(value)
        with _no_grad():
            self.packed = hooks.pack(value)
        if _version(value) != before:
            raise RuntimeError(_MODIFYING)

    def unpack(self, node: Node | None) -> Any:
        """The tensor that the unpack hook gives, in the place in the graph that the saved one had.

        Errors: TypeError where the hook gives no tensor.
        """
        value = self.unpack_hook(self.packed)
        if not isinstance(value, TensorBase):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}"
            )
        if not (self.requires_grad or value._requires_grad):
            return value
        tensor = wrap(own_array(value), self.requires_grad)
        tensor._counter = value._counter
        maker, nr = self.edge or (None, 0)
        if maker is OWN:
            maker = node
        if isinstance(maker, AccumulateGrad):
            tensor._accumulate = weakref.ref(maker)
        else:
            tensor._grad_fn, tensor._output_nr = maker, nr
        return tensor


OWN: Any = object()  # the maker of a node's own result: no reference, for that would be a cycle


def _version(tensor: Any) -> int:
    return 0 if tensor._counter is None else int(tensor._counter[0])


@contextmanager
def _no_grad() -> Iterator[None]:
    previous, modes.grad_enabled = modes.grad_enabled, False
    try:
        yield
    finally:
        modes.grad_enabled = previous


def pack(hooks: Hooks, value: Any, node: Node | None) -> Packed:
    """Pack a value that ``node`` saves: a tensor, or its own result."""
    if isinstance(value, SavedResult):
        assert node is not None
        return Packed(hooks, restore(value, node), (OWN, value.output_nr), True)
    edge = gradient_edge(value) if value._requires_grad else None
    return Packed(hooks, value, edge, value._requires_grad)


def pack_node(hooks: Hooks, node: Node) -> None:
    """Pack all that ``node`` saves."""
    plan = getattr(node, "plan", None)
    if plan is None or not plan.tracked:
        return
    values = [pack(hooks, v, node) if i in plan.tracked and v is not None else v for i, v in enumerate(node.saved)]
    node.saved, node.plan, node.apply = tuple(values), unpacking(plan), None


# the plan of a node with packed values --------------------------------------------------------------------------------


class UnpackingPlan(Plan):
    """A plan whose nodes hold packed values."""

    __slots__ = ()

    def read_saved(self, node: Node, name: str) -> Any:
        value = super().read_saved(node, name)
        return value.unpack(node) if type(value) is Packed else value


@functools.cache
def unpacking(plan: Plan) -> Plan:
    """``plan``, unpacking first what its nodes saved."""
    if isinstance(plan, UnpackingPlan):
        return plan
    copy = object.__new__(UnpackingPlan)
    for name in Plan.__slots__:
        setattr(copy, name, getattr(plan, name))
    copy.on_arrays = lambda node, grad: plan.on_arrays(Unpacked(node, plan), grad)
    copy.on_tensors = lambda node, grad: plan.on_tensors(Unpacked(node, plan), grad)
    return copy


class Unpacked:
    """What a rule reads of a node while it runs, with the packed values unpacked."""

    __slots__ = ("next_nodes", "node", "plan", "saved", "versions")

    def __init__(self, node: Node, plan: Plan) -> None:
        self.node, self.plan, self.next_nodes = node, plan, node.next_nodes
        versions = list(node.versions or (0,) * len(node.saved))
        saved = list(node.saved)
        for i, value in enumerate(saved):
            if type(value) is Packed:
                saved[i] = value.unpack(node)
                versions[i] = _version(saved[i])
            elif type(value) is SavedResult:
                saved[i] = restore(value, node)
        self.saved, self.versions = tuple(saved), tuple(versions)

    def title(self) -> str:
        """The node's name, for errors."""
        return self.node.title()


# one saved tensor -----------------------------------------------------------------------------------------------------


class SavedTensor:
    """One value that a node saved, as ``node._raw_saved_<name>`` shows it."""

    __slots__ = ("_index", "_node")
    __module__ = "refgrad._C._autograd"  # where PyTorch has it

    def __init__(self, node: Node, index: int | None) -> None:
        self._node, self._index = node, index

    @property
    def _held(self) -> Any:
        if self._index is None:
            return None
        return self._node.saved[self._index] if self._node.saved else GONE

    def register_hooks(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        """Pack this one value now.

        Errors: TypeError for hooks that cannot be called; RuntimeError for no tensor, a freed one, or a second pair.
        """
        hooks = _callables(pack_hook, unpack_hook, f"register_hooks(): {_SIGNATURE}\n\nInvoked with: {self!r}, ")
        held = self._held
        if held is GONE:
            raise RuntimeError(_FREED_HOOKS)
        if type(held) is Packed:
            raise RuntimeError(_TWICE)
        if not isinstance(held, (TensorBase, SavedResult)):
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden")
        node, i = self._node, self._index
        assert i is not None
        node.saved = (*node.saved[:i], _pack_detached(hooks, held), *node.saved[i + 1 :])
        if node.plan is not None:
            node.plan, node.apply = unpacking(node.plan), None

    def unpack(self) -> Any:
        """The saved tensor.

        Errors: RuntimeError once it is freed.
        """
        held = self._held
        if held is GONE:
            raise RuntimeError(FREED)
        if type(held) is Packed:
            return held.unpack(self._node)
        return restore(held, self._node) if type(held) is SavedResult else held

    @property
    def data(self) -> Any:
        """What is kept: the saved tensor, or what the pack hook made of it."""
        held = self._held
        return held.packed if type(held) is Packed else self.unpack()


_SIGNATURE = (
    "incompatible function arguments. The following argument types are supported:\n"
    "    1. (self: torch._C._autograd.SavedTensor, arg0: collections.abc.Callable, arg1: collections.abc.Callable) -> "
    "None"
)


def _pack_detached(hooks: Hooks, held: Any) -> Packed:
    """Hooks on one saved tensor are shown its values, out of the graph."""
    values = wrap(held._array)
    values._counter = held._counter
    if isinstance(held, SavedResult):
        return Packed(hooks, values, (OWN, held.output_nr), True)
    return Packed(hooks, values, gradient_edge(held) if held._requires_grad else None, held._requires_grad)


def _callables(pack_hook: Any, unpack_hook: Any, message: str) -> Hooks:
    if not (callable(pack_hook) and callable(unpack_hook)):
        raise TypeError(f"{message}{pack_hook!r}, {unpack_hook!r}")
    return Hooks(pack_hook, unpack_hook)


# hooks for all that is saved in a block -------------------------------------------------------------------------------


class HookLayer(NodeWatch):
    """Packs what each op saves, with the innermost pair of hooks."""

    def __init__(self) -> None:
        self.stack: list[Hooks] = []

    def see(self, node: Node) -> None:
        if modes.grad_enabled:
            pack_node(self.stack[-1], node)


class _Disabled(threading.local):
    message: str | None = None


_disabled = _Disabled()


def _layer() -> HookLayer | None:
    """The layer of this thread, while any hooks are set."""
    return next((layer for layer in modes.layers if isinstance(layer, HookLayer)), None)


def default_hooks() -> Hooks | None:
    """The hooks that what is saved now goes through, if any."""
    layer = _layer()
    return None if layer is None else layer.stack[-1]


class saved_tensors_hooks:
    """Inside, each tensor saved for backward is packed, and unpacked when it is needed; the innermost hooks only."""

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _disabled.message is not None:
            raise RuntimeError(_disabled.message)
        hooks = _callables(self.pack_hook, self.unpack_hook, _PUSH)
        layer = _layer()
        if layer is None:
            layer = HookLayer()
            modes.set_layers((*modes.layers, layer))
        layer.stack.append(hooks)

    def __exit__(self, *args: object) -> None:
        layer = _layer()
        assert layer is not None
        layer.stack.pop()
        if not layer.stack:
            modes.drop_layer(layer)


_PUSH = (
    "_push_saved_tensors_default_hooks(): incompatible function arguments. The following argument types are "
    "supported:\n"
    "    1. (arg0: collections.abc.Callable, arg1: collections.abc.Callable) -> None\n\nInvoked with: "
)


class save_on_cpu(saved_tensors_hooks):
    """Saved tensors wait in main memory, which is where they are."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Refuse ``saved_tensors_hooks`` inside, with ``error_message``."""
    if _layer() is not None:
        raise RuntimeError(error_message)
    previous, _disabled.message = _disabled.message, error_message
    try:
        yield
    finally:
        _disabled.message = previous
