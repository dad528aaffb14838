"""Derivatives of functions, as ``torch.autograd.functional``."""

from refgrad.engine.functional import hessian, hvp, jacobian, jvp, vhp, vjp

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
