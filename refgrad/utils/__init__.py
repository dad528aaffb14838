"""Tools around training, as ``torch.utils``."""

from refgrad.engine.swap import swap_tensors
from refgrad.utils import checkpoint, hooks

__all__ = ["checkpoint", "hooks", "swap_tensors"]
