"""How variables vary together."""

from __future__ import annotations

import math
import warnings
from typing import Any

from refgrad.engine import dtypes, ops
from refgrad.engine.ops.matrices import is_complex

__all__ = ["corrcoef", "cov"]

_NO_FREEDOM = "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations."


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance of variables, a row each; ``fweights`` are how often, and ``aweights`` how much an observation counts.

    Errors: RuntimeError for more than two dimensions, truth values, and weights that do not fit.
    """
    _check_covariance("cov", input)
    if getattr(input, "_array", input).dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    values = input if input.ndim == 2 else ops.view(input, (1, math.prod(input.shape)))
    count = values.shape[1]
    weights = _weights(count, fweights, aweights)
    total = count if weights is None else ops.sum(weights)
    weighted = values if weights is None else values * weights
    mean = ops.true_divide(ops.sum(weighted, 1), total)
    if aweights is not None and correction:
        freedom = total - correction * ops.sum(weights * aweights) / total
    else:
        freedom = total - correction
    if not bool(freedom > 0):
        warnings.warn(_NO_FREEDOM, UserWarning, stacklevel=2)
        freedom = freedom * 0
    values = values - ops.unsqueeze(mean, 1)
    other = values if weights is None else values * weights
    return ops.squeeze(ops.true_divide(ops.mm(values, ops.conj(ops.t(other))), freedom))


def _check_covariance(name: str, input: Any) -> None:
    if input.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )


def _weights(count: int, fweights: Any, aweights: Any) -> Any:
    for name, w, kinds, wanted in (
        ("fweights", fweights, "iu", "integral"), ("aweights", aweights, "fV", "floating point")
    ):  # fmt: skip
        if w is None:
            continue
        array = getattr(w, "_array", w)
        if array.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {array.ndim} dimensions"
            )
        if array.dtype.kind not in kinds:
            title = dtypes.scalar_title(array.dtype)
            raise RuntimeError(f"cov(): expected {name} to have {wanted} dtype but got {name} with {title} dtype")
        if array.size != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got {array.size} "
                f"!= {count}"
            )
        if count and array.min() < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


def corrcoef(input: Any) -> Any:
    """The correlation coefficients of variables, a row each.

    Errors: RuntimeError for more than two dimensions.
    """
    _check_covariance("corrcoef", input)
    c = cov(input)
    if not c.ndim:
        return c / c
    variance = ops.diagonal(c)
    deviation = ops.sqrt(ops.real(variance))
    c = c / ops.view(deviation, (-1, 1)) / ops.view(deviation, (1, -1))
    if not is_complex(c):
        return ops.clamp(c, -1, 1)
    return ops.complex(ops.clamp(ops.real(c), -1, 1), ops.clamp(ops.imag(c), -1, 1))
