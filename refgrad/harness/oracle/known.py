"""Errors that only PyTorch's own representations can raise: whatever the backend did instead, it did better."""

from __future__ import annotations

from refgrad.harness.program.trace import Difference, Raised

__all__ = ["of_torch"]

TEXTS = ("ZeroTensor",)  # a gradient of zero that PyTorch did not write out, and then cannot add to


def of_torch(difference: Difference) -> bool:
    """Whether what was expected is an error of PyTorch's inner life."""
    expected = difference.expected
    return isinstance(expected, Raised) and any(text in expected.text for text in TEXTS)
