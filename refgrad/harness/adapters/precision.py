"""The floats that a backend computes in: what is wider is narrowed on the way in, and so is what is expected of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.errors import Unsupported

__all__ = ["narrowed", "require", "widest"]

Array = np.ndarray[Any, Any]
NARROWER = {"float64": np.dtype("float32"), "complex128": np.dtype("complex64")}


def widest(backend: Any) -> str:
    """The widest real dtype that ``backend`` computes in: float64, unless its ``widest`` says float32."""
    return str(getattr(backend, "widest", "float64"))


def require(dtype: Any, widest: str) -> None:
    """Errors: ``Unsupported`` for a dtype that is wider than ``widest``."""
    name = np.dtype(dtype).name
    if widest == "float32" and name in NARROWER:
        raise Unsupported(name)


def narrowed(array: Array, widest: str, *, exact: bool = False) -> Array:
    """``array`` in a dtype no wider than ``widest``; integers stay as they are.

    Errors: with ``exact``, ``Unsupported`` for a number that would become infinite, or zero.
    """
    dtype = NARROWER.get(array.dtype.name)
    if widest != "float32" or dtype is None:
        return array
    with np.errstate(all="ignore"):
        found = array.astype(dtype)
        lost = (np.isfinite(array) & ~np.isfinite(found)) | ((array != 0) & (found == 0))
    if exact and lost.any():
        raise Unsupported("float64", f"{array[lost].ravel()[0]} is no float32")
    return found
