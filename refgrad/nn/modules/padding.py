"""Padding as modules."""

from __future__ import annotations

from typing import Any

from refgrad.nn import functional as F
from refgrad.nn.modules.module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """Padding in one ``mode``; a single number stands for all ends."""

    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        ends = 2 * int(type(self).__name__[-2])
        self.padding = (padding,) * ends if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_Pad):
    value = 0.0


class _ReflectionPad(_Pad):
    mode = "reflect"


class _ReplicationPad(_Pad):
    mode = "replicate"


class _CircularPad(_Pad):
    mode = "circular"


class ConstantPad1d(_ConstantPad):
    """A value around a signal."""


class ConstantPad2d(_ConstantPad):
    """A value around an image."""


class ConstantPad3d(_ConstantPad):
    """A value around a volume."""


class ZeroPad1d(_ZeroPad):
    """Zeros around a signal."""


class ZeroPad2d(_ZeroPad):
    """Zeros around an image."""


class ZeroPad3d(_ZeroPad):
    """Zeros around a volume."""


class ReflectionPad1d(_ReflectionPad):
    """A signal's reflection around it."""


class ReflectionPad2d(_ReflectionPad):
    """An image's reflection around it."""


class ReflectionPad3d(_ReflectionPad):
    """A volume's reflection around it."""


class ReplicationPad1d(_ReplicationPad):
    """A signal's outer elements around it."""


class ReplicationPad2d(_ReplicationPad):
    """An image's outer elements around it."""


class ReplicationPad3d(_ReplicationPad):
    """A volume's outer elements around it."""


class CircularPad1d(_CircularPad):
    """A signal's other end around it."""


class CircularPad2d(_CircularPad):
    """An image's other end around it."""


class CircularPad3d(_CircularPad):
    """A volume's other end around it."""
