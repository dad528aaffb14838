"""How the elements of a tensor lie in memory: PyTorch's formats, and arrays laid out so."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["channels_last", "channels_last_3d", "contiguous_format", "laid_out", "memory_format", "preserve_format"]


class memory_format:
    """A format, by name."""

    __slots__ = ("_name", "ndim")

    def __init__(self, name: str, ndim: int | None = None) -> None:
        self._name, self.ndim = name, ndim

    def __repr__(self) -> str:
        return f"torch.{self._name}"


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last", 4), memory_format("channels_last_3d", 5)


def laid_out(array: Any, format: memory_format | None) -> Any:
    """``array`` in a format, copied only if it lies another way; None and ``preserve_format`` keep it as it is.

    Errors: RuntimeError for the channels' formats and another number of dimensions.
    """
    if format is None or format is preserve_format:
        return array
    if format is contiguous_format:
        return np.asarray(array, order="C")
    if array.ndim != format.ndim:
        raise RuntimeError(f"required rank {format.ndim} tensor to use {format._name} format")
    return np.moveaxis(np.asarray(np.moveaxis(array, 1, -1), order="C"), -1, 1)
