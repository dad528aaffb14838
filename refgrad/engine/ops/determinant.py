"""Determinants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.modes import modes
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import holds
from refgrad.engine.ops.matrices import check_floating, check_kernel, check_square, is_complex, mH, row
from refgrad.engine.ops.reduction import product_of_others
from refgrad.engine.primitive import primitive

__all__ = ["det", "linalg_det", "linalg_slogdet", "logdet", "slogdet"]


def _scaled_identity(scale: Any, shape: Any) -> Any:
    """The identity times each number of a batch."""
    return ops.diag_embed(ops.expand(ops.unsqueeze(scale, -1), tuple(shape[:-1])))


@primitive(holomorphic=False)
def linalg_det(A: Any, /) -> Any:
    """The determinant of square matrices."""
    check_square("linalg.det", A)
    check_floating("linalg.det", A)
    check_kernel("lu_cpu", A)
    return np.linalg.det(A)


def _det_vjp(grad: Any, A: Any, A_shape: Any, result: Any) -> Any:
    if not math.prod(A_shape):
        return ops.zeros_like(A)
    if A_shape[-1] == 1:
        return ops.reshape(grad, A_shape)
    scale = grad * ops.conj(result)
    if not modes.grad_enabled:
        # at a singular matrix torch gives 0; recorded, it gives the cofactors
        return ops.linalg_solve(mH(_made_regular(A, result)), _scaled_identity(scale, A_shape))
    singular = ops.abs(result) < 100 * np.finfo(_dtype(A)).eps
    if holds(ops.all(singular)):
        return _cofactors(A, grad)
    if not holds(ops.any(singular)):
        return ops.linalg_solve(mH(A), _scaled_identity(scale, A_shape))
    batch, size = A_shape[:-2], A_shape[-1]
    matrices = ops.unbind(ops.reshape(A, (-1, size, size)))
    parts = zip(matrices, ops.unbind(ops.reshape(grad, (-1,))), ops.unbind(ops.reshape(result, (-1,))))
    return ops.reshape(ops.stack([_det_vjp(g, a, (size, size), d) for a, g, d in parts]), (*batch, size, size))


def _dtype(value: Any) -> Any:
    return getattr(value, "_array", value).dtype


def _made_regular(A: Any, det: Any) -> Any:
    """The identity in the place of singular matrices."""
    return ops.where(
        ops.unsqueeze(ops.unsqueeze(det == 0, -1), -1), _scaled_identity(ops.ones_as(A, tuple(det.shape)), A.shape), A
    )


def _cofactors(A: Any, grad: Any) -> Any:
    """Source: N. Higham, "What is the adjugate of a matrix?" (2020)."""
    U, S, Vh = ops.linalg_svd(A)
    scale = ops.conj(ops.linalg_det(U) * ops.linalg_det(Vh)) * grad
    return ops.matmul(U * row(product_of_others(ops.unsqueeze(scale, -1), S, len(S.shape) - 1)), Vh)


linalg_det.defvjp(_det_vjp)


def det(input: Any) -> Any:
    """As ``linalg.det``."""
    return linalg_det(input)


@primitive(outputs=("sign", "logabsdet"), holomorphic=False)
def _linalg_slogdet(A: Any, /, name: str) -> Any:
    check_square(name, A)
    check_floating(name, A, low_precision=False)
    sign, logabsdet = np.linalg.slogdet(A)
    return sign.astype(A.dtype)[()], logabsdet


def _slogdet_vjp(grad: Any, A: Any, A_shape: Any, sign: Any) -> Any:
    grad_sign, grad_log = grad
    if grad_sign is not None and is_complex(A):  # a real sign is flat
        turn = -1j * ops.imag(ops.conj(grad_sign) * sign)
        grad_log = turn if grad_log is None else grad_log + turn
    if grad_log is None:
        return None
    # where nothing is recorded, a singular matrix gives inf and nan instead of an error, as in torch
    identity = _scaled_identity(grad_log + ops.zeros_like(sign), A_shape)
    return ops.linalg_solve_ex(mH(A), identity, check_errors=modes.grad_enabled)[0]


_linalg_slogdet.defvjp(_slogdet_vjp)


def linalg_slogdet(A: Any) -> Any:
    """The sign of the determinant of square matrices, and the logarithm of its size."""
    return return_types.linalg_slogdet(*_linalg_slogdet(A, "linalg.slogdet"))


def slogdet(input: Any) -> Any:
    """As ``linalg.slogdet``."""
    return return_types.slogdet(*_linalg_slogdet(input, "linalg.slogdet"))


def logdet(input: Any) -> Any:
    """The logarithm of the determinant of square matrices; nan of a negative one."""
    sign, logabsdet = _linalg_slogdet(input, "logdet")
    if is_complex(sign):
        return ops.log(sign) + logabsdet
    return ops.where(sign == -1, math.nan, logabsdet)
