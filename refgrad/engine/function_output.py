"""What a custom Function's results know of their history: the node, the views among them, the inputs written to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from refgrad.engine import ops
from refgrad.engine.function_node import NO_TENSOR, FunctionNode, tuple_of
from refgrad.engine.graph import TensorBase
from refgrad.engine.inplace import bump, check_inplace, rebase
from refgrad.engine.modes import modes
from refgrad.engine.views import CUSTOM, MULTI_OUTPUT, wants_grad

_NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
    "inplace must all be outputs of the Function."
)
_NO_INPUT = (
    "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated should be "
    "passed to ctx.mark_dirty()."
)
_LEAF = "a leaf Variable that requires grad has been used in an in-place operation."
_SEVERAL = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return more "
    "than one Tensor. This is not supported by the current autograd engine. You should either make sure the input is "
    "not a view (using .clone() for example) or make your Function only return one Tensor (potentially splitting it "
    "into two Functions: one doing the inplace that returns a single Tensor and a second one that does the other "
    "operations). You can ask on the forum https://discuss.pytorch.org/ if you need help to do this change."
)
_SAVED_AS_IS = (
    "An input that has been returned as-is as output is being saved for backward. This is not supported if you "
    "override setup_context. You should return and save a view of the input instead, e.g. with x.view_as(x) or setup "
    "ctx inside the forward function itself."
)
_NOTHING: frozenset[int] = frozenset()


class Outputs:
    """The results of one call, on their way to the caller.

    ``unsaved`` holds what must not be an input returned as it is: under ``setup_context``, all that is saved.
    """

    def __init__(self, node: FunctionNode, args: Sequence[Any], outputs: tuple[Any, ...], *, split: bool) -> None:
        self.node, self.raw = node, outputs
        self.recorded = bool(node.next_nodes)
        self.inputs = {id(a) for a in args if isinstance(a, TensorBase)}
        self.dirty = self._marked("dirty_tensors", "mark_dirty can only accept variables, but argument ")
        self.constant = self._marked(
            "non_differentiable", "mark_non_differentiable only accepts variable arguments, but got "
        )
        self.unsaved = {id(t) for t in tuple_of(node, "to_save") if t is not None} if split else _NOTHING

    def _marked(self, name: str, complaint: str) -> frozenset[int]:
        if getattr(self.node, name) is None:
            return _NOTHING
        tensors = tuple_of(self.node, name)
        if not all(isinstance(t, TensorBase) for t in tensors):
            raise RuntimeError(complaint)
        return frozenset(map(id, tensors))

    def wrap(self) -> list[Any]:
        """The results as the caller gets them; the node learns what they are.

        Errors: RuntimeError for a write that was marked, and cannot be recorded.
        """
        for tensor in self.node.dirty_tensors or ():
            bump(tensor)
        if not self.dirty <= {id(each) for each in self.raw}:
            raise RuntimeError(_NOT_RETURNED)
        results = [self.result(nr, each) if isinstance(each, TensorBase) else each for nr, each in enumerate(self.raw)]
        self._describe(results)
        return results

    def _describe(self, results: list[Any]) -> None:
        node = self.node
        tensors = [each if isinstance(each, TensorBase) else None for each in results]
        node.outputs = tuple(NO_TENSOR if t is None else (t._array.shape, t._array.dtype) for t in tensors)
        node.constants = frozenset(nr for nr, each in enumerate(self.raw) if not self.differentiable(each))
        if len(self.raw) - len(node.constants) > 1:
            for t in tensors:
                if t is not None and t._view is not None:
                    t._view.creation = MULTI_OUTPUT

    def differentiable(self, output: Any) -> bool:
        """Whether ``output`` carries a gradient."""
        if not self.recorded or not isinstance(output, TensorBase):
            return False
        return id(output) not in self.constant and output._array.dtype.kind not in "biu"

    def result(self, nr: int, tensor: Any) -> Any:
        """One tensor, with its history."""
        returned, modified = id(tensor) in self.inputs, id(tensor) in self.dirty
        if not self.differentiable(tensor):
            result = self.without_history(tensor, returned, modified)
        elif modified:
            result = self.rewritten(nr, tensor, returned)
        else:
            result = self.alias(tensor) if returned else tensor
            set_edge(result, self.node, nr)
        if result._view is not None and not (returned and modified):
            result._view.creation = CUSTOM
        return result

    def without_history(self, tensor: Any, returned: bool, modified: bool) -> Any:
        """A result without a gradient: an input is never changed, so an alias stands for it."""
        if not wants_grad(tensor):
            return self.alias(tensor) if returned and not modified else tensor
        if returned:
            return tensor.detach()
        return tensor.detach_() if tensor._view is None else tensor

    def alias(self, tensor: Any) -> Any:
        """A new tensor that views an input, since one tensor cannot have two histories."""
        if id(tensor) in self.unsaved:
            raise RuntimeError(_SAVED_AS_IS)
        previous, modes.grad_enabled = modes.grad_enabled, False
        try:
            return ops.view(tensor, tensor._array.shape)
        finally:
            modes.grad_enabled = previous

    def rewritten(self, nr: int, tensor: Any, returned: bool) -> Any:
        """A tensor that forward wrote into: itself, with a new history."""
        if tensor._grad_fn is None and wants_grad(tensor):
            raise RuntimeError(_LEAF)
        if not returned:
            self._complain(tensor)
        if tensor._view is not None:
            if len(self.raw) > 1:
                raise RuntimeError(_SEVERAL)
            check_inplace(tensor, True)
        rebase(tensor, self.node, nr)
        return tensor

    def _complain(self, tensor: Any) -> None:
        if tensor._view is not None:
            raise RuntimeError(_NO_INPUT)
        warnings.warn(_NO_INPUT, UserWarning, stacklevel=6)


def record_plain(node: FunctionNode, args: tuple[Any, ...], output: Any) -> bool:
    """Record the common case, one new tensor and nothing marked; False leaves the call to ``Outputs``."""
    marked = node.dirty_tensors is not None or node.non_differentiable is not None
    if marked or not node.next_nodes or not isinstance(output, TensorBase) or output._view is not None:
        return False
    array = output._array
    if array.dtype.kind in "biu" or any(output is a for a in args):
        return False
    node.outputs = ((array.shape, array.dtype),)
    set_edge(output, node, 0)
    return True


def set_edge(tensor: Any, node: FunctionNode, nr: int) -> None:
    """Let ``tensor`` be output ``nr`` of ``node``."""
    tensor._grad_fn, tensor._output_nr, tensor._requires_grad = node, nr, True
    if tensor._view is not None:
        tensor._view.attr_version = tensor._counter[0]  # what was written before is in this history
