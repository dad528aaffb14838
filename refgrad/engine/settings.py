"""Settings of PyTorch's that scripts begin with. The engine has nothing to set: it remembers what was asked for, and says so."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

__all__ = [
    "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode", "get_float32_matmul_precision",
    "get_num_interop_threads", "get_num_threads", "is_deterministic_algorithms_warn_only_enabled",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal", "set_num_threads",
    "use_deterministic_algorithms",
]  # fmt: skip

_MODES = ("default", "warn", "error")


@dataclass(slots=True)
class Settings:
    """What was asked for last."""

    threads: int
    precision: str = "highest"
    deterministic: int = 0  # a place in _MODES


_now = Settings(os.cpu_count() or 1)


def get_num_threads() -> int:
    """The number that ``set_num_threads`` was given; at first, of the machine's processors."""
    return _now.threads


def get_num_interop_threads() -> int:
    """The number of the machine's processors."""
    return os.cpu_count() or 1


def set_num_threads(num: Any) -> None:
    """Ask for a number of threads. NumPy's own is set in the environment, before it is imported.

    Errors: RuntimeError for anything but a positive integer.
    """
    if type(num) is not int:
        raise RuntimeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    _now.threads = num


def get_float32_matmul_precision() -> str:
    """The precision that ``set_float32_matmul_precision`` was given; every product is of the highest."""
    return _now.precision


def set_float32_matmul_precision(precision: Any) -> None:
    """Allow products of float32 to be less precise; they are not.

    Errors: RuntimeError for anything but a string; an unknown one is warned of.
    """
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}")
    if precision not in ("highest", "high", "medium"):
        text = "is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has no effect."
        warnings.warn(f"{precision} {text}", UserWarning, stacklevel=2)
        return
    _now.precision = precision


def set_flush_denormal(mode: bool) -> bool:
    """Ask for subnormal numbers to be taken for 0; ``False``, for NumPy cannot."""
    return False


def use_deterministic_algorithms(mode: Any, *, warn_only: bool = False) -> None:
    """Ask for the same result each time, which it is.

    Errors: TypeError for anything but a bool.
    """
    if not isinstance(mode, bool):
        given = type(mode).__name__
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {given}")
    _now.deterministic = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether ``use_deterministic_algorithms`` was asked for."""
    return _now.deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was to warn only."""
    return _now.deterministic == 1


def get_deterministic_debug_mode() -> int:
    """0 by default, 1 to warn, 2 to raise."""
    return _now.deterministic


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """Set the mode by number or name.

    Errors: TypeError for another type, RuntimeError for another mode.
    """
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _MODES:
            expected = "expected one of `default`, `warn`, `error`"
            raise RuntimeError(f"invalid value of debug_mode, {expected}, but got {debug_mode}")
        debug_mode = _MODES.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    _now.deterministic = debug_mode
