"""Parameters: the tensors that a module owns and an optimizer moves, as ``torch.nn.parameter``."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import empty
from refgrad.engine.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A leaf over the memory of ``data`` that a module registers when it is assigned as an attribute.

    Arithmetic with it gives plain tensors.
    Errors: RuntimeError where a type without derivatives is to require grad; AttributeError for what is no tensor.
    """

    _is_param = True

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        self = (empty(0) if data is None else data).detach()
        if requires_grad and not (self.is_floating_point() or self.is_complex()):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        self.__class__ = cls  # the same slots, so that nothing is copied
        return self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]


class _BufferMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(metaclass=_BufferMeta):
    """A plain tensor with a note that the module it is assigned to is to register it as a buffer."""

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        source: Any = empty(0) if data is None else data
        tensor = source.detach().requires_grad_(source.requires_grad)
        tensor.persistent, tensor._is_buffer = persistent, True
        return tensor
