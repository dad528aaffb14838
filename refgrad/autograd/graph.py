"""The recorded graph, as ``torch.autograd.graph``."""

import abc

from refgrad.engine import graph
from refgrad.engine.function import BackwardCFunction
from refgrad.engine.graph import GradientEdge
from refgrad.engine.inplace import increment_version
from refgrad.engine.multi_grad import get_gradient_edge, register_multi_grad_hook
from refgrad.engine.mutation import allow_mutation_on_saved_tensors
from refgrad.engine.saved_hooks import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class Node(abc.ABC):
    """What ``grad_fn`` shows: a node, or the ``ctx`` of a custom Function."""

    @abc.abstractmethod
    def name(self) -> str:
        """The node's name, such as ``MulBackward0``."""


Node.register(graph.Node)
Node.register(BackwardCFunction)
