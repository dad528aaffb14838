"""PyTorch with gradients that share no memory: what it answers otherwise then, is what a tensor that nobody named did to it.

A gradient of PyTorch's may be a view of the one before it, or of one that another leaf has got, too. Writes to the one are
seen in the other, their versions count together, and a recorded write is refused as one through a view.
"""

from __future__ import annotations

from typing import Any

from refgrad.harness.program import ir
from refgrad.harness.program.interpreter import Interpreter
from refgrad.harness.program.ir import Program, Statement
from refgrad.harness.program.trace import Difference, Trace, first_difference

__all__ = ["Apart", "shared"]


def shared(program: Program, torch: Any, theirs: Trace, difference: Difference, *, texts: bool) -> bool:
    """Whether PyTorch answers as ``theirs`` where they differ, once each of its gradients is copied as it is made."""
    found = first_difference(theirs, Apart(torch).run(program), texts=texts)
    return found is None or found.number > difference.number


class Apart(Interpreter):
    """A run in which each gradient is a tensor of its own."""

    def act(self, statement: Statement) -> Any:
        """As ever; then the gradients that are new are replaced by copies."""
        before = {id(tensor): id(grad) for tensor, grad in self.gradients()}
        try:
            return super().act(statement)
        finally:
            if isinstance(statement, ir.Grad):
                made = {name: self.tensors.get(name) for name in statement.names}
                self.tensors.update({name: self.copied(grad) for name, grad in made.items() if grad is not None})
            for tensor, grad in self.gradients() if isinstance(statement, ir.Backward) else ():
                if before.get(id(tensor)) != id(grad):
                    tensor.grad = self.copied(grad)

    def gradients(self) -> list[tuple[Any, Any]]:
        """The tensors that keep a gradient, and the gradients."""
        keepers = [x for x in self.tensors.values() if x is not None and (x.is_leaf or x.retains_grad)]
        return [(x, x.grad) for x in keepers if x.grad is not None]

    def copied(self, grad: Any) -> Any:
        """A copy, with the history that the gradient has."""
        with self.xp.set_grad_enabled(grad.requires_grad):
            return grad.clone()
