"""Differentiation, as ``torch.autograd``."""

from refgrad.autograd import function, graph
from refgrad.engine.anomaly import detect_anomaly, set_detect_anomaly
from refgrad.engine.differentiation import backward, grad
from refgrad.engine.function import Function
from refgrad.engine.grad_mode import enable_grad, no_grad, set_grad_enabled
from refgrad.engine.inplace import warn_inplace

__all__ = [
    "Function",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "grad",
    "graph",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "warn_inplace",
]
