"""What only PyTorch's own insides can show: whatever the backend did instead, it did better. Each is in docs/findings.md."""

from __future__ import annotations

from typing import Any

from refgrad.harness.program.ir import Grad, Statement
from refgrad.harness.program.trace import Raised

__all__ = ["of_torch"]

# a gradient of zero that PyTorch did not write out, and then cannot add to, or list
TEXTS = ("ZeroTensor", "shouldn't be called on a tensor with unallocated storage")


def of_torch(field: str, answer: Any, statement: Statement | None) -> bool:
    """Whether PyTorch's answer is an error of its inner life, or a gradient that is the input itself."""
    if isinstance(answer, Raised):
        return any(text in answer.text for text in TEXTS)
    unrecorded = isinstance(statement, Grad) and not statement.create_graph
    return unrecorded and field == "requires_grad" and answer is True
