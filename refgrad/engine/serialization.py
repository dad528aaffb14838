"""``save`` and ``load``: pickle, with the memory that tensors share shared again on loading."""

from __future__ import annotations

import io
import pickle
from os import PathLike
from typing import Any

from refgrad.engine.copying import owner, rebuilt, window
from refgrad.engine.graph import TensorBase
from refgrad.engine.views import address, own_array

File = str | PathLike[str] | io.IOBase


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        """A tensor is its storage, which pickle writes once, and where in it the tensor lies."""
        if not isinstance(obj, TensorBase):
            return NotImplemented
        array = own_array(obj)
        root = owner(array)
        if not array.size or not (root.flags.c_contiguous or root.flags.f_contiguous):
            return NotImplemented
        offset = address(array) - address(root)
        place = (offset, array.dtype, array.shape, array.strides)
        return loaded, (type(obj), root, place, obj.requires_grad, dict(vars(obj)))  # type: ignore[attr-defined]


def loaded(cls: type, root: Any, place: tuple[Any, ...], requires_grad: bool, attributes: dict[str, Any]) -> Any:
    """The tensor that was saved."""
    offset, dtype, shape, strides = place
    storage = root.reshape(-1, order="A").view("u1")[offset:]
    return rebuilt(cls, window(storage, dtype, shape, strides), requires_grad, attributes)


def save(obj: Any, f: File) -> None:
    """Write ``obj`` to a file, given by its path or open."""
    if isinstance(f, (str, PathLike)):
        with open(f, "wb") as file:
            save(obj, file)
        return
    _Pickler(f).dump(obj)


def load(f: File, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what ``save`` wrote. As with pickle, read only files that you trust."""
    if isinstance(f, (str, PathLike)):
        with open(f, "rb") as file:
            return load(file)
    return pickle.load(f)
