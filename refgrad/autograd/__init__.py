"""Differentiation, as ``torch.autograd``."""

from refgrad.autograd import anomaly_mode, forward_ad, function, functional, graph
from refgrad.autograd.gradcheck import gradcheck, gradgradcheck
from refgrad.engine.anomaly import detect_anomaly, set_detect_anomaly
from refgrad.engine.differentiation import backward, grad
from refgrad.engine.function import Function
from refgrad.engine.grad_mode import enable_grad, no_grad, set_grad_enabled
from refgrad.engine.inference import inference_mode
from refgrad.engine.inplace import unsafe_preserve_version_counter, warn_inplace
from refgrad.engine.multithreading import is_multithreading_enabled, set_multithreading_enabled
from refgrad.engine.variable import Variable

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_multithreading_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
    "warn_inplace",
]

_unsafe_preserve_version_counter = unsafe_preserve_version_counter
