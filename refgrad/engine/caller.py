"""Where the engine was called from."""

from __future__ import annotations

import sys
from types import FrameType


def calling_frame() -> tuple[FrameType, int]:
    """The innermost frame outside the engine, and how many frames it lies above the caller of this function."""
    frame, depth = sys._getframe(1), 1
    # compiled functions have no module name; they are the engine's
    while frame.f_back is not None and frame.f_globals.get("__name__", "refgrad.engine").startswith("refgrad.engine"):
        frame, depth = frame.f_back, depth + 1
    return frame, depth
