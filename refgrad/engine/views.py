"""Views: tensors that share a base's memory, and what an in-place write through one does to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from refgrad.engine.graph import (
    FREED,
    Detached,
    Node,
    SavedResult,
    TensorBase,
    Unversioned,
    bare_node,
    gradient_edge,
)
from refgrad.engine.modes import modes
from refgrad.engine.primitive import (
    CONSTANT,
    NEEDED,
    PRIMITIVES,
    Primitive,
    PrimitiveFunction,
    build,
    node_name,
    wrap,
)
from refgrad.engine.recording import connect, read, run_forward, through_layers

DEFAULT, NO_GRAD, MULTI_OUTPUT, CUSTOM, INFERENCE = range(5)


class Geometry(NamedTuple):
    """Where a view lies in its base's memory. Units: strides and offset count elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def extent(self) -> int:
        """The number of elements from the offset to the last one, inclusive."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides))


def address(array: Any) -> int:
    """Where an array's first element lies in memory."""
    return int(array.__array_interface__["data"][0])


def is_dense(array: Any) -> bool:
    """Whether the elements fill their memory without gaps or overlaps, in whatever order."""
    expected = array.itemsize
    for stride, n in sorted(zip(array.strides, array.shape)):
        if n > 1 and stride != expected:
            return False
        expected *= n
    return True


_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() "
    "the tensor before performing the operation."
)


def check_overlap(array: Any) -> None:
    """Refuse to write where one memory location is several elements.

    Errors: RuntimeError.
    """
    if 0 in array.strides and is_expanded(array):
        raise RuntimeError(_OVERLAP)


def is_expanded(array: Any) -> bool:
    """Whether one memory location is several elements, as far as PyTorch looks: along a dimension without a stride."""
    return bool(array.size) and any(n > 1 and not stride for n, stride in zip(array.shape, array.strides))


def geometry(array: Any, base: Any) -> Geometry:
    """How ``array`` lies relative to ``base``'s first element."""
    size = array.itemsize
    return Geometry(array.shape, tuple(s // size for s in array.strides), (address(array) - address(base)) // size)


def strided(flat: Any, at: Geometry, offset: int = 0) -> Any:
    """The window ``at`` onto a 1-d array."""
    size = flat.itemsize
    return as_strided(flat[at.offset + offset :], at.shape, tuple(s * size for s in at.strides))


_MULTI_OUTPUT = (
    "This view is the output of a function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)
_NO_GRAD = (
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view "
    "and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
    "want the inplace to be tracked)."
)
_CUSTOM = (
    "This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle "
    "view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This "
    "behavior is forbidden. You can fix this by cloning the output of the custom Function."
)
_INFERENCE = _NO_GRAD.replace("no_grad", "inference_mode")
_WHY = {NO_GRAD: _NO_GRAD, MULTI_OUTPUT: _MULTI_OUTPUT, CUSTOM: _CUSTOM, INFERENCE: _INFERENCE}


def restriction(tensor: TensorBase, creation: int, event: str) -> str:
    """Why a view that was created so may take no part in an in-place write."""
    node = tensor._grad_fn
    what = "A view" if node is None else f"Output {tensor._output_nr} of {node.title()} is a view"
    if node is None or creation in (NO_GRAD, INFERENCE):  # without a history: made in no_grad mode, whatever else it is
        mode = "inference" if creation == INFERENCE else "no_grad"
        what += f" was created in {mode} mode" if node is None else f" of a view which was created in {mode} mode"
        event += " in normal mode" if creation == INFERENCE else " with grad mode enabled"
    return f"{what} and {event}. {_WHY[creation]}"


class View:
    """What a tensor knows as a view: its base, and the version its ``grad_fn`` was made for.

    ``lent`` is whether the tensor requires grad only because its base does: made in ``no_grad``, or before its base
    required grad. What is computed from it has a history then, which ends at the view.
    """

    __slots__ = ("attr_version", "base", "creation", "lent")

    def __init__(self, base: TensorBase, attr_version: int, creation: int) -> None:
        self.base, self.attr_version, self.creation, self.lent = base, attr_version, creation, False

    def refresh(self, tensor: TensorBase, op: Primitive | None = None, always: bool = False) -> None:
        """Bring ``tensor``'s autograd metadata up to date after a write somewhere in the family.

        The old ``grad_fn`` describes the view before the write; the new one reads the base as it is now. An ``op`` that is not
        recorded, or has no derivative, does not ask for it; who asks for the history itself is refused ``always``.
        """
        base, version = self.base, tensor._counter
        if self.lent and not base._requires_grad:
            tensor._requires_grad = self.lent = False
        if not base._requires_grad and not tensor._requires_grad:
            return
        if not tensor._requires_grad:
            tensor._requires_grad = self.lent = True
        if (
            version is None
            or version[0] == self.attr_version
            or not (base._requires_grad or tensor._grad_fn is not None)
        ):
            return
        if self.creation != DEFAULT:
            if not (modes.grad_enabled or always) or (op is not None and not op.vjps):
                return
            raise RuntimeError(
                restriction(tensor, self.creation, "its base or another view of its base has been modified inplace")
            )
        node = as_strided_node(tensor, base)
        move_retained(tensor, node)
        tensor._grad_fn, tensor._output_nr = node, 0
        self.attr_version, self.lent = version[0], False


def move_retained(tensor: TensorBase, node: Node, nr: int = 0) -> None:
    """``retain_grad`` follows the tensor to its new history; its hooks stay with the old."""
    old = tensor._grad_fn
    if old is not None and old.hooks is not None and tensor._output_nr in old.hooks.retained:
        node.own_hooks().retained[nr] = old.hooks.retained.pop(tensor._output_nr)


def wants_grad(tensor: TensorBase) -> bool:
    """Whether gradients are wanted of ``tensor``; a view learns of its base's only when it is brought up to date."""
    view = tensor._view
    if view is None:
        return tensor._requires_grad
    return view.base._requires_grad or (tensor._requires_grad and not view.lent)


def as_strided_node(tensor: TensorBase, base: TensorBase) -> Node:
    """A node that reads ``tensor``'s window out of ``base``."""
    op = PRIMITIVES["as_strided"]
    plan = op.plan(3 + NEEDED)
    array = tensor._array
    at = geometry(array, base._array)
    return plan.attach((base,), [base._array], (at.shape, at.strides, at.offset), None, array.shape, array.dtype)


def own_array(tensor: TensorBase) -> Any:
    """The tensor's array, as one whose memory can be shared; a node that saved it as its result shares it too."""
    array = tensor._array
    if not isinstance(array, np.ndarray):
        tensor._array = array = np.asarray(array)
        node = tensor._grad_fn
        if node is not None:
            for saved in getattr(node, "saved", ()):
                if type(saved) is SavedResult and saved.output_nr == tensor._output_nr:
                    saved._array = array
    return array


def share(tensor: TensorBase, source: TensorBase) -> None:
    """Let ``tensor`` count writes together with ``source``."""
    if source._counter is None:
        source._counter = [0]
    tensor._counter = Unversioned([0]) if source._counter.__class__ is Detached else source._counter


def make_view(tensor: TensorBase, source: TensorBase, creation: int = DEFAULT) -> None:
    """Enter ``tensor`` into the family of ``source``."""
    share(tensor, source)
    held = source._view
    if held is not None and creation == DEFAULT:
        creation = held.creation  # a view of a restricted view is as restricted
    assert tensor._counter is not None
    tensor._view = View(held.base if held is not None else source, tensor._counter[0], creation)


def record_view(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """As ``record``, for an op whose result shares memory with its first input."""
    plain = record_view_plain
    return through_layers(plain, op, inputs, params) if modes.layers else plain(op, inputs, params)


def record_view_plain(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """As ``record_view``, below all layers."""
    source = inputs[0]
    own_array(source)
    arrays, key = read(op, inputs)
    result = run_forward(op, arrays, params)
    tensors = tuple(map(wrap, result)) if op.outputs else (wrap(result),)
    plan = op.plan(key)
    if plan.records and modes.grad_enabled:
        connect(plan, inputs, arrays, params, tensors)
    creation = NO_GRAD if not modes.grad_enabled else MULTI_OUTPUT if op.outputs else DEFAULT
    for tensor in tensors:
        make_view(tensor, source, creation)
    return tensors if op.outputs else tensors[0]


def view_primitive(
    *, name: str | None = None, outputs: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], PrimitiveFunction]:
    """Make a primitive of a function whose result shares its input's memory."""

    def decorate(forward: Callable[..., Any]) -> PrimitiveFunction:
        op = Primitive(forward, promotes="no", name=name or node_name(forward.__name__), outputs=outputs)
        return build(op, record_view, forward.__doc__)

    return decorate


class CopySlices(Node):
    """The node of a base after a write through a view: the window's gradient goes through the write, the rest past it."""

    __slots__ = ("frame", "freed", "function", "window")
    freed: bool
    function: Node
    window: Geometry
    frame: Geometry

    def run(self, grad: Any, graph: bool) -> tuple[Any, ...]:
        if self.freed:  # once, even where the write itself saved nothing, as in PyTorch
            raise RuntimeError(FREED)
        return self._run_tensors(grad) if graph else self._run_arrays(grad)

    def _run_arrays(self, grad: Any) -> tuple[Any, ...]:
        flat = np.zeros(self.frame.extent, grad.dtype)
        whole, window = strided(flat, self.frame), strided(flat, self.window)
        whole[...] = grad
        first, *others = self.function.run(window.copy(), False)
        if first is not None:
            check_overlap(window)
        window[...] = 0 if first is None else first
        return (whole, *others)

    def _run_tensors(self, grad: Any) -> tuple[Any, ...]:
        flat = grad.new_zeros(self.frame.extent)
        flat.as_strided(*self.frame).copy_(grad)
        window = flat.as_strided(*self.window)
        first, *others = self.function.run(window.clone(), True)
        window.zero_() if first is None else window.copy_(first)
        return (flat.as_strided(*self.frame), *others)

    def release(self) -> None:
        self.function.release()
        self.freed = True


def copy_slices(view: TensorBase, base: TensorBase, function: Node) -> CopySlices:
    """The base's new node after ``function`` wrote into ``view``."""
    node: CopySlices = bare_node(CopySlices)
    array = base._array
    node.shape, node.dtype = array.shape, array.dtype
    node.function, node.freed = function, False
    node.window = geometry(view._array, array)
    node.frame = geometry(array, array)
    first, nr = gradient_edge(base) if base._requires_grad else (None, 0)
    node.next_nodes = (first, *function.next_nodes[1:])
    node.next_nrs = (nr, *(function.next_nrs or (0,) * len(function.next_nodes))[1:])
    return node


__all__ = [
    "CONSTANT",
    "NEEDED",
    "CopySlices",
    "Geometry",
    "View",
    "copy_slices",
    "make_view",
    "own_array",
    "restriction",
    "share",
    "view_primitive",
    "wants_grad",
]
