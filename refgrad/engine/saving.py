"""What a node keeps for its rules: which values, at which versions, and whether they are still what they were."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from refgrad.engine.graph import LAST, Node, SavedResult, Unversioned, version_error, wrap
from refgrad.engine.modes import modes

if TYPE_CHECKING:
    from refgrad.engine.primitive import Primitive

ABSENT, CONSTANT, NEEDED = range(3)  # what an input is: no tensor, a tensor, a tensor that wants a gradient


class Saved:
    """The values that a plan's rules name: one slot of ``node.saved`` each, tensors told apart."""

    def __init__(self, op: Primitive, kinds: tuple[int, ...]) -> None:
        self.op, self.kinds = op, kinds
        self.slots: dict[str, int] = {}
        self.tracked: list[int] = []  # the slots of tensors
        self.operands: list[int] = []  # the slots of numbers in the place of tensors: freed with them, as in PyTorch

    def slot(self, source: str, kind: list[int] | None) -> str:
        if source not in self.slots:
            self.slots[source] = len(self.slots)
            if kind is not None:
                kind.append(self.slots[source])
        return f"s[{self.slots[source]}]" if kind is None else f"t{self.slots[source]}"

    def access(self, name: str) -> str:
        """The expression that a rule's argument ``name`` becomes.

        Errors: TypeError for a name that this op does not have.
        """
        op = self.op
        if name in ("grad", "tangent", "needs"):
            return name
        if name == "result" or name in op.outputs:
            return self.slot(f"results[{op.outputs.index(name) if name in op.outputs else 0}]", self.tracked)
        if name in op.params:
            return self.slot(f"params[{op.params.index(name)}]", None)
        stem, _, what = name.rpartition("_") if name.endswith(("_shape", "_dtype", "_strides")) else (name, "", "")
        if stem == op.star:
            items = [self._item(j, what) for j in range(len(op.inputs), len(self.kinds))]
            return f"({''.join(item + ', ' for item in items)})"
        if stem not in op.inputs:
            raise TypeError(f"a rule of {op.name} asks for {name!r}, which {op.name} does not have")
        return self._item(op.inputs.index(stem), what)

    def _item(self, j: int, what: str) -> str:
        if what:
            return self.slot(f"arrays[{j}].{what}", None)
        return self.slot(f"inputs[{j}]", self.operands if self.kinds[j] == ABSENT else self.tracked)


def version_to_save(tensor: Any, user: Any = True) -> int:
    """The version of a tensor that is being saved for the sake of an edge, if there is one: a lent view has none.

    Errors: RuntimeError for an inference tensor.
    """
    counter = tensor._counter
    if isinstance(counter, Unversioned) and user:
        raise RuntimeError(_INFERENCE)
    return 0 if counter is None else int(counter[0])


_INFERENCE = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked "
    "by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
    "`torch.no_grad()` instead of `torch.inference_mode()`."
)


def check(node: Node, i: int) -> None:
    """Refuse a saved tensor that was written to since.

    Errors: RuntimeError.
    """
    held = node.saved[i]
    expected = node.versions[i] if node.versions is not None else 0
    if held.__class__ is not SavedResult and not held._requires_grad and was_detached(node, i, held):
        raise RuntimeError(_DETACHED)
    if held._counter[0] != expected:
        raise version_error(held, expected, node)


_DETACHED = (
    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This is not supported, please use "
    "out-of-place `.detach()` instead"
)


def was_detached(node: Node, i: int, held: Any) -> bool:
    """Whether a saved tensor had a history when it was saved and has none now."""
    source = next(source for source, slot in node.plan.slots.items() if slot == i)
    position = int(source[len("inputs[") : -1]) if source.startswith("inputs[") else -1
    if position not in node.plan.edges:
        return False
    target = node.next_nodes[node.plan.edges.index(position)]
    return target is not None and target.sequence_nr != LAST


_in_views: weakref.WeakKeyDictionary[Node, weakref.ref[Node]] = weakref.WeakKeyDictionary()


def note_view(node: Node, view: Any) -> None:
    """Remember the history that a view has since ``node`` wrote into it: it goes by way of its base."""
    if view._view is not None and node.plan.saves_results:
        _in_views[node] = weakref.ref(view._grad_fn)


def restore(saved: SavedResult, node: Node) -> Any:
    """A tensor for a saved result: the node's own output again, or the view that it was written into."""
    tensor = wrap(saved._array, requires_grad=True)
    history = _in_views[node]() if node in _in_views else None
    tensor._grad_fn, tensor._output_nr, tensor._counter = history or node, saved.output_nr, saved._counter
    for layer in modes.layers:
        layer.restored(tensor, node)
    return tensor
