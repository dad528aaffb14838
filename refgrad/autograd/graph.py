"""The recorded graph, as ``torch.autograd.graph``."""

from refgrad.engine.graph import Node
from refgrad.engine.inplace import increment_version

__all__ = ["Node", "increment_version"]
