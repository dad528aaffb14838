"""Forward mode: tensors that carry a tangent, and the tangents of what is computed from them.

A ``ForwardLevel`` runs each op as it is, and works out the tangent of the result beside it. The rules run with the level off,
so a tangent is an ordinary tensor: recorded where grad mode is on, and dual on the levels outside.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from refgrad.engine import ops
from refgrad.engine.function_transform import at_forward_level, require_context
from refgrad.engine.grad_mode import _Mode
from refgrad.engine.graph import Node, TensorBase, wrap
from refgrad.engine.level import as_tuple, zeros_like
from refgrad.engine.modes import Layer, modes
from refgrad.engine.primitive import Primitive
from refgrad.engine.tangent import push
from refgrad.engine.views import CopySlices, geometry, is_dense, own_array, view_primitive

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class ForwardLevel(Layer):
    """Carries a tangent along with each result that depends on a dual tensor of this level."""

    on_tensors = True

    def __init__(self) -> None:
        self.results: weakref.WeakKeyDictionary[Node, dict[int, Any]] = weakref.WeakKeyDictionary()
        self.duals: list[weakref.ref[Any]] = []

    def clear(self) -> None:
        """Forget all tangents of this level."""
        for ref in self.duals:
            tensor = ref()
            if tensor is not None:
                tensor._tangents.pop(self, None)
        self.duals.clear()
        self.results.clear()

    # tangents ---------------------------------------------------------------------------------------------------------

    def set(self, tensor: Any, tangent: Any) -> None:
        """Let ``tensor`` carry ``tangent``; None keeps it from taking its base's."""
        held = getattr(tensor, "_tangents", None)
        if held is None:
            held = tensor._tangents = {}
        if self not in held:
            self.duals.append(weakref.ref(tensor))
        held[self] = tangent

    def tangent(self, x: Any) -> Any:
        """The tangent of ``x``, if it has one; a view's is a view of its base's."""
        if not isinstance(x, TensorBase):
            return None
        held = getattr(x, "_tangents", None)
        if held is not None and self in held:
            return held[self]
        base = None if x._view is None else self.tangent(x._view.base)
        if base is None:
            return None
        assert x._view is not None
        with self.off():
            tangent = ops.as_strided(base, *geometry(x._array, x._view.base._array))
        self.set(x, tangent)
        return tangent

    def attach(self, tensor: Any, tangent: Any) -> None:
        """As ``set``, with a tangent laid out as its tensor is, so that their views go together."""
        if tangent._array.strides != tensor._array.strides and is_dense(np.asarray(tensor._array)):
            tangent = modes.created(wrap(np.empty_like(tensor._array, dtype=tangent._array.dtype)), tangent).copy_(
                tangent
            )
        self.set(tensor, tangent)

    # ops --------------------------------------------------------------------------------------------------------------

    def record(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        if modes.inference or not _thread.enabled:
            return below(op, inputs, params)
        tangents = {i: t for i, x in enumerate(inputs) if (t := self.tangent(x)) is not None}
        if not tangents:
            return below(op, inputs, params)
        if inplace:
            return self.write(op, inputs, params, below, tangents)
        result = below(op, inputs, params)
        outputs = as_tuple(result)
        if any(out._view is not None for out in outputs):
            moved = as_tuple(below(op, (tangents[0], *inputs[1:]), params)) if 0 in tangents else ()
            for out, tangent in zip(outputs, moved):
                self.set(out, tangent)
            return result
        with self.off():
            for out, tangent in zip(outputs, push(op, inputs, params, outputs, tangents)):
                if tangent is not None:
                    self.attach(out, unshared(tangent, tangents))
        self.remember(outputs[0]._grad_fn or outputs[-1]._grad_fn, outputs)
        return result

    def write(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, tangents: dict[int, Any]
    ) -> Any:
        target = inputs[0]
        with self.off():
            old = ops.clone(target)  # the rule may save the old values, which are about to go; of the tangent too
            held = tangents.get(0)
            tangents = {i: ops.clone(t) if t is held else t for i, t in tangents.items()}
        result = below(op, inputs, params)
        before = tuple(old if x is target else x for x in inputs)
        with self.off():
            (tangent,) = push(op, before, params, (target,), tangents)
            if tangent is not None:
                self.place(target, unshared(tangent, tangents))
        view = target._view
        node = target._grad_fn if view is None else view.base._grad_fn
        self.remember(node.function if isinstance(node, CopySlices) else node, (target,))
        return result

    def place(self, target: Any, tangent: Any) -> None:
        """Give ``target``, just written to, its tangent, in the memory of the one it has."""
        held = self.tangent(target)
        view = target._view
        if held is None and view is not None and self not in getattr(target, "_tangents", {}):
            self.attach(view.base, zeros_like(view.base))
            held = self.tangent(target)
        if held is None:
            self.attach(target, tangent)
        else:
            held.copy_(tangent)

    def call(self, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]) -> Any:
        if self is not _thread.level:  # a level of a transform
            require_context(function)
        if modes.inference or not _thread.enabled:
            return below(function, args, then)
        return at_forward_level(self, function, args, then, below)

    def give(self, tensor: Any, tangent: Any) -> None:
        """Let ``tensor`` carry a tangent that a user has made.

        Errors: RuntimeError for another shape.
        """
        set_tangent(self, tensor, tangent)

    def turned(self, tensor: Any, view: Callable[..., Any], params: tuple[Any, ...]) -> None:
        tangent = self.tangent(tensor)
        if tangent is not None:
            with self.off():
                self.set(tensor, view(tangent, *params))

    # results that nodes saved -----------------------------------------------------------------------------------------

    def remember(self, node: Node | None, outputs: tuple[Any, ...]) -> None:
        """Keep the tangents of the outputs of a node that saved them."""
        plan = getattr(node, "plan", None)
        if node is not None and plan is not None and plan.saves_results:
            self.results[node] = {i: self.tangent(out) for i, out in enumerate(outputs)}

    def restored(self, tensor: Any, node: Node) -> None:
        tangent = self.results.get(node, {}).get(tensor._output_nr)
        if tangent is not None:
            self.set(tensor, tangent)

    def refuse(self, what: str, tensor: Any) -> Any:
        if what.endswith("_out") and self.tangent(tensor) is not None:
            raise NotImplementedError(
                f"Trying to use forward AD with {what} that does not support it because it is an out= function"
            )
        return tensor

    def describe(self, tensor: Any) -> str | None:
        tangent = self.tangent(tensor)
        if tangent is None:
            return None
        with self.off():
            return format(tangent, "")


def unshared(tangent: Any, tangents: dict[int, Any]) -> Any:
    """``tangent``, in memory of its own: a rule may give back what it was given, or a view of it."""
    counter = tangent._counter
    taken = any(tangent is t or (counter is not None and counter is t._counter) for t in tangents.values())
    return ops.clone(tangent) if taken else tangent


# PyTorch's interface --------------------------------------------------------------------------------------------------


class _Thread(threading.local):
    level: ForwardLevel | None = None
    enabled: bool = True


_thread = _Thread()


class UnpackedDualTensor(NamedTuple):
    """A dual tensor's two parts."""

    primal: Any
    tangent: Any


@view_primitive(name="ViewBackward0")
def _make_dual(input: Any, /) -> Any:
    """The same memory, as another tensor."""
    return input[...]


@view_primitive(name="Identity")
def _fw_primal(input: Any, /) -> Any:
    """The same memory, as another tensor."""
    return input[...]


_make_dual.defvjp(lambda grad: grad)
_fw_primal.defvjp(lambda grad: grad)


def enter_dual_level() -> int:
    """Open the level; there is one at a time, number 0.

    Errors: RuntimeError within another.
    """
    if _thread.level is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _thread.level = ForwardLevel()
    modes.set_layers((*modes.layers, _thread.level))
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: all its tangents are gone.

    Errors: RuntimeError where no level is open, or it is not ``level``.
    """
    current = -1 if _thread.level is None else 0
    if level is not None and level != current:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    if _thread.level is None:
        raise RuntimeError("Dual level must be a positive number.")
    modes.drop_layer(_thread.level)
    _thread.level.clear()
    _thread.level = None


class dual_level(_Mode):
    """Within it, tensors can carry tangents."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A view of ``tensor`` that carries ``tangent``.

    Errors: RuntimeError outside a level, for a tangent of another shape, and for a tensor that is dual already; ValueError
    for integers.
    """
    if _thread.level is None and (level is None or level < 0):
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    if _thread.level is None or level not in (None, 0):
        raise RuntimeError("Invalid level given to _make_dual")
    return make_dual_at(_thread.level, tensor, tangent)


def make_dual_at(level: ForwardLevel, tensor: Any, tangent: Any) -> Any:
    """As ``make_dual``, on a level of any transform."""
    for name, part in (("primal", tensor), ("tangent", tangent)):
        if part._array.dtype.kind in "biu":
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {part.dtype}")
    if level.tangent(tensor) is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not supported."
        )
    with level.off():
        own_array(tensor)
        dual = _make_dual(tensor) if level is _thread.level else ops.alias(tensor)
    set_tangent(level, dual, tangent)
    return dual


def set_tangent(level: ForwardLevel, tensor: Any, tangent: Any) -> None:
    """Let ``tensor`` carry ``tangent``.

    Errors: RuntimeError for another shape.
    """
    if tangent._array.shape != tensor._array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor._array.shape)} while the given forward gradient is of size "
            f"{list(tangent._array.shape)}."
        )
    with level.off():
        level.attach(tensor, tangent)


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor without its tangent, and the tangent; None where there is none."""
    if _thread.level is None or level not in (None, 0):
        return UnpackedDualTensor(tensor, None)
    return unpack_dual_at(_thread.level, tensor)


def unpack_dual_at(level: ForwardLevel, tensor: Any) -> UnpackedDualTensor:
    """As ``unpack_dual``, on a level of any transform."""
    tangent = level.tangent(tensor)
    if tangent is None:
        return UnpackedDualTensor(tensor, None)
    with level.off():
        own_array(tensor)
        primal = _fw_primal(tensor) if level is _thread.level else ops.alias(tensor)
    level.set(primal, None)
    return UnpackedDualTensor(primal, tangent)


@contextlib.contextmanager
def forward_enabled(mode: bool) -> Iterator[None]:
    """Have forward mode on, or off."""
    previous, _thread.enabled = _thread.enabled, mode
    try:
        yield
    finally:
        _thread.enabled = previous


class _set_fwd_grad_enabled(_Mode):
    """Forward mode switched at once, and put back at the end of the ``with`` block."""

    def __init__(self, mode: bool) -> None:
        self.mode, self.prev = mode, _thread.enabled
        _thread.enabled = mode

    def fresh(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        _thread.enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        _thread.enabled = self.prev
