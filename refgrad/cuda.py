"""The devices that are not here, as ``torch.cuda`` is where PyTorch is built without them."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_device", "device_count", "empty_cache", "is_available", "is_bf16_supported", "is_initialized",
    "manual_seed", "manual_seed_all", "max_memory_allocated", "memory_allocated", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: the reference computes on the CPU."""
    return False


is_initialized = is_available


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False, as there is no device."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator to seed."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing: there is no cache."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


max_memory_allocated = memory_allocated


def current_device() -> NoReturn:
    """Refused.

    Errors: AssertionError.
    """
    raise AssertionError("Torch not compiled with CUDA enabled")


def synchronize(device: Any = None) -> NoReturn:
    """Refused, as ``current_device`` is."""
    current_device()
