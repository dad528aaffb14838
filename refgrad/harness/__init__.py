"""Runs and compares backends: imports NumPy and :mod:`refgrad.errors`, never an engine.

For property tests of a backend: ``programs()``, a Hypothesis strategy, and ``assert_conforms(backend, program)``.
"""

from typing import Any

__all__ = ["assert_conforms", "programs"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from refgrad.harness.program import strategies  # late: `refgrad.harness` alone loads nothing

    return getattr(strategies, name)
