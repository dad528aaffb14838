"""What only PyTorch's own insides can show: whatever the backend did instead, it did better. Each is in docs/findings.md."""

from __future__ import annotations

from refgrad.harness.program.ir import Grad, Statement
from refgrad.harness.program.trace import Difference, Raised

__all__ = ["of_torch"]

# a gradient of zero that PyTorch did not write out, and then cannot add to, or list
TEXTS = ("ZeroTensor", "shouldn't be called on a tensor with unallocated storage")


def of_torch(difference: Difference, statement: Statement | None) -> bool:
    """Whether what was expected is an error of PyTorch's inner life, or a gradient that is the input itself."""
    expected = difference.expected
    if isinstance(expected, Raised):
        return any(text in expected.text for text in TEXTS)
    unrecorded = isinstance(statement, Grad) and not statement.create_graph
    return unrecorded and difference.field == "requires_grad" and expected is True
