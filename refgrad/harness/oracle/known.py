"""What only PyTorch's own insides can show: whatever the backend did instead, it did better. Each is in docs/findings.md."""

from __future__ import annotations

from typing import Any

from refgrad.harness.program.ir import Grad, Statement
from refgrad.harness.program.trace import Raised

__all__ = ["of_torch"]

TEXTS = (
    "ZeroTensor",  # a gradient of zero that PyTorch did not write out, and then cannot add to
    "shouldn't be called on a tensor with unallocated storage",  # or list
    "has changed the type of value",  # times a number: no hook of a program does more
    "Autograd not support dtype",  # integers that require grad, after a write of a number that does
    "INTERNAL ASSERT FAILED",
)


def of_torch(field: str, answer: Any, statement: Statement | None) -> bool:
    """Whether PyTorch's answer is an error of its inner life, or a gradient that is the input itself."""
    if isinstance(answer, Raised):
        return any(text in answer.text for text in TEXTS)
    unrecorded = isinstance(statement, Grad) and not statement.create_graph
    return unrecorded and field == "requires_grad" and answer is True
