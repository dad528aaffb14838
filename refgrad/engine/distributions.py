"""More of PyTorch's random numbers, bit for bit: distributions that are drawn one number at a time.

Source: torch 2.13.0, ATen/core/DistributionsHelper.h, TransformationHelper.h, and ATen/native/Distributions.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.random import _F64, Array, DType, Generator, Shape, _apply, _cast, _pairs, _scale, exponential

__all__ = ["cauchy", "geometric", "log_normal", "multinomial", "poisson"]


def cauchy(generator: Generator, shape: Shape, dtype: DType, median: float = 0.0, sigma: float = 1.0) -> Array:
    """Numbers with Cauchy's distribution, as ``cauchy_`` draws them.

    Errors: RuntimeError where ``sigma`` is not positive, or for integers.
    """
    if dtype.kind in "biu":
        raise RuntimeError(
            "Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {dtypes.c_title(dtype)}"
        )
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    unit = generator.unit(math.prod(shape), _F64)
    return _cast(_scale(_apply(math.tan, math.pi * (unit - 0.5)), sigma, median), dtype).reshape(shape)


@np.errstate(divide="ignore")
def geometric(generator: Generator, shape: Shape, dtype: DType, p: float) -> Array:
    """How many trials of chance ``p`` it takes to succeed, as ``geometric_`` draws them.

    Errors: RuntimeError where ``p`` is not between 0 and 1.
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    unit = generator.unit(math.prod(shape), _F64)
    logs = _apply(lambda u: math.log(u) if u else -math.inf, unit)
    return _cast(np.ceil(logs / math.log1p(-p)), dtype).reshape(shape)


@np.errstate(over="ignore")
def log_normal(generator: Generator, shape: Shape, dtype: DType, mean: float = 1.0, std: float = 2.0) -> Array:
    """Numbers whose logarithm is normal, as ``log_normal_`` draws them.

    Errors: RuntimeError where ``std`` is not positive; NotImplementedError for integers.
    """
    if dtype.kind in "biu":
        raise NotImplementedError(f"\"log_normal_cpu\" not implemented for '{dtypes.scalar_title(dtype)}'")
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    return _cast(_apply(_exp, _scale(_pairs(generator, math.prod(shape)), std, mean)), dtype).reshape(shape)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def poisson(generator: Generator, rates: Array) -> Array:
    """Counts of what happens at ``rates``, as ``torch.poisson`` draws them.

    Errors: RuntimeError for a negative rate; NotImplementedError for integers.
    """
    if rates.dtype.kind in "biuc":
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{dtypes.scalar_title(rates.dtype)}'")

    def unit() -> float:
        return float(generator.unit(1, _F64)[0])

    counts = [_count(float(rate), unit) for rate in np.asarray(rates, _F64).reshape(-1)]
    return _cast(np.array(counts, _F64), rates.dtype).reshape(rates.shape)


def _count(rate: float, unit: Callable[[], float]) -> int:
    """One count: by products of uniform numbers, or by rejection where it is large.

    Source: W. Hoermann, "The transformed rejection method for generating Poisson random variables" (1993).
    """
    if not rate >= 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    if rate >= 10:
        return _rejected(rate, unit)
    count, product, bound = 0, 1.0, math.exp(-rate)
    while rate and (product := product * unit()) > bound:
        count += 1
    return count


def _rejected(rate: float, unit: Callable[[], float]) -> int:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse, cut = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = unit() - 0.5, unit()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= cut:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        likely = -rate + k * math.log(rate) - math.lgamma(k + 1)
        if math.log(v) + math.log(inverse) - math.log(a / (us * us) + b) <= likely:
            return k


def multinomial(generator: Generator, weights: Array, count: int, replacement: bool) -> Array:
    """Positions drawn by weight, a row for each row of ``weights``, as ``torch.multinomial`` draws them.

    Errors: RuntimeError for too many, and for weights that are no probabilities.
    """
    _check_weights(weights, count, replacement)
    if not replacement or count == 1:  # the largest of p / q, where q is exponential: Gumbel's trick
        with np.errstate(divide="ignore"):
            race = weights / exponential(generator, weights.shape, weights.dtype)
        order = np.argsort(-race, -1, kind="stable")
        return np.ascontiguousarray(order[..., :count])
    rows = [_by_sum(generator, row, count) for row in weights.reshape(-1, weights.shape[-1])]
    return np.array(rows, np.int64).reshape(*weights.shape[:-1], count)


def _by_sum(generator: Generator, row: Array, count: int) -> Any:
    total = np.cumsum(row, dtype=row.dtype)
    total = total / total[-1]
    total[-1] = 1
    return np.searchsorted(total.astype(_F64), generator.unit(count, _F64))


def _check_weights(weights: Array, count: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if weights.dtype.kind in "biu":
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {dtypes.scalar_title(weights.dtype)}"
        )
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and count > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    _check_probabilities(weights)


def _check_probabilities(weights: Array) -> None:
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if np.any(weights.sum(-1) == 0):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
