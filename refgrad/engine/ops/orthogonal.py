"""Orthogonal matrices as products of Householder reflections."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.modes import modes
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import unwritten
from refgrad.engine.ops.matrices import check_kernel, column, column_major, is_complex, mH
from refgrad.engine.primitive import primitive

__all__ = ["geqrf", "linalg_householder_product", "orgqr", "ormqr"]


def _reflectors(input: Any) -> Any:
    """The vectors below the diagonal, each with its leading 1."""
    rows, columns = input.shape[-2:]
    return np.tril(input, -1) + np.eye(rows, columns, dtype=input.dtype)


def _reflected(input: Any, tau: Any, other: Any, *, adjoint: bool) -> Any:
    """``H_1 H_2 ... H_k @ other``, of which each is ``1 - tau v v^H``; the product's adjoint if ``adjoint``."""
    V, result = _reflectors(input), np.array(other)
    steps = range(tau.shape[-1])
    for i in steps if adjoint else reversed(steps):
        v = V[..., i, None]
        scale = tau[..., i, None, None]
        result -= (np.conj(scale) if adjoint else scale) * v @ (np.conj(np.swapaxes(v, -1, -2)) @ result)
    return result


def _count(tau: Any) -> int:
    """The number of reflections.

    Errors: IndexError for a number without a dimension.
    """
    if not tau.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    return int(tau.shape[-1])


def _check_product(input: Any, tau: Any) -> None:
    name = "torch.linalg.householder_product"
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if input.shape[-1] < _count(tau):
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    _check_dimensions(name, input, tau)
    _check_batches(name, input, tau)
    if tau.dtype != input.dtype:
        titles = dtypes.scalar_title(tau.dtype), dtypes.scalar_title(input.dtype)
        raise RuntimeError(f"{name}: tau dtype {titles[0]} does not match input dtype {titles[1]}")


def _check_dimensions(name: str, input: Any, tau: Any) -> None:
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and "
            f"input.ndim is equal to {input.ndim}"
        )


def _check_batches(name: str, input: Any, tau: Any) -> None:
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )


@primitive(holomorphic=False, together=("tau", "input"))
def linalg_householder_product(input: Any, tau: Any, /) -> Any:
    """The first columns of the product of the reflections that ``geqrf`` gives."""
    _check_product(input, tau)
    check_kernel("orgqr_cpu", input)
    rows, columns = input.shape[-2:]
    identity = np.broadcast_to(np.eye(rows, columns, dtype=input.dtype), input.shape)
    return column_major(_reflected(input, tau, identity, adjoint=False))


def _steps(input: Any, tau: Any) -> list[tuple[Any, Any, Any]]:
    """Vector, its adjoint and scale of each reflection."""
    rows, columns = input.shape[-2:]
    V = ops.tril(input, -1) + _identity(input, rows, columns)
    vectors = [ops.narrow(V, -1, i, 1) for i in range(tau.shape[-1])]
    return [(v, mH(v), column(ops.narrow(tau, -1, i, 1))) for i, v in enumerate(vectors)]


def _identity(like: Any, rows: int, columns: int) -> Any:
    return ops.tril(ops.triu(ops.ones_as(like, (rows, columns))))


def _pulled(grad: Any, input: Any, tau: Any, other: Any, adjoint: bool) -> tuple[Any, Any, Any]:
    """The gradients for ``input``, ``tau`` and ``other`` of the reflections of ``other``: one reflection at a time, backwards.

    What each step was given is found again by undoing it from the result: a reflection's inverse divides by what is left of
    the vector, so the steps are run forward again instead.
    """
    steps = list(enumerate(_steps(input, tau)))
    order = steps if adjoint else steps[::-1]
    states = [other]
    for _, (v, vh, scale) in order:
        factor = ops.conj(scale) if adjoint else scale
        states.append(states[-1] - factor * ops.matmul(v, ops.matmul(vh, states[-1])))
    columns, scales = [None] * len(steps), [None] * len(steps)
    for (i, (v, vh, scale)), state in zip(order[::-1], states[-2::-1]):
        factor = ops.conj(scale) if adjoint else scale
        inner, outer = ops.matmul(vh, state), ops.matmul(vh, grad)
        share = ops.sum(ops.conj(inner) * outer, -1, True)
        scales[i] = -(ops.conj(share) if adjoint else share)
        columns[i] = -(ops.conj(factor) * ops.matmul(grad, mH(inner)) + factor * ops.matmul(state, mH(outer)))
        grad = grad - ops.conj(factor) * ops.matmul(v, outer)
    return columns, scales, grad


def _assembled(columns: list[Any], input: Any, input_shape: Any) -> Any:
    rest = input_shape[-1] - len(columns)
    parts = [*columns, ops.zeros_as(input, (*input_shape[:-1], rest))] if rest or not columns else columns
    return ops.tril(ops.cat(parts, -1), -1)


def _unit(input: Any, result: Any) -> Any:
    """What is reflected first. PyTorch's formula goes back from the result, so that a graph of the gradient has it in it."""
    return _identity(input, *result.shape[-2:]) + 0 * result


def _householder_vjp(grad: Any, input: Any, tau: Any, result: Any) -> Any:
    if 0 in (*result.shape, *tau.shape):
        return None
    return _assembled(_pulled(grad, input, tau, _unit(input, result), False)[0], input, result.shape)


def _householder_tau_vjp(grad: Any, input: Any, tau: Any, result: Any) -> Any:
    if 0 in (*result.shape, *tau.shape):
        return None
    # torch's formula has tau in it, if only to cancel: that of one reflection has a history
    return _joined(_pulled(grad, input, tau, _unit(input, result), False)[1], tau) + 0 * tau


def _joined(scales: list[Any], tau: Any) -> Any:
    return ops.squeeze(ops.cat(scales, -2), -1) if scales else ops.zeros_like(tau)


linalg_householder_product.defvjp(_householder_vjp, _householder_tau_vjp)


def orgqr(input: Any, tau: Any) -> Any:
    """As ``linalg.householder_product``."""
    return linalg_householder_product(input, tau)


def _check_ormqr(input: Any, tau: Any, other: Any, left: bool) -> None:
    for x, name in ((input, "input"), (other, "other")):
        if x.ndim < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    dim = -2 if left else -1
    if other.shape[dim] != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{dim}] must be equal to input.shape[-2]")
    if _count(tau) != min(other.shape[dim], input.shape[-1]):
        raise RuntimeError(f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{dim}], input.shape[-1])")
    _check_dimensions("torch.ormqr", input, tau)
    if other.ndim != input.ndim:
        raise RuntimeError(
            "torch.ormqr: Expected other to have the same number of dimensions as input, but got other.ndim equal to "
            f"{other.ndim} and input.ndim is equal to {input.ndim}"
        )
    _check_batches("torch.ormqr", input, tau)
    for x, name in ((tau, "tau"), (other, "other")):
        if x.dtype != input.dtype:
            first, second = dtypes.scalar_title(input.dtype), dtypes.scalar_title(x.dtype)
            raise RuntimeError(  # without a space, as PyTorch has it
                f"torch.ormqr: Expected input and {name} to have the same dtype, but input has dtype{first} and {name} has "
                f"dtype {second}"
            )


@primitive(holomorphic=False)
def ormqr(input: Any, tau: Any, other: Any, /, left: bool = True, transpose: bool = False) -> Any:
    """``Q @ other`` for the whole ``Q`` of the reflections, ``Q.mH`` if ``transpose``; ``other @ Q`` if not ``left``."""
    _check_ormqr(input, tau, other, left)
    check_kernel("ormqr_cpu", input)
    if left:
        return column_major(_reflected(input, tau, other, adjoint=transpose))
    flipped = np.conj(np.swapaxes(other, -1, -2))
    return column_major(np.conj(np.swapaxes(_reflected(input, tau, flipped, adjoint=not transpose), -1, -2)))


def _ormqr_pulled(grad: Any, input: Any, tau: Any, other: Any, left: bool, transpose: bool) -> Any:
    if left:
        return _pulled(grad, input, tau, other, transpose)
    return _pulled(mH(grad), input, tau, mH(other), not transpose)


def _ormqr_input_vjp(grad: Any, input: Any, tau: Any, other: Any, input_shape: Any, left: bool, transpose: bool) -> Any:
    if 0 in (*input_shape, *other.shape):
        return None
    return _assembled(_ormqr_pulled(grad, input, tau, other, left, transpose)[0], input, input_shape)


def _ormqr_tau_vjp(grad: Any, input: Any, tau: Any, other: Any, left: bool, transpose: bool) -> Any:
    if 0 in (*input.shape, *other.shape):
        return None
    return _joined(_ormqr_pulled(grad, input, tau, other, left, transpose)[1], tau)


ormqr.defvjp(
    _ormqr_input_vjp,
    _ormqr_tau_vjp,
    lambda grad, input, tau, left, transpose: ops.ormqr(input, tau, grad, left, not transpose),
)


@primitive(name="GeqrfBackward0", outputs=("a", "tau"))
def _geqrf(input: Any, /) -> Any:
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    check_kernel("geqrf_cpu", input)
    packed, tau = np.linalg.qr(input + input.dtype.type(0), "raw")  # as in qr
    return column_major(np.swapaxes(packed, -1, -2)), tau


_geqrf.defvjp(unwritten("geqrf"))


def geqrf(input: Any) -> Any:
    """The reflections of a QR decomposition with ``R`` above them, and their scales; nobody has written its derivative.

    Errors: RuntimeError where a gradient of complex results is wanted.
    """
    if modes.grad_enabled and getattr(input, "requires_grad", False) and is_complex(input):
        raise RuntimeError("geqrf does not support automatic differentiation for outputs with complex dtype.")
    return return_types.geqrf(*_geqrf(input))
