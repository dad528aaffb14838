"""The recorded graph, as ``torch.autograd.graph``."""

from refgrad.engine.graph import Node
from refgrad.engine.inplace import increment_version
from refgrad.engine.mutation import allow_mutation_on_saved_tensors
from refgrad.engine.saved_hooks import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

__all__ = [
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "increment_version",
    "save_on_cpu",
    "saved_tensors_hooks",
]
