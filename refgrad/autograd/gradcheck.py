"""Derivatives held against finite differences, as ``torch.autograd.gradcheck``."""

from refgrad.engine.gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
