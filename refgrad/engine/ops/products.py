"""Products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import warn_once
from refgrad.engine.ops.reduction import add_reduce
from refgrad.engine.ops.reshaping import _unsafe_view
from refgrad.engine.primitive import primitive

__all__ = [
    "bmm", "chain_matmul", "inner", "kron", "linalg_multi_dot", "matmul", "mm", "mv", "tensordot", "trace",
]  # fmt: skip


def _multiply(input: Any, other: Any, name: str = "addmm_impl_cpu_") -> Any:
    """The matrix product; 16-bit floats are multiplied in float32, as in PyTorch."""
    kind = input.dtype
    if kind.kind == "b":
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'")
    if kind.itemsize == 2 and kind.kind in "fV":
        return (input.astype(np.float32) @ other.astype(np.float32)).astype(kind)
    return input @ other


def _same_dtype(input: Any, other: Any) -> None:
    if input.dtype != other.dtype:
        names = [dtypes.c_title(x.dtype) for x in (input, other)]
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {names[0]} != {names[1]}")


def _titles(*arrays: Any) -> list[str]:
    return [dtypes.scalar_title(x.dtype) for x in arrays]


# matrices and vectors -------------------------------------------------------------------------------------------------


@primitive()
def mv(input: Any, vec: Any, /) -> Any:
    """The product of a matrix and a vector.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.size:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec ({vec.size})"
        )
    if input.dtype != vec.dtype:
        first, second = _titles(input, vec)
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {second}, {first}, and {second}")
    return _multiply(input, vec, "addmv_impl_cpu")


mv.defvjp(lambda grad, vec: ops.outer(grad, vec), lambda grad, input: ops.mv(ops.t(input), grad))
mv.defjvp(lambda tangent, vec: ops.mv(tangent, vec), lambda tangent, input: ops.mv(input, tangent))


# matrices -------------------------------------------------------------------------------------------------------------


def _check_sizes(mat1: Any, mat2: Any) -> None:
    if mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({mat1.shape[0]}x{mat1.shape[1]} and "
            f"{mat2.shape[0]}x{mat2.shape[1]})"
        )


@primitive()
def mm(input: Any, mat2: Any, /) -> Any:
    """The product of two matrices.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    for x, name in ((input, "self"), (mat2, "mat2")):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix")
    _check_sizes(input, mat2)
    _same_dtype(input, mat2)
    return _multiply(input, mat2)


def _column_major(shape: Any, strides: Any, dtype: Any) -> bool:
    return bool(strides[0] == dtype.itemsize and strides[1] == dtype.itemsize * shape[0])


def _mat1_vjp(grad: Any, mat2: Any, column_major: bool) -> Any:
    """The gradient of the first factor, in the memory order of that factor, as in PyTorch."""
    return ops.t(ops.mm(mat2, ops.t(grad))) if column_major else ops.mm(grad, ops.t(mat2))


def _mat2_vjp(grad: Any, mat1: Any, column_major: bool) -> Any:
    return ops.t(ops.mm(ops.t(grad), mat1)) if column_major else ops.mm(ops.t(mat1), grad)


mm.defvjp(
    lambda grad, mat2, input_shape, input_strides, input_dtype: _mat1_vjp(
        grad, mat2, _column_major(input_shape, input_strides, input_dtype)
    ),
    lambda grad, input, mat2_shape, mat2_strides, mat2_dtype: _mat2_vjp(
        grad, input, _column_major(mat2_shape, mat2_strides, mat2_dtype)
    ),
)
mm.defjvp(lambda tangent, mat2: ops.mm(tangent, mat2), lambda tangent, input: ops.mm(input, tangent))


@primitive()
def bmm(input: Any, mat2: Any, /) -> Any:
    """The products of a batch of matrices with another.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    for x, name in ((input, "batch1"), (mat2, "batch2")):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    expected, found = [input.shape[0], input.shape[2]], list(mat2.shape[:2])
    if expected != found:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} but got: {found}."
        )
    if input.dtype != mat2.dtype:
        first, second = _titles(input, mat2)
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    return _multiply(input, mat2, "bmm")


bmm.defvjp(
    lambda grad, mat2: ops.bmm(grad, ops.transpose(mat2, 1, 2)),
    lambda grad, input: ops.bmm(ops.transpose(input, 1, 2), grad),
)
bmm.defjvp(lambda tangent, mat2: ops.bmm(tangent, mat2), lambda tangent, input: ops.bmm(input, tangent))


@primitive()
def trace(input: Any, /) -> Any:
    """The sum of a matrix's diagonal.

    Errors: RuntimeError for anything but a matrix.
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    if input.dtype.kind == "b":
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    diagonal = np.diagonal(input)
    kind = np.int64 if input.dtype.kind in "iu" else np.float32 if input.dtype.itemsize == 2 else input.dtype
    return add_reduce(diagonal, None, kind).astype(np.int64 if input.dtype.kind in "iu" else input.dtype)


def _trace_vjp(grad: Any, input_shape: Any) -> Any:
    rows, columns = input_shape
    size = rows if rows < columns else columns
    return ops.place_diagonal(ops.expand(grad, (size,)), input_shape, 0, 0, 1)


trace.defvjp(_trace_vjp)
trace.defjvp(lambda tangent: ops.trace(tangent))


# matmul: a composition, taken apart as PyTorch takes it ---------------------------------------------------------------


@primitive(name="SqueezeBackward4")
def _without_row(input: Any, /) -> Any:
    return input[0]


_without_row.defvjp(lambda grad: ops.unsqueeze(grad, 0))


def matmul(input: Any, other: Any) -> Any:
    """The product of vectors, matrices or batches of them.

    Errors: RuntimeError for numbers, and for shapes or types that do not fit.
    """
    if not isinstance(input, TensorBase) and not isinstance(other, TensorBase):
        return np.matmul(input, other)
    ndims = input.ndim, other.ndim
    if 0 in ndims:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {ndims[0]}D and {ndims[1]}D")
    if ndims == (2, 2):
        return mm(input, other)
    if ndims == (1, 1):
        return ops.dot(input, other)
    if ndims == (2, 1):
        return mv(input, other)
    if ndims == (1, 2):
        return _without_row(mm(ops.unsqueeze(input, 0), other))
    return _fold(input, other) if _folds(input, other) else _batched(input, other)


def _folds(input: Any, other: Any) -> bool:
    """Whether the batch of the larger factor becomes rows of one matrix."""
    first_larger = input.ndim >= other.ndim
    large, small = (input, other) if first_larger else (other, input)
    if not (large.ndim >= 3 and small.ndim <= 2):
        return False
    if small.requires_grad:
        return True
    if input.ndim == 2:
        return False
    array = large._array if first_larger else np.swapaxes(large._array, -1, -2)
    pairs = zip(array.strides[:-2], array.strides[1:-1], array.shape[1:-1])
    return array.size == 0 or all(outer == inner * size for outer, inner, size in pairs)


def _fold(input: Any, other: Any) -> Any:
    swapped = other.ndim > input.ndim
    large = ops.transpose(other, -1, -2) if swapped else input
    small = other if not swapped else ops.t(input) if input.ndim == 2 else input
    shape = tuple(large.shape)[:-1]
    folded = ops.reshape(large, (math.prod(shape), large.shape[-1]))
    if small.ndim == 1:
        return _unsafe_view(mv(folded, small), shape)
    product = _unsafe_view(mm(folded, small), (*shape, small.shape[1]))
    return ops.contiguous(ops.transpose(product, -1, -2)) if swapped else product


def _batched(input: Any, other: Any) -> Any:
    left, right = tuple(input.shape), tuple(other.shape)
    if len(left) == len(right) == 3 and left[0] != right[0]:  # rather fold than repeat a batch of one
        if left[0] == 1 and input.requires_grad:
            return matmul(ops.squeeze(input, 0), other)
        if right[0] == 1 and other.requires_grad:
            return matmul(input, ops.squeeze(other, 0))
    batch = dims.broadcast(left[:-2], right[:-2])
    rows = left[-2:] if len(left) > 1 else (1, left[-1])
    count = math.prod(batch)
    first = ops.reshape(ops.expand(input, (*batch, *rows)), (count, *rows))
    shape = batch + left[-2:-1] + (right[-1:] if len(right) > 1 else ())
    if len(right) == 1:
        second = ops.unsqueeze(ops.reshape(ops.expand(other, (*batch, right[0])), (count, right[0])), 2)
        return _unsafe_view(ops.squeeze(bmm(first, second), -1), shape)
    second = ops.reshape(ops.expand(other, (*batch, *right[-2:])), (count, *right[-2:]))
    return _unsafe_view(bmm(first, second), shape)


def inner(input: Any, other: Any) -> Any:
    """The products of the last dimensions of two tensors."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ((-1,), (-1,)))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The products summed over pairs of dimensions, or over the last ``dims`` of one and the first of the other."""
    if isinstance(dims, int):
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = (range(-dims, 0), range(dims))
    of_a, of_b = [d % a.ndim for d in dims[0]], [d % b.ndim for d in dims[1]]
    for i, j in zip(of_a, of_b):
        if a.shape[i] == b.shape[j]:
            continue
        if a.shape[i] == 1:  # broadcasts: the same as if the other were summed first
            b = ops.sum(b, j, True)
        elif b.shape[j] == 1:
            a = ops.sum(a, i, True)
        else:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    free_a, free_b = ([d for d in range(x.ndim) if d not in of_x] for x, of_x in ((a, of_a), (b, of_b)))
    size = math.prod(a.shape[d] for d in of_a)
    shape = tuple(a.shape[d] for d in free_a) + tuple(b.shape[d] for d in free_b)
    if not shape:
        return ops.reshape(_summed_products(ops.permute(a, of_a), ops.permute(b, of_b), size), ())
    left = ops.reshape(ops.permute(a, free_a + of_a), (math.prod(a.shape[d] for d in free_a), size))
    right = ops.reshape(ops.permute(b, of_b + free_b), (size, math.prod(b.shape[d] for d in free_b)))
    return ops.reshape(mm(left, right), shape)


def _summed_products(a: Any, b: Any, size: int) -> Any:
    """The sum of all products, by ``dot`` where memory lies as that wants it."""
    if all(getattr(x, "_array", x).flags.c_contiguous for x in (a, b)):
        return ops.dot(ops.reshape(a, (size,)), ops.reshape(b, (size,)))
    return ops.sum(a * b)


# products of several matrices -----------------------------------------------------------------------------------------


def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: a copy of ``other`` for each element of ``input``, in its place."""
    ndim = max(input.ndim, other.ndim)
    first, second = ((1,) * (ndim - x.ndim) + tuple(x.shape) for x in (input, other))
    outer = _unsafe_view(input, tuple(n for pair in zip(first, (1,) * ndim) for n in pair))
    inner = _unsafe_view(other, tuple(n for pair in zip((1,) * ndim, second) for n in pair))
    return _unsafe_view(outer * inner, tuple(m * n for m, n in zip(first, second)))


def linalg_multi_dot(tensors: Sequence[Any]) -> Any:
    """The product of several matrices, in the cheapest order; the first and last may be vectors.

    Errors: RuntimeError for fewer than two, and for shapes or types that do not fit.
    """
    _check_chain(tensors)
    first, *middle, last = tensors
    shape = tuple(first.shape[:-1]) + (tuple(last.shape[1:]) if last.ndim > 1 else ())
    first = ops.unsqueeze(first, 0) if first.ndim == 1 else first
    last = ops.unsqueeze(last, 1) if last.ndim == 1 else last
    chain = [first, *middle, last]
    for i, (a, b) in enumerate(pairwise(chain)):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(tensors[i].shape)} and "
                f"{list(tensors[i + 1].shape)} cannot be multiplied"
            )
    return ops.view(_multiplied(chain, _cheapest(chain), 0, len(chain) - 1), shape)


def _check_chain(tensors: Sequence[Any]) -> None:
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, x in enumerate(tensors):
        place = "the first tensor" if i == 0 else "the last tensor" if i == len(tensors) - 1 else f"tensor {i}"
        if x.ndim not in ((1, 2) if i in (0, len(tensors) - 1) else (2,)):
            wanted = "1D or 2D" if place.startswith("the") else "2D"
            raise RuntimeError(f"multi_dot(): {place} must be {wanted} but got {x.ndim}D")
    kinds = [dtypes.c_title(getattr(x, "_array", x).dtype) for x in tensors]
    for i, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {kinds[0]} and tensor {i} {kind}"
            )


def _cheapest(chain: Sequence[Any]) -> dict[tuple[int, int], int]:
    """Where to split each part of the chain, by the number of multiplications.

    Source: T. Cormen and others, "Introduction to algorithms", sec. 15.2.
    """
    size = [chain[0].shape[0], *(x.shape[1] for x in chain)]
    cost = {(i, i): 0 for i in range(len(chain))}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, len(chain)):
        for i in range(len(chain) - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + size[i] * size[k + 1] * size[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            split[i, j] = i + costs.index(cost[i, j])
    return split


def _multiplied(chain: Sequence[Any], split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return chain[i]
    k = split[i, j]
    return mm(_multiplied(chain, split, i, k), _multiplied(chain, split, k + 1, j))


def chain_matmul(*matrices: Any) -> Any:
    """As ``linalg.multi_dot``, of matrices only."""
    warn_once(_CHAIN_MATMUL, stacklevel=3)
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {x.ndim}, expected 2 instead.")
    return matrices[0] if len(matrices) == 1 else linalg_multi_dot(matrices)


_CHAIN_MATMUL = (
    "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot instead, "
    "which accepts a list of two or more tensors rather than multiple parameters."
)
