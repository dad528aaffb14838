"""Settings: remembered and told as PyTorch tells them."""

from __future__ import annotations

import warnings
from typing import Any

from tests.engine.live import attempt, live


@live
def test_threads(xp: Any) -> Any:
    """The number of threads is what was asked for, and must be a positive integer."""
    before = xp.get_num_threads()
    try:
        wrong = [attempt(lambda n=n: xp.set_num_threads(n)) for n in (0, 1.5, "a", True)]
        return wrong, xp.set_num_threads(3), xp.get_num_threads(), xp.get_num_interop_threads() > 0
    finally:
        xp.set_num_threads(before)


@live
def test_precision(xp: Any) -> Any:
    """The precision of products is one of three; another is warned of and left alone."""
    before = xp.get_float32_matmul_precision()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            asked = [attempt(lambda p=p: xp.set_float32_matmul_precision(p)) for p in ("high", "low", 3)]
        texts = [str(each.message).partition(" (Triggered")[0] for each in caught]
        return before, asked, texts, xp.get_float32_matmul_precision()
    finally:
        xp.set_float32_matmul_precision(before)


@live
def test_determinism(xp: Any) -> Any:
    """Determinism is asked for by a bool, or by the name or number of a mode."""

    def told() -> Any:
        return (
            xp.are_deterministic_algorithms_enabled(),
            xp.is_deterministic_algorithms_warn_only_enabled(),
            xp.get_deterministic_debug_mode(),
        )

    calls = [
        lambda: None,
        lambda: xp.use_deterministic_algorithms(True),
        lambda: xp.use_deterministic_algorithms(True, warn_only=True),
        lambda: xp.use_deterministic_algorithms("yes"),
        lambda: xp.set_deterministic_debug_mode("error"),
        lambda: xp.set_deterministic_debug_mode("often"),
        lambda: xp.set_deterministic_debug_mode(3),
        lambda: xp.set_deterministic_debug_mode(1.5),
        lambda: xp.set_deterministic_debug_mode(1),
        lambda: xp.use_deterministic_algorithms(False),
    ]
    try:
        return [(attempt(call), told()) for call in calls]
    finally:
        xp.use_deterministic_algorithms(False)
