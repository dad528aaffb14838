"""Powers and exponentials of matrices, and matrices of powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.matrices import check_floating, check_square, mT
from refgrad.engine.primitive import primitive

__all__ = ["linalg_matrix_exp", "linalg_matrix_power", "linalg_vander", "matrix_exp", "matrix_power", "vander"]


@primitive()
def linalg_matrix_exp(input: Any, /) -> Any:
    """The exponential of square matrices."""
    from scipy.linalg import expm  # loaded at the first call: `import refgrad` needs NumPy only

    check_square("linalg.matrix_exp", input)
    check_floating("linalg.matrix_exp", input)
    # in double precision: where its derivative is a corner of the result, the others decide how often it is squared
    wide = input.astype(np.complex128 if input.dtype.kind == "c" else np.float64)
    return expm(wide).astype(input.dtype) if input.size else input.copy()


def _differential(input: Any, direction: Any) -> Any:
    """The derivative along ``direction``: the corner of the exponential of a matrix of blocks.

    Source: R. Mathias, "A chain rule for matrix functions and applications" (1996), theorem 2.1.
    """
    size = input.shape[-1]
    top, bottom = ops.cat((input, direction), -1), ops.cat((ops.zeros_like(input), input), -1)
    whole = ops.linalg_matrix_exp(ops.cat((top, bottom), -2))
    return ops.narrow(ops.narrow(whole, -2, 0, size), -1, size, size)


linalg_matrix_exp.defvjp(lambda grad, input: _differential(mT(input), grad))
linalg_matrix_exp.defjvp(lambda tangent, input: _differential(input, tangent))


def matrix_exp(input: Any) -> Any:
    """As ``linalg.matrix_exp``."""
    return linalg_matrix_exp(input)


def linalg_matrix_power(A: Any, n: int) -> Any:
    """The ``n``-th power of square matrices; of their inverse for a negative ``n``."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    check_square("linalg.matrix_power", A)
    if n == 0:  # as torch does it: a copy that is written over
        return ops.copy(ops.clone(A), ops.diag_embed(ops.ones_as(A, tuple(A.shape[:-1]))))
    if n == 1:
        return ops.clone_contiguous(A)
    if n < 0:
        A, n = ops.linalg_inv(A), -n
    if n == 1:
        return A
    return ops.matmul(ops.matmul(A, A), A) if n == 3 else _by_squares(A, n)


def _by_squares(A: Any, n: int) -> Any:
    result = power = None
    while n:
        power = A if power is None else ops.matmul(power, power)
        n, odd = divmod(n, 2)
        if odd:
            result = power if result is None else ops.matmul(result, power)
    return result


def matrix_power(input: Any, n: int) -> Any:
    """As ``linalg.matrix_power``."""
    return linalg_matrix_power(input, n)


# matrices of powers ---------------------------------------------------------------------------------------------------


def _powers(x: Any, count: int) -> Any:
    """The powers 0 to ``count - 1``, along a new last dimension."""
    shape = (*x.shape, count - 1)
    powers = ops.cumprod(ops.expand(ops.unsqueeze(x, -1), shape), -1)
    return ops.cat((ops.ones_as(powers, (*x.shape, 1)), powers), -1)


def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """The powers 0 to ``N - 1`` of each element, along a new last dimension.

    Errors: RuntimeError for fewer than two powers, and for truth values.
    """
    if x.dtype in (np.bool_, dtypes.bool_):
        raise RuntimeError("linalg.vander supports floating point, complex, and integer tensors, but got Bool")
    x = x if x.ndim else ops.unsqueeze(x, 0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    return _powers(x, count)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of the elements of a vector, highest first unless ``increasing``.

    Errors: RuntimeError for anything but a vector, and for a negative ``N``.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    powers = ops.narrow(_powers(x, max(count, 1)), -1, 0, count)
    return powers if increasing else ops.flip(powers, (1,))
