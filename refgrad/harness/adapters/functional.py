"""The adapter base of a functional library over NumPy-like arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from refgrad.harness.adapters.numpy_ops import numpy_ops

__all__ = ["FunctionalBackend"]

Fn = Callable[..., Any]


class FunctionalBackend:
    """What adapters of functional libraries repeat: arrays and ops spelled as NumPy's; ``vjp`` is the adapter's.

    ``array_module`` is the library's NumPy; ``exceptions`` are the ops that it spells otherwise (None: has not).
    """

    name = version = homepage = ""
    nested = True
    array_module: Any
    exceptions: ClassVar[Mapping[str, Fn | None]] = {}

    def asarray(self, array: np.ndarray[Any, Any]) -> Any:
        """The library's own array with a copy of ``array``."""
        return self.array_module.array(array)

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        """A copy of ``value``."""
        return np.array(value)

    def conjugated(self, *arrays: Any) -> tuple[Any, ...]:
        """PyTorch's gradients of complex numbers for those of other libraries, and the reverse: their conjugates."""
        conj = self.array_module.conj
        return tuple(conj(each) if "complex" in str(each.dtype) else each for each in arrays)

    def ops(self) -> dict[str, Fn]:
        """The library's ops under PyTorch's names."""
        return numpy_ops(self.array_module, self.exceptions)
