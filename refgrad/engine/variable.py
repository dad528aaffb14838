"""``Variable``, the tensor of PyTorch before 0.4, and the engine's handle that still hangs on it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.tensor import Tensor


class ExecutionEngine:
    """What of the engine PyTorch shows to Python."""

    def queue_callback(self, callback: Callable[[], Any]) -> None:
        """Call ``callback`` at the end of the backward pass that is running.

        Errors: RuntimeError outside one.
        """
        if modes.task is None:
            raise RuntimeError("Final callbacks can only be installed during backward pass.")
        modes.task.callbacks.append(callback)


class VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase)


class Variable(metaclass=VariableMeta):
    """Gives a tensor over the memory of ``data``; every tensor is an instance."""

    _execution_engine = ExecutionEngine()

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                UserWarning,
                stacklevel=2,
            )
        if data is None:
            return Tensor()
        if not isinstance(data, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.data.requires_grad_(requires_grad)  # type: ignore[attr-defined]
