"""Reverse mode on a level of its own, which is how derivatives nest.

While a ``GradLevel`` is on, a tensor that takes part in it is a tracked tensor: it has a history of that level, and stands for
a value of the level below. Each op runs below first, on the values, and is then noted here; so a derivative inside
a derivative, and a graph that someone else is recording, never see each other's histories.

Source: the interpreter stack of ``torch.func`` (JAX's autodidax, part 1, tells its idea).
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from refgrad.engine.differentiation import make_grads, run_backward
from refgrad.engine.function_transform import at_grad_level
from refgrad.engine.graph import Node, TensorBase, wrap
from refgrad.engine.inplace import _attach_before_write, _save_after_write, bump, check_inplace, rebase
from refgrad.engine.modes import Layer, modes
from refgrad.engine.primitive import Primitive
from refgrad.engine.recording import connect
from refgrad.engine.saving import ABSENT, CONSTANT, NEEDED, note_view
from refgrad.engine.views import DEFAULT, MULTI_OUTPUT, NO_GRAD, CopySlices, make_view, own_array

_CAPTURED = (
    "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place operation "
    "(aten::{}_.Tensor) that would mutate a captured Tensor. This is not supported; please rewrite the function being "
    "transformed to explicitly accept the mutated Tensor(s) as inputs."
)
REQUIRES_GRAD = (
    "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) inside of a "
    "function being transformed by a functorch transform. This is unsupported, please attempt to use the functorch transforms "
    "(e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function being transformed instead."
)
BACKWARD = (
    "backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp "
    "instead or call backward() outside of functorch transforms."
)


def refuse_state(what: str) -> None:
    """Refuse what changes a tensor, where only functions can be transformed.

    Errors: RuntimeError for ``backward`` and ``requires_grad_``.
    """
    if what == "backward":
        raise RuntimeError(BACKWARD)
    if what == "requires_grad_":
        raise RuntimeError(REQUIRES_GRAD)


def as_tuple(result: Any) -> tuple[Any, ...]:
    """The outputs of an op."""
    return result if isinstance(result, tuple) else (result,)


class GradLevel(Layer):
    """Records the ops on its tracked tensors; to everything else they are ops on the values below."""

    on_tensors = True

    def __init__(self) -> None:
        self.outer = modes.grad_enabled  # grad mode is each level's own: that of the levels below is the one outside
        self.results: weakref.WeakKeyDictionary[Node, dict[int, Any]] = weakref.WeakKeyDictionary()

    @contextlib.contextmanager
    def recording(self) -> Iterator[GradLevel]:
        """Have this level on top, and record."""
        with modes.layer(self):
            modes.grad_enabled = True
            try:
                yield self
            finally:
                modes.grad_enabled = self.outer

    # tracked tensors --------------------------------------------------------------------------------------------------

    def track(self, value: Any, requires_grad: bool = False) -> Any:
        """A tracked tensor that stands for ``value``, and shares its memory."""
        tensor = wrap(own_array(value), requires_grad)
        tensor._inner = (self, value)
        return tensor

    def owns(self, x: Any) -> bool:
        """Whether ``x`` is a tracked tensor of this level."""
        inner = getattr(x, "_inner", None)
        return inner is not None and inner[0] is self

    def value(self, x: Any) -> Any:
        """What ``x`` stands for."""
        return x._inner[1] if self.owns(x) else x

    def created(self, tensor: TensorBase) -> None:
        """What is made while the level is on belongs to it, so that a tracked tensor can be written into it."""
        if self.owns(tensor) or tensor._grad_fn is not None or tensor._view is not None:
            return
        value = wrap(own_array(tensor))
        value._counter = tensor._counter
        inner = getattr(tensor, "_inner", None)
        if inner is not None:
            value._inner = inner
        tensor._inner = (self, value)  # type: ignore[attr-defined]

    # ops --------------------------------------------------------------------------------------------------------------

    def record(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        owned = [self.owns(x) for x in inputs]
        if inplace:
            return self.write(op, inputs, params, below, owned)
        result = self.descend(below, op, tuple(map(self.value, inputs)), params)
        tensors = as_tuple(result)
        if not any(owned) and any(t._view is not None for t in tensors):
            return result  # a view of a captured tensor
        tracked = tuple(map(self.track, tensors))
        arrays, key = self.read(inputs)
        plan = op.plan(key)
        if plan.records and modes.grad_enabled:
            connect(plan, inputs, arrays, params, tracked)
            self.remember(tracked[0]._grad_fn or tracked[-1]._grad_fn, tracked)
        if any(t._view is not None for t in tensors):
            creation = NO_GRAD if not modes.grad_enabled else MULTI_OUTPUT if op.outputs else DEFAULT
            for tensor in tracked:
                make_view(tensor, inputs[0], creation)
        return tracked if isinstance(result, tuple) else tracked[0]

    def call(self, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]) -> Any:
        return at_grad_level(self, function, args, then, below)

    def descend(
        self, below: Callable[..., Any], op: Primitive, values: tuple[Any, ...], params: tuple[Any, ...]
    ) -> Any:
        """Run ``op`` below, in the grad mode that holds there."""
        enabled = modes.grad_enabled
        modes.grad_enabled = enabled and self.outer
        try:
            return below(op, values, params)
        finally:
            modes.grad_enabled = enabled

    def read(self, inputs: tuple[Any, ...]) -> tuple[list[Any], int]:
        """As ``primitive.read``; what is not tracked here is a constant here."""
        arrays, key = [], 1
        for x in inputs:
            if not isinstance(x, TensorBase):
                arrays.append(x)
                key = 3 * key + ABSENT
                continue
            if x._view is not None and self.owns(x):
                x._view.refresh(x)
            arrays.append(x._array)
            key = 3 * key + (NEEDED if self.owns(x) and x._requires_grad else CONSTANT)
        return arrays, key

    def write(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, owned: list[bool]
    ) -> Any:
        target = inputs[0]
        if not owned[0]:
            if any(owned):
                raise RuntimeError(_CAPTURED.format(op.name.strip("_")))
            return self.descend(below, op, inputs, params)
        own_array(target)
        arrays, key = self.read(inputs)
        plan = op.plan(key)
        tracked = modes.grad_enabled and any(self.owns(x) and x._requires_grad for x in inputs)
        check_inplace(target, tracked)
        node = (
            _attach_before_write(op, key, target, inputs, arrays, params, arrays[0])
            if tracked and plan.records
            else None
        )
        value = self.value(target)
        self.descend(below, op, tuple(map(self.value, inputs)), params)
        target._array = own_array(value)
        bump(target)
        if node is not None:
            _save_after_write(node, target)
            rebase(target, node)
            note_view(node, target)
            self.remember(node, (target,))
        return target

    def turned(self, tensor: Any, view: Any, params: tuple[Any, ...]) -> None:
        if self.owns(tensor):
            with self.off():
                turned = self.descend(
                    lambda _, values, given: view(*values, *given), view.op, (self.value(tensor),), params
                )
            tensor._inner = (self, turned)

    # results that nodes saved -----------------------------------------------------------------------------------------

    def remember(self, node: Node | None, tensors: Sequence[Any]) -> None:
        """Keep the values behind the outputs of a node that saved them."""
        if node is not None and node.plan.saves_results:
            self.results[node] = {i: self.value(t) for i, t in enumerate(tensors)}

    def restored(self, tensor: Any, node: Node) -> None:
        value = self.results.get(node, {}).get(tensor._output_nr)
        if value is not None:
            tensor._inner = (self, value)

    # what cannot be done ----------------------------------------------------------------------------------------------

    def refuse(self, what: str, tensor: Any) -> Any:
        refuse_state(what)
        return self.value(tensor)

    # backward ---------------------------------------------------------------------------------------------------------

    def pull(
        self,
        outputs: Sequence[Any],
        inputs: Sequence[Any],
        cotangents: Sequence[Any] | None = None,
        *,
        keep: bool = False,
    ) -> list[Any]:
        """The gradients of ``inputs``, as tensors of the level below; zeros where there is no way to an input.

        Errors: RuntimeError for cotangents that do not fit.
        """
        grads = make_grads(outputs, cotangents if cotangents is not None else [None] * len(outputs))
        rows = [(out, grad) for out, grad in zip(outputs, grads) if self.requires_grad(out)]
        found: list[Any] = [None] * len(inputs)
        if rows:
            with modes.layer(Unwrapping(self)):
                roots, given = zip(*rows)
                recorded = modes.grad_enabled
                found = run_backward(roots, given, keep=keep, graph=recorded, inputs=inputs, accumulate_grad=False)
        return [zeros_like(self.value(x)) if g is None else g for g, x in zip(found, inputs)]

    def requires_grad(self, tensor: Any) -> bool:
        """Whether ``tensor`` depends, on this level, on what is differentiated."""
        if not self.owns(tensor):
            return False
        if tensor._view is not None:
            tensor._view.refresh(tensor)
        return bool(tensor._requires_grad)


def zeros_like(tensor: Any) -> Any:
    """Zeros in the shape and type of ``tensor``."""
    return modes.created(wrap(np.zeros_like(tensor._array)), tensor)


class Unwrapping(Layer):
    """Runs each op on the values that a level's tracked tensors stand for: the level's backward pass, seen from below."""

    on_tensors = True

    def __init__(self, level: GradLevel) -> None:
        self.level = level

    def record(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        return below(op, tuple(map(self.level.value, inputs)), params)

    def call(self, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]) -> Any:
        return below(function, tuple(map(self.level.value, args)), then)

    def restored(self, tensor: Any, node: Node) -> None:
        self.level.restored(tensor, node)

    def refuse(self, what: str, tensor: Any) -> Any:
        return self.level.value(tensor)


__all__ = ["CopySlices", "GradLevel", "Unwrapping", "as_tuple", "refuse_state", "zeros_like"]
