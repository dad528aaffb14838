"""Products added onto a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.products import _check_sizes, _column_major, _mat1_vjp, _mat2_vjp, _multiply, _titles
from refgrad.engine.primitive import primitive

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]


def _scaled(value: Any, factor: Any) -> Any:
    return value if factor == 1 else value * factor


def _plus(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """``beta * input + alpha * product``; a zero ``beta`` leaves nan in ``input`` out, and integers cut the factors."""
    _check_expands(input, product.shape)
    if product.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    result = _scaled(product, alpha)
    return (result + _scaled(input, beta) if beta != 0 else result).astype(product.dtype, copy=False)


def _check_expands(input: Any, size: tuple[int, ...]) -> None:
    shape = input.shape
    if len(shape) > len(size):
        title = dtypes.of(input.dtype).tensor_type
        raise RuntimeError(
            f"expand(torch.{title}{{{list(shape)}}}, size={list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    for d in range(1, len(shape) + 1):
        if shape[-d] not in (1, size[-d]):
            raise RuntimeError(
                f"The expanded size of the tensor ({size[-d]}) must match the existing size ({shape[-d]}) at "
                f"non-singleton dimension {len(size) - d}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}"
            )


def _input_vjp(grad: Any, beta: Any) -> Any:
    return _scaled(grad, beta)


def _input_jvp(tangent: Any, result: Any, beta: Any) -> Any:
    return ops.expand(_scaled(tangent, beta), tuple(result.shape))


# of matrices and vectors ----------------------------------------------------------------------------------------------


@primitive()
def addmm(input: Any, mat1: Any, mat2: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)``.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    for x, name in ((mat1, "mat1"), (mat2, "mat2")):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {x.ndim}-D tensor")
    _check_dtypes(input, mat1, mat2)
    _check_sizes(mat1, mat2)
    return _plus(input, _multiply(mat1, mat2), beta, alpha)


def _check_dtypes(input: Any, mat1: Any, mat2: Any) -> None:
    for x, name in ((input, "self"), (mat1, "mat1")):
        if x.dtype != mat2.dtype:
            first, second = _titles(x, mat2)
            raise RuntimeError(f"{name} and mat2 must have the same dtype, but got {first} and {second}")


addmm.defvjp(
    _input_vjp,
    lambda grad, mat2, alpha, mat1_shape, mat1_strides, mat1_dtype: _scaled(
        _mat1_vjp(grad, mat2, _column_major(mat1_shape, mat1_strides, mat1_dtype)), alpha
    ),
    lambda grad, mat1, alpha, mat2_shape, mat2_strides, mat2_dtype: _scaled(
        _mat2_vjp(grad, mat1, _column_major(mat2_shape, mat2_strides, mat2_dtype)), alpha
    ),
)
addmm.defjvp(
    _input_jvp,
    lambda tangent, mat2, alpha: _scaled(ops.mm(tangent, mat2), alpha),
    lambda tangent, mat1, alpha: _scaled(ops.mm(mat1, tangent), alpha),
)


@primitive()
def addmv(input: Any, mat: Any, vec: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat @ vec)``.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    rows, columns = mat.shape
    if vec.size != columns or input.size not in (1, rows):
        raise RuntimeError(f"size mismatch, got input ({input.size}), mat ({rows}x{columns}), vec ({vec.size})")
    if len({x.dtype for x in (input, mat, vec)}) > 1:
        first, second, third = _titles(input, mat, vec)
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {first}, {second}, and {third}")
    return _plus(input, _multiply(mat, vec, "addmv_impl_cpu"), beta, alpha)


addmv.defvjp(
    _input_vjp,
    lambda grad, vec, alpha: _scaled(ops.outer(grad, vec), alpha),
    lambda grad, mat, alpha: _scaled(ops.mv(ops.t(mat), grad), alpha),
)
addmv.defjvp(
    _input_jvp,
    lambda tangent, vec, alpha: _scaled(ops.mv(tangent, vec), alpha),
    lambda tangent, mat, alpha: _scaled(ops.mv(mat, tangent), alpha),
)


@primitive(promotes="yes")
def addr(input: Any, vec1: Any, vec2: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * outer(vec1, vec2)``.

    Errors: RuntimeError for anything but vectors, and for fractions beside integers.
    """
    for x, name in ((vec1, "vec1"), (vec2, "vec2")):
        if x.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {x.ndim}-D")
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if input.dtype.kind in "iu" and isinstance(factor, (float, complex)):
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _plus(input, vec1[:, None] * vec2, beta, alpha)


addr.defvjp(
    _input_vjp,
    lambda grad, vec2, alpha: _scaled(ops.mv(grad, vec2), alpha),
    lambda grad, vec1, alpha: _scaled(ops.mv(ops.t(grad), vec1), alpha),
)
addr.defjvp(
    _input_jvp,
    lambda tangent, vec2, alpha: _scaled(ops.outer(tangent, vec2), alpha),
    lambda tangent, vec1, alpha: _scaled(ops.outer(vec1, tangent), alpha),
)


# of batches -----------------------------------------------------------------------------------------------------------


def _check_batch(name: str, batch: Any) -> None:
    if batch.ndim != 3:
        raise RuntimeError(f"{name} must be a 3D tensor")


@primitive()
def baddbmm(input: Any, batch1: Any, batch2: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * bmm(batch1, batch2)``.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    if batch1.ndim > 1:
        _check_expands(input, (*batch1.shape[:2], batch2.shape[dims.wrap(2, batch2.ndim)]))
    for x, name in ((batch1, "batch1"), (batch2, "batch2")):
        _check_batch(name, x)
    expected, found = [batch1.shape[0], batch1.shape[2]], list(batch2.shape[:2])
    if expected != found:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} but got: {found}."
        )
    if len({x.dtype for x in (input, batch1, batch2)}) > 1:
        told = (f"{name}: {_c_title(x)}" for name, x in (("batch1", batch1), ("batch2", batch2)))
        raise RuntimeError(f"Input dtypes must be the same, got: input {_c_title(input)}, {', '.join(told)}")
    return _plus(input, _multiply(batch1, batch2, "baddbmm"), beta, alpha)


def _c_title(x: Any) -> str:
    return dtypes.c_title(x.dtype)


baddbmm.defvjp(
    _input_vjp,
    lambda grad, batch2, alpha: _scaled(ops.bmm(grad, ops.transpose(batch2, 1, 2)), alpha),
    lambda grad, batch1, alpha: _scaled(ops.bmm(ops.transpose(batch1, 1, 2), grad), alpha),
)
baddbmm.defjvp(
    _input_jvp,
    lambda tangent, batch2, alpha: _scaled(ops.bmm(tangent, batch2), alpha),
    lambda tangent, batch1, alpha: _scaled(ops.bmm(batch1, tangent), alpha),
)


@primitive()
def addbmm(input: Any, batch1: Any, batch2: Any, /, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * bmm(batch1, batch2).sum(0)``.

    Errors: RuntimeError for shapes or types that do not fit.
    """
    for x, name in ((batch1, "batch1"), (batch2, "batch2")):
        _check_batch(name, x)
    if len(batch1) != len(batch2):
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {len(batch1)} and {len(batch2)}")
    (_, rows, inner), (_, size, columns) = batch1.shape, batch2.shape
    if inner != size:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({rows}x{inner} and {size}x{columns})")
    _check_dtypes(input, batch1, batch2)
    product = _multiply(np.moveaxis(batch1, 0, 1).reshape(rows, -1), batch2.reshape(-1, columns))
    return _plus(input, product, beta, alpha)


addbmm.defvjp(
    _input_vjp,
    lambda grad, batch2, alpha: _scaled(ops.matmul(grad, ops.transpose(batch2, 1, 2)), alpha),
    lambda grad, batch1, alpha: _scaled(ops.matmul(ops.transpose(batch1, 1, 2), grad), alpha),
)
addbmm.defjvp(
    _input_jvp,
    lambda tangent, batch2, alpha: _scaled(ops.sum(ops.bmm(tangent, batch2), 0), alpha),
    lambda tangent, batch1, alpha: _scaled(ops.sum(ops.bmm(batch1, tangent), 0), alpha),
)
