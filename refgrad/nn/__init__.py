"""Neural networks, as ``torch.nn``."""

from refgrad.nn import functional

__all__ = ["functional"]
