"""Hooks' handles, as ``torch.utils.hooks``."""

from collections.abc import Callable
from typing import Any

from refgrad.engine.graph import RemovableHandle

__all__ = ["RemovableHandle", "unserializable_hook"]


def unserializable_hook(f: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a hook as one that pickle may leave behind without a warning."""
    f.__torch_unserializable__ = True  # type: ignore[attr-defined]
    return f
