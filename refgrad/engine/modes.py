"""The modes that a thread runs in, and the one late binding of the engine: the class of results."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class Layer:
    """A rare feature that is switched on for a while: it runs each op in place of the engine, and may ask the rest to.

    An ordinary op pays nothing for it: that no layer is on is told by the same number as that grad mode is.
    """

    on_tensors = False  # whether a backward pass must compute with tensors while the layer is on, recorded or not

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Have only the layers below this one on."""
        layers = modes.layers
        modes.set_layers(layers[: layers.index(self)] if self in layers else layers)
        try:
            yield
        finally:
            modes.set_layers(layers)

    def record(
        self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        """Run ``op``, in place on its first input if ``inplace``; ``below(op, inputs, params)`` does so without this layer."""
        return below(op, inputs, params)

    def call(self, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]) -> Any:
        """Run a custom Function, if ``on_tensors``; ``below(function, args, then)`` does so without this layer."""
        return below(function, args, then)

    def created(self, tensor: Any) -> None:
        """Look at a new tensor that no op has made."""

    def likened(self, tensor: Any, like: Any) -> None:
        """Look at a new tensor that was made in the likeness of another."""

    def turned(self, tensor: Any, view: Callable[..., Any], params: tuple[Any, ...]) -> None:
        """Look at a tensor that is about to see its memory as ``view(tensor, *params)`` does."""

    def restored(self, tensor: Any, node: Any) -> None:
        """Look at a tensor that stands for an output that ``node`` had saved."""

    def refuse(self, what: str, tensor: Any) -> Any:
        """Raise where ``what`` (``item``, ``backward``, ``random``, ...) cannot be done; else ``tensor`` as it is below."""
        return tensor

    def describe(self, tensor: Any) -> str | None:
        """What printing shows as the tangent of ``tensor``."""
        return None


def _quiet_numpy() -> tuple[contextvars.ContextVar[Any], Any]:
    """NumPy's error state with every warning off, and the context variable that holds it.

    Setting the variable costs a seventh of entering ``np.errstate``.
    """
    with np.errstate(all="ignore"):
        context = contextvars.copy_context()
    return next((var, value) for var, value in context.items() if var.name == "numpy.ufunc.extobj")


error_state, quiet = _quiet_numpy()


class Here:
    """What an op must know of its thread: one read of the thread's own storage, which is dear, gives it all.

    ``state`` is 1 while ops are recorded, plus 2 while layers are on. ``quietly(function, *args)`` calls a function with
    NumPy's warnings off: PyTorch divides by zero in silence. ``inplace_watch`` is called with ``(name, tensor)`` before each
    in-place op; see ``inplace.warn_inplace``. ``task`` is the backward pass that is running.
    """

    __slots__ = ("inplace_watch", "quietly", "state", "task")

    def __init__(self, state: int) -> None:
        context = contextvars.Context()
        context.run(error_state.set, quiet)
        self.state = state
        self.task: Any = None
        self.inplace_watch: Any = None
        # to enter a context costs a third of setting a variable and back
        self.quietly: Callable[..., Any] = context.run


class Modes(threading.local):
    """What holds in the current thread; the class attributes are what a new thread starts with."""

    start: int = 1  # the state
    layers: tuple[Layer, ...] = ()  # innermost last
    inference: bool = False
    multithreading: bool = True
    anomaly: bool = False  # set on the class: these two hold for all threads
    check_nan: bool = True

    def __init__(self) -> None:
        self.here = Here(self.start)

    @property
    def state(self) -> int:
        return self.here.state

    @state.setter
    def state(self, value: int) -> None:
        self.here.state = value

    @property
    def task(self) -> Any:
        return self.here.task

    @property
    def grad_enabled(self) -> bool:
        return self.here.state & 1 == 1

    @grad_enabled.setter
    def grad_enabled(self, value: bool) -> None:
        here = self.here
        here.state = here.state & ~1 | bool(value)

    @contextlib.contextmanager
    def layer(self, layer: Layer) -> Iterator[None]:
        """Put ``layer`` on top of the others."""
        self.set_layers((*self.layers, layer))
        try:
            yield
        finally:
            self.drop_layer(layer)

    def drop_layer(self, layer: Layer) -> None:
        """Take ``layer`` off, wherever it is."""
        self.set_layers(tuple(each for each in self.layers if each is not layer))

    def created(self, tensor: Any, like: Any = None) -> Any:
        """``tensor``, shown to the layers that are on; ``like`` is the tensor whose method made it, if any."""
        for layer in self.layers:
            layer.created(tensor)
            if like is not None:
                layer.likened(tensor, like)
        return tensor

    def refuse(self, what: str, tensor: Any = None) -> None:
        """Let each layer that is on, innermost first, object to ``what``."""
        for layer in reversed(self.layers):
            tensor = layer.refuse(what, tensor)

    def set_layers(self, layers: tuple[Layer, ...]) -> None:
        """Have just these layers on."""
        self.layers = layers
        self.state = (self.state & ~2) | (2 if layers else 0)


modes = Modes()


_given: set[str] = set()
_warn_always = False


def warn_once(message: str, *, stacklevel: int) -> None:
    """Warn once a process, as PyTorch's C++ side does."""
    if _warn_always or message not in _given:
        _given.add(message)
        warnings.warn(message, UserWarning, stacklevel=stacklevel)


def set_warn_always(b: bool) -> None:
    """Give once-only warnings each time."""
    global _warn_always
    _warn_always = b


def is_warn_always_enabled() -> bool:
    """Whether once-only warnings come each time."""
    return _warn_always
