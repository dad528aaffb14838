"""Products of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, ops
from refgrad.engine.modes import warn_once
from refgrad.engine.ops.matrices import check_floating
from refgrad.engine.ops.products import _multiply, _titles
from refgrad.engine.primitive import primitive

__all__ = ["cross", "dot", "ger", "linalg_cross", "linalg_vecdot", "outer", "vdot"]


def _check_vectors(input: Any, tensor: Any, name: str) -> None:
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype != tensor.dtype:
        first, second = _titles(input, tensor)
        kind = name if input.dtype.kind == "c" else "dot"
        raise RuntimeError(f"{kind} : expected both vectors to have same dtype, but found {first} and {second}")
    if input.size != tensor.size:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.size}] and src [{tensor.size}] to have the same number "
            f"of elements, but got {input.size} and {tensor.size} elements respectively"
        )


@primitive()
def dot(input: Any, tensor: Any, /) -> Any:
    """The sum of the products of two vectors' elements.

    Errors: RuntimeError for anything but two vectors of one size and type.
    """
    _check_vectors(input, tensor, "dot")
    return _multiply(input, tensor, "dot")


dot.defvjp(lambda grad, tensor: grad * tensor, lambda grad, input: grad * input)
dot.defjvp(lambda tangent, tensor: ops.dot(tangent, tensor), lambda tangent, input: ops.dot(input, tangent))


@primitive()
def vdot(input: Any, other: Any, /) -> Any:
    """As ``dot``, of the first vector's conjugate."""
    _check_vectors(input, other, "vdot")
    if input.dtype.kind == "b":
        raise NotImplementedError("\"dot\" not implemented for 'Bool'")
    return _multiply(np.conj(input), other, "vdot")


vdot.defvjp(lambda grad, other: ops.conj(grad * other), lambda grad, input: grad * ops.conj(input))


def outer(input: Any, vec2: Any) -> Any:
    """The matrix of all products of two vectors' elements.

    Errors: RuntimeError for anything but vectors.
    """
    for x, name in ((input, "self"), (vec2, "vec2")):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return ops.reshape(input, (input.shape[0], 1)) * vec2


ger = outer


# along a dimension ----------------------------------------------------------------------------------------------------


@primitive()
def _linalg_cross(input: Any, other: Any, /, dim: int) -> Any:
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = dims.wrap(dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}"
        )
    dims.broadcast(input.shape, other.shape)
    if input.dtype.kind == "b":
        raise NotImplementedError("\"cross\" not implemented for 'Bool'")
    if input.dtype != other.dtype:
        first, second = _titles(input, other)
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    return np.ascontiguousarray(np.cross(input, other, axis=axis))


_linalg_cross.defvjp(
    lambda grad, other, dim: _linalg_cross(other, grad, dim), lambda grad, input, dim: _linalg_cross(grad, input, dim)
)
_linalg_cross.defjvp(
    lambda tangent, other, dim: _linalg_cross(tangent, other, dim),
    lambda tangent, input, dim: _linalg_cross(input, tangent, dim),
)


def linalg_cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The cross product of vectors of three elements along ``dim``.

    Errors: RuntimeError for another size.
    """
    return _linalg_cross(input, other, dim, out=out)


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """As ``linalg.cross``, along the first dimension of size 3 where none is named."""
    if dim is None:
        warn_once(_NO_DIM, stacklevel=3)
        if 3 not in input.shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = list(input.shape).index(3)
    return _linalg_cross(input, other, dim)


_NO_DIM = (
    "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or simply use "
    "torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross in a future release."
)


def linalg_vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The sum of products along ``dim``, of the conjugates of ``x``.

    Errors: RuntimeError for integers, and for two types.
    """
    kinds = [getattr(v, "_array", v) for v in (x, y)]
    check_floating("linalg.vecdot", kinds[0])
    if kinds[0].dtype != kinds[1].dtype:
        first, second = _titles(*kinds)
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {first} and y of type {second} "
            "instead"
        )
    if x.ndim == y.ndim == 1:
        dims.wrap(dim, 1)
        return vdot(x, y)
    return ops.sum(ops.conj(x) * y, dim)
