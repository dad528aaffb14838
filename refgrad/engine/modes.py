"""The modes that a thread runs in, and the one late binding of the engine: the class of results."""

from __future__ import annotations

import contextvars
import threading
import warnings
from typing import Any

import numpy as np


class Modes(threading.local):
    """What holds in the current thread; the class attributes are what a new thread starts with."""

    grad_enabled: bool = True
    inplace_watch: Any = None  # called with (name, tensor) before each in-place op; see autograd.warn_inplace


modes = Modes()


def _quiet_numpy() -> tuple[contextvars.ContextVar[Any], Any]:
    """NumPy's error state with every warning off, and the context variable that holds it.

    PyTorch divides by zero in silence. Setting the variable around an op costs a seventh of entering ``np.errstate``.
    """
    with np.errstate(all="ignore"):
        context = contextvars.copy_context()
    return next((var, value) for var, value in context.items() if var.name == "numpy.ufunc.extobj")


error_state, quiet = _quiet_numpy()


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
