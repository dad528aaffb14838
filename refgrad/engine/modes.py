"""The modes that a thread runs in, and the one late binding of the engine: the class of results."""

from __future__ import annotations

import contextvars
import threading
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
