"""What the chapters on matrices share: what they refuse, and a few words of algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops

__all__ = ["linalg_diagonal"]


class _LinAlgError(RuntimeError):
    """A matrix has no such inverse, factor or spectrum, or the algorithm did not find it."""

    __module__ = "refgrad._C"  # where PyTorch has it


# what is refused ------------------------------------------------------------------------------------------------------


def check_matrix(name: str, A: Any, letter: str = "A") -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(name: str, A: Any, letter: str = "A") -> None:
    check_matrix(name, A, letter)
    rows, columns = A.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {rows} by {columns} matrices"
        )


def check_floating(name: str, A: Any, *, low_precision: bool = True) -> None:
    title = dtypes.scalar_title(A.dtype)
    if A.dtype.kind in "biu":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {title}")
    if not low_precision and A.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {title}")


def check_kernel(kernel: str, A: Any) -> None:
    """Refuse the types that LAPACK does not know."""
    if A.dtype.kind in "biu" or A.dtype.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(A.dtype)}'")


def check_solver(name: str, A: Any, B: Any, left: bool, letter: str = "B") -> None:
    """Refuse shapes that make no equation."""
    check_square(name, A)
    check_matrix(name, B, letter)
    if A.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )


def check_infos(name: str, infos: Any, text: str) -> None:
    """Raise for the first matrix of a batch whose algorithm failed; ``text`` says why, of its error code.

    Errors: LinAlgError.
    """
    failed = np.flatnonzero(infos)
    if failed.size:
        batch = f"(Batch element {failed[0]}): " if np.ndim(infos) else ""
        raise _LinAlgError(f"{name}: {batch}{text.format(np.ravel(infos)[failed[0]])}")


# batches --------------------------------------------------------------------------------------------------------------


def broadcast_batches(A: Any, B: Any) -> tuple[Any, Any]:
    """Both with the batch that their batches broadcast to; the second one's shape is told first in errors."""
    batch = dims.broadcast(B.shape[:-2], A.shape[:-2])
    return np.broadcast_to(A, batch + A.shape[-2:]), np.broadcast_to(B, batch + B.shape[-2:])


def each(function: Callable[..., Any], *arrays: Any, core: int = 2) -> Any:
    """The results of ``function``, a number a matrix, as an array over the batch."""
    batch = arrays[0].shape[: arrays[0].ndim - core]
    return np.array([function(*(a[at] for a in arrays)) for at in np.ndindex(batch)], np.int32).reshape(batch)


def column_major(A: Any) -> Any:
    """``A`` with each matrix by columns in memory, as LAPACK leaves them."""
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(A, -1, -2)), -1, -2)


# algebra, for rules ---------------------------------------------------------------------------------------------------


def mT(A: Any) -> Any:
    """The transpose of each matrix."""
    return ops.transpose(A, -2, -1)


def mH(A: Any) -> Any:
    """The conjugate transpose of each matrix."""
    return ops.conj(ops.transpose(A, -2, -1))


def off_diagonal(A: Any) -> Any:
    """Each matrix with zeros on its diagonal."""
    return ops.tril(A, -1) + ops.triu(A, 1)


def column(vector: Any) -> Any:
    """Vectors as factors of the rows of matrices."""
    return ops.unsqueeze(vector, -1)


def row(vector: Any) -> Any:
    """Vectors as factors of the columns of matrices."""
    return ops.unsqueeze(vector, -2)


def is_complex(A: Any) -> bool:
    return bool(getattr(A, "_array", A).dtype.kind == "c")


def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of each matrix, a view."""
    return ops.diagonal(A, offset, dim1, dim2)
