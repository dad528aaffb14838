"""The frequencies that the points of a Fourier transform stand for."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.creation import leaf
from refgrad.engine.tensor import Tensor

__all__ = ["fftfreq", "rfftfreq"]


def _frequencies(steps: Any, n: int, d: float, dtype: Any, requires_grad: bool) -> Tensor:
    kind = (dtype or dtypes.get_default_dtype()).numpy
    with np.errstate(all="ignore"):
        return leaf(steps.astype(kind) * kind.type(1.0 / (n * d) if n * d else np.inf), requires_grad)


def _check_count(n: int) -> None:
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the points of ``fft``: from 0 up, and then the negative ones.

    Units: cycles by the unit of ``d``, the distance of two samples.
    """
    _check_count(n)
    half = (n + 1) // 2
    steps = np.concatenate([np.arange(half), np.arange(half - n, 0)])
    return _frequencies(steps, n, d, dtype, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the points of ``rfft``: from 0 up to the half.

    Units: cycles by the unit of ``d``, the distance of two samples.
    """
    return _frequencies(np.arange(int(n / 2) + 1), n, d, dtype, requires_grad)
