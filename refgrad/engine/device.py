"""Devices: the reference has one, the CPU."""

from __future__ import annotations

from typing import Any


class device:
    """Where a tensor lives; ``str`` gives ``cpu``, ``repr`` gives ``device(type='cpu')``."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any, index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise RuntimeError(f"refgrad computes on the CPU only; device {type!r} is not there")
        self.type, self.index = name, int(number) if number else index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


_device = device
cpu = device("cpu")


def set_default_device(device: Any) -> None:
    """Let tensors be made on ``device``, which can only be the CPU, or None for the same.

    Errors: RuntimeError for any other.
    """
    if device is not None:
        _device(str(device))


def get_default_device() -> device:
    """The CPU."""
    return cpu
