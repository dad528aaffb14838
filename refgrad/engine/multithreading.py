"""Whether a backward pass may use threads of its own: kept for programs that set it; refgrad's runs in the caller's."""

from __future__ import annotations

from typing import Any

from refgrad.engine.grad_mode import _Mode
from refgrad.engine.modes import modes


def is_multithreading_enabled() -> bool:
    """Whether this thread allows it."""
    return modes.multithreading


class set_multithreading_enabled(_Mode):
    """Set at once, and put back at the end of a ``with`` block."""

    def __init__(self, mode: bool) -> None:
        self.prev, self.mode = modes.multithreading, mode
        modes.multithreading = mode

    def fresh(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        modes.multithreading = self.prev
