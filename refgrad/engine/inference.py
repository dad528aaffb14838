"""Inference mode: nothing is recorded, and new tensors count no writes, so that no graph can ever trust them.

Such a tensor is told by its counter, an ``Unversioned``, which its views share. It may require grad all the same; outside,
an op is recorded only if it sees a tensor that is none.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

from refgrad.engine.grad_mode import _Mode
from refgrad.engine.graph import TensorBase, Unversioned
from refgrad.engine.modes import Layer, modes
from refgrad.engine.views import INFERENCE


class InferenceLayer(Layer):
    """Runs each op unrecorded, whatever the grad mode, and marks what is new."""

    def record(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, inplace: bool) -> Any:
        previous, modes.grad_enabled = modes.grad_enabled, False
        try:
            result = below(op, inputs, params)
        finally:
            modes.grad_enabled = previous
        if not inplace:
            for tensor in result if isinstance(result, tuple) else (result,):
                self.created(tensor)
        return result

    def created(self, tensor: TensorBase) -> None:
        if tensor._requires_grad:
            _LEAVES.add(tensor)
        if tensor._counter is None:  # else it shares its storage with a tensor from outside
            tensor._counter = Unversioned([0])
        elif isinstance(tensor._counter, Unversioned):
            tensor._view = None  # of an inference tensor nobody tracks the views
        elif tensor._view is not None:
            tensor._view.creation = INFERENCE


class LeafLayer(Layer):
    """On in a thread that has made inference tensors that require grad, as long as there are any."""

    def __init__(self) -> None:
        self.alive: dict[int, weakref.ref[TensorBase]] = {}

    def add(self, tensor: TensorBase) -> None:
        """Look out for ``tensor`` from now on."""
        self.alive[id(tensor)] = weakref.ref(tensor, functools.partial(self.lose, id(tensor)))
        if self not in modes.layers:
            modes.set_layers((self, *modes.layers))

    def lose(self, key: int, _: Any) -> None:
        del self.alive[key]
        if not self.alive:
            modes.drop_layer(self)

    def record(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, inplace: bool) -> Any:
        if (
            inplace
            or op.name == "clone"
            or not all(isinstance(x, TensorBase) and is_inference(x) for x in inputs if x is not None)
        ):
            return below(op, inputs, params)  # a number is a tensor, too, and a clone is copied into one that is none
        previous, modes.grad_enabled = modes.grad_enabled, False
        try:
            result = below(op, inputs, params)
        finally:
            modes.grad_enabled = previous
        for tensor in result if isinstance(result, tuple) else (result,):
            if is_inference(tensor):
                tensor._view = None
        return result


_LAYER = InferenceLayer()
_LEAVES = LeafLayer()


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return _LAYER in modes.layers


def is_inference(input: Any) -> bool:
    """Whether a tensor was made in inference mode."""
    return isinstance(input._counter, Unversioned)


def requires_grad(tensor: TensorBase) -> None:
    """Take note of an inference tensor that requires grad from now on."""
    _LEAVES.add(tensor)


class inference_mode(_Mode):
    """As ``no_grad``, for good: tensors made inside can take part in no graph later. ``mode=False`` suspends it."""

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls) if isinstance(mode, bool) else cls()(mode)  # `@inference_mode` without parentheses

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def fresh(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        self.prev = modes.grad_enabled, _LAYER in modes.layers
        _set(not self.mode, self.mode)

    def __exit__(self, *exc: object) -> None:
        _set(*self.prev)


def _set(grad_enabled: bool, inference: bool) -> None:
    modes.grad_enabled = grad_enabled
    modes.drop_layer(_LAYER)
    if inference:
        modes.set_layers((*modes.layers, _LAYER))
    modes.inference = inference
