"""Constructors from before ``torch.tensor``: ``Tensor(2, 3)``, ``LongTensor([1, 2])``."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import TensorBase, wrap
from refgrad.engine.modes import warn_once

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "set_default_tensor_type",
]  # fmt: skip


def constructed(args: tuple[Any, ...], kind: Any) -> Any:
    """The array that a legacy constructor makes: of sizes, zeros where PyTorch leaves memory unset; else of data.

    Errors: TypeError for what is neither, or a tensor of another type.
    """
    if len(args) != 1 or isinstance(args[0], (int, dims.Size)):
        return np.zeros(dims.sizes(args) if args else 0, kind)
    data = args[0]
    if isinstance(data, TensorBase):
        return _of_tensor(data, kind)
    if isinstance(data, (str, float)):
        told = "data must be a sequence (got float)" if isinstance(data, float) else "invalid data type 'str'"
        raise TypeError(f"new(): {told}")
    from refgrad.engine.creation import to_array  # a floor above

    return to_array(data, dtypes.of(kind))


def _of_tensor(data: TensorBase, kind: Any) -> Any:
    if data._array.dtype != kind:
        wanted, given = (dtypes.of(each) for each in (kind, data._array.dtype))
        raise TypeError(f"expected a tensor of {wanted!r} (got {given!r})")
    return data._array


class tensortype:
    """What stands for the tensors of one type: makes them, and tells them with ``isinstance``."""

    def __init__(self, dtype: dtypes.dtype) -> None:
        self.dtype = dtype

    def __call__(self, *args: Any) -> Any:
        return wrap(constructed(args, self.dtype.numpy))

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, TensorBase) and dtypes.of(instance._array.dtype) is self.dtype

    def __repr__(self) -> str:
        return f"<class 'torch.{self.dtype.tensor_type}'>"


HalfTensor, FloatTensor, DoubleTensor = map(tensortype, (dtypes.float16, dtypes.float32, dtypes.float64))
ByteTensor, CharTensor, ShortTensor = map(tensortype, (dtypes.uint8, dtypes.int8, dtypes.int16))
IntTensor, LongTensor, BoolTensor = map(tensortype, (dtypes.int32, dtypes.int64, dtypes.bool_))
BFloat16Tensor = None if dtypes.bfloat16 is None else tensortype(dtypes.bfloat16)
BY_NAME = {f"torch.{each.dtype.tensor_type}": each for each in (HalfTensor, FloatTensor, DoubleTensor, LongTensor)}


_DEPRECATED = (
    "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
    "torch.set_default_device() as alternatives."
)


def set_default_tensor_type(t: Any) -> None:
    """Let new tensors have the type that ``t`` (or a name, such as ``torch.DoubleTensor``) stands for.

    Errors: TypeError for what stands for no floating type.
    """
    warn_once(_DEPRECATED, stacklevel=3)
    kind = BY_NAME.get(t, t)
    if not isinstance(kind, tensortype):
        raise TypeError("invalid type object: only floating-point types are supported as the default type")
    if not kind.dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    dtypes.set_default_dtype(kind.dtype)
