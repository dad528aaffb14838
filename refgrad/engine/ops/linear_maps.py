"""Linear and bilinear maps of the last dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.primitive import primitive

__all__ = ["bilinear", "linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``.

    Shapes: input ``(..., in)``, weight ``(out, in)``, bias ``(out,)``; the result is ``(..., out)``.
    """
    if not input.ndim:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if bias is None:
        return ops.matmul(input, ops.t(weight))
    if input.ndim == 2:
        return ops.addmm(bias, input, ops.t(weight))
    if input.is_contiguous():
        shape = tuple(input.shape)
        rows = ops.view(input, (math.prod(shape[:-1]), shape[-1]))
        return ops.view(ops.addmm(bias, rows, ops.t(weight)), (*shape[:-1], weight.shape[0]))
    return ops.matmul(input, ops.t(weight)) + bias


@primitive(name="TrilinearBackward0")
def _trilinear(first: Any, second: Any, third: Any, /, indices: tuple[str, str, str, str]) -> Any:
    """The products of three arrays, summed over the indices that the result, named last, has not."""
    *given, result = indices
    return np.einsum(f"{','.join(given)}->{result}", first, second, third, optimize=True)


_trilinear.defvjp(
    lambda grad, second, third, indices: _trilinear(
        grad, second, third, (indices[3], indices[1], indices[2], indices[0])
    ),
    lambda grad, first, third, indices: _trilinear(
        first, grad, third, (indices[0], indices[3], indices[2], indices[1])
    ),
    lambda grad, first, second, indices: _trilinear(
        first, second, grad, (indices[0], indices[1], indices[3], indices[2])
    ),
)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1 @ weight[k] @ input2 + bias[k]`` for each output ``k``.

    Shapes: inputs ``(..., I)`` and ``(..., J)``, weight ``(K, I, J)``, bias ``(K,)``.
    Errors: RuntimeError for shapes that do not fit.
    """
    _check_bilinear(input1, input2, weight, bias)
    flat = [ops.reshape(x, (-1, x.shape[-1])) for x in (input1, input2)]
    result = _trilinear(flat[0], weight, flat[1], ("bi", "kij", "bj", "bk"))
    result = ops.reshape(result, (*input1.shape[:-1], weight.shape[0]))
    return result if bias is None else result + bias


def _check_bilinear(input1: Any, input2: Any, weight: Any, bias: Any) -> None:
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    for d, (m, n) in enumerate(zip(input1.shape[:-1], input2.shape[:-1])):
        if m != n:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {d}: got {m} and {n}")
    for name, x, d in (("input1", input1, 1), ("input2", input2, 2)):
        if x.shape[-1] != weight.shape[d]:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {x.shape[-1]} but expected {weight.shape[d]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
