"""Singular values of matrices of low rank, from random products.

Source: N. Halko, P.-G. Martinsson and J. Tropp, "Finding structure with randomness" (2009), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from typing import Any

from refgrad.engine import ops
from refgrad.engine.ops.matrices import mH
from refgrad.engine.sampling import randn

__all__ = ["pca_lowrank", "svd_lowrank"]


def _basis(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns that nearly span those of ``A``."""
    Q = ops.linalg_qr(ops.matmul(A, randn(A.shape[-1], q, dtype=A.dtype)))[0]
    for _ in range(niter):
        Q = ops.linalg_qr(ops.matmul(mH(A), Q))[0]
        Q = ops.linalg_qr(ops.matmul(A, Q))[0]
    return Q


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Any, Any, Any]:
    """About ``U``, ``S`` and ``V`` of the ``q`` largest singular values of ``A``, or of ``A - M``."""
    if M is not None:
        A = A - M
    wide = A.shape[-2] < A.shape[-1]
    A = mH(A) if wide else A
    Q = _basis(A, 6 if q is None else q, 2 if niter is None else niter)
    U, S, Vh = ops.linalg_svd(ops.matmul(mH(Q), A), False)
    U, V = ops.matmul(Q, U), mH(Vh)
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Any, Any, Any]:
    """As ``svd_lowrank``, of a matrix whose columns have their mean taken away.

    Errors: ValueError for a ``q`` that is too large, and for a negative ``niter``.
    """
    smaller = min(A.shape[-2:])
    if q is None:
        q = min(6, smaller)
    elif not 0 <= q <= smaller:
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={smaller}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - ops.mean(A, (-2,), True) if center else A, q, niter)
