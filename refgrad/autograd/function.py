"""Custom functions, as ``torch.autograd.function``."""

from refgrad.engine.function import BackwardCFunction, Function, FunctionCtx, FunctionMeta, once_differentiable

__all__ = ["BackwardCFunction", "Function", "FunctionCtx", "FunctionMeta", "once_differentiable"]
