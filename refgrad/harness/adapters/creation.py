"""Where the facade makes tensors: NumPy makes the values, with PyTorch's dtypes, and the backend the tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters.precision import narrowed, widest

__all__ = ["Creation"]

DEFAULT = {"f": np.dtype("float32"), "c": np.dtype("complex64"), "i": np.dtype("int64"), "b": np.dtype("bool")}


class Creation:
    """``tensor``, ``zeros``, ``arange`` and their like, and the dtypes."""

    _backend: Any
    wrap: Any

    float16, half = np.dtype("float16"), np.dtype("float16")
    float32, float = np.dtype("float32"), np.dtype("float32")
    float64, double = np.dtype("float64"), np.dtype("float64")
    complex64, complex128 = np.dtype("complex64"), np.dtype("complex128")
    uint8, int8, int16 = np.dtype("uint8"), np.dtype("int8"), np.dtype("int16")
    int32, int = np.dtype("int32"), np.dtype("int32")
    int64, long = np.dtype("int64"), np.dtype("int64")
    bool = np.dtype("bool")
    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None

    def tensor(self, data: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.tensor``: Python's numbers take PyTorch's default dtypes, NumPy's keep theirs."""
        if isinstance(data, np.ndarray | np.generic):
            array = np.array(data, dtype)
        else:
            array = np.array(self._plain(data))
            array = array.astype(_dtype(dtype, array))
        return self._make(array, requires_grad)

    def as_tensor(self, data: Any, *, dtype: Any = None) -> Any:
        """``torch.as_tensor``, always a copy."""
        return self.tensor(data, dtype=dtype)

    def from_numpy(self, array: Any) -> Any:
        """``torch.from_numpy``, always a copy."""
        return self.tensor(array)

    def zeros(self, *size: Any, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.zeros``."""
        return self._make(np.zeros(_size(size), dtype or np.float32), requires_grad)

    def ones(self, *size: Any, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.ones``."""
        return self._make(np.ones(_size(size), dtype or np.float32), requires_grad)

    def full(self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.full``."""
        return self._make(np.full(size, fill_value, _dtype(dtype, np.asarray(fill_value))), requires_grad)

    def arange(self, *bounds: Any, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.arange``."""
        array = np.arange(*bounds)
        return self._make(array.astype(_dtype(dtype, array)), requires_grad)

    def linspace(self, start: Any, end: Any, steps: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.linspace``."""
        return self._make(np.linspace(start, end, steps).astype(dtype or np.float32), requires_grad)

    def eye(self, n: Any, m: Any = None, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.eye``."""
        return self._make(np.eye(n, m, dtype=dtype or np.float32), requires_grad)

    def zeros_like(self, input: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.zeros_like``."""
        return self._make(np.zeros(input.shape, dtype or input.dtype), requires_grad)

    def ones_like(self, input: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.ones_like``."""
        return self._make(np.ones(input.shape, dtype or input.dtype), requires_grad)

    def full_like(self, input: Any, fill_value: Any, *, dtype: Any = None, requires_grad: Any = False) -> Any:
        """``torch.full_like``."""
        return self._make(np.full(input.shape, fill_value, dtype or input.dtype), requires_grad)

    def _make(self, array: np.ndarray[Any, Any], requires_grad: Any) -> Any:
        array = narrowed(array, widest(self._backend), exact=True)
        leaf = getattr(self._backend, "leaf", None)
        if leaf is not None:
            return self.wrap(leaf(array, requires_grad=requires_grad))
        if requires_grad:
            raise Unsupported("requires_grad=True")
        return self.wrap(self._backend.asarray(array))

    def _plain(self, data: Any) -> Any:
        if isinstance(data, list | tuple):
            return [self._plain(each) for each in data]
        return data.numpy() if hasattr(data, "raw") else data


def _dtype(asked: Any, array: np.ndarray[Any, Any]) -> Any:
    return DEFAULT.get(array.dtype.kind, array.dtype) if asked is None else asked


def _size(size: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], list | tuple) else size
