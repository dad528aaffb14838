"""The device beside the CPU, which is not here, as ``torch.accelerator``."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_accelerator", "current_device_index", "device_count", "empty_cache", "is_available", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: the reference computes on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None."""


def current_device_index() -> NoReturn:
    """Refused.

    Errors: RuntimeError.
    """
    raise RuntimeError("Cannot access accelerator device when none is available.")


def empty_cache() -> NoReturn:
    """Refused, as ``current_device_index`` is."""
    current_device_index()


def synchronize(device: Any = None) -> NoReturn:
    """Refused, as ``current_device_index`` is."""
    current_device_index()
