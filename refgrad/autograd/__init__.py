"""Differentiation, as ``torch.autograd``."""

from refgrad.autograd import graph
from refgrad.engine.differentiation import backward, grad
from refgrad.engine.grad_mode import enable_grad, no_grad, set_grad_enabled
from refgrad.engine.inplace import warn_inplace

__all__ = ["backward", "enable_grad", "grad", "graph", "no_grad", "set_grad_enabled", "warn_inplace"]
