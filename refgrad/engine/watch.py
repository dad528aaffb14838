"""A layer that looks at each node an op records."""

from __future__ import annotations

from typing import Any

from refgrad.engine.graph import Node, TensorBase
from refgrad.engine.modes import Layer
from refgrad.engine.views import CopySlices


class NodeWatch(Layer):
    """Runs each op as it is, and is shown the nodes it made through ``see``."""

    def record(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, inplace: bool) -> Any:
        before = _history(inputs[0]) if inplace else None
        result = below(op, inputs, params)
        node = _history(result) if inplace else _maker(result)
        if node is not None and node is not before:
            if isinstance(node, CopySlices):
                self.see(node.function)
            self.see(node)
        return result

    def see(self, node: Node) -> None:
        """Look at a node that has just been made."""
        raise NotImplementedError


def _history(tensor: TensorBase) -> Node | None:
    """The node that a write into ``tensor`` replaces: its base's, where it is a view."""
    return tensor._grad_fn if tensor._view is None else tensor._view.base._grad_fn


def _maker(result: Any) -> Node | None:
    """The node that made ``result``, a tensor or a tuple of them."""
    outputs = result if isinstance(result, tuple) else (result,)
    return next((x._grad_fn for x in outputs if isinstance(x, TensorBase) and x._grad_fn is not None), None)
