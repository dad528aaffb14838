"""Random draws, of one number an element: through them no gradient comes, but zeros do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dims, distributions, ops, random
from refgrad.engine.ops.forms import no_derivative
from refgrad.engine.primitive import PrimitiveFunction, primitive, wrap

__all__ = ["bernoulli", "multinomial", "normal_of", "poisson"]


def _stream(generator: Any) -> Any:
    return generator or random.default_generator


def filled(input: Any, draw: Callable[[tuple[int, ...]], Any]) -> Any:
    """Numbers for each element of ``input``, drawn in the order in which the elements lie in memory."""
    array = np.asarray(input)
    order = sorted(range(array.ndim), key=lambda d: -array.strides[d])
    return draw(tuple(array.shape[d] for d in order)).transpose(dims.permutation_inverse(order))


def _zeros(grad: Any) -> Any:
    return ops.zeros_like(grad)


# fills: the in-place ops, by the name of the method ---------------------------------------------------------------------


@primitive(name="UniformBackward0")
def _uniform(input: Any, /, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.uniform(_stream(generator), shape, input.dtype, a, b))


@primitive(name="NormalBackward0")
def _normal(input: Any, /, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    dense = bool(np.asarray(input).flags.c_contiguous)
    return filled(input, lambda shape: random.normal(_stream(generator), shape, input.dtype, mean, std, dense=dense))


@primitive(name="ExponentialBackward0")
def _exponential(input: Any, /, lambd: float = 1.0, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.exponential(_stream(generator), shape, input.dtype, lambd))


@primitive(name="CauchyBackward0")
def _cauchy(input: Any, /, median: float = 0.0, sigma: float = 1.0, generator: Any = None) -> Any:
    return filled(input, lambda shape: distributions.cauchy(_stream(generator), shape, input.dtype, median, sigma))


@primitive(name="LogNormalBackward0")
def _log_normal(input: Any, /, mean: float = 1.0, std: float = 2.0, generator: Any = None) -> Any:
    return filled(input, lambda shape: distributions.log_normal(_stream(generator), shape, input.dtype, mean, std))


@primitive(name="GeometricBackward0")
def _geometric(input: Any, /, p: float, generator: Any = None) -> Any:
    return filled(input, lambda shape: distributions.geometric(_stream(generator), shape, input.dtype, p))


@primitive(name="RandomBackward0")
def _random_between(input: Any, /, low: int, high: int, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.integers(_stream(generator), shape, low, high, input.dtype))


@primitive(name="RandomBackward1")
def _random_below(input: Any, /, high: int, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.integers(_stream(generator), shape, 0, high, input.dtype))


@primitive(name="RandomBackward2")
def _random_any(input: Any, /, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.integers(_stream(generator), shape, None, None, input.dtype))


@primitive(name="BernoulliBackward1")
def _bernoulli_tensor(input: Any, p: Any, /, generator: Any = None) -> Any:
    return random.bernoulli(_stream(generator), np.broadcast_to(p, input.shape), input.shape, input.dtype)


@primitive(name="BernoulliBackward2")
def _bernoulli_number(input: Any, /, p: float = 0.5, generator: Any = None) -> Any:
    return filled(input, lambda shape: random.bernoulli(_stream(generator), p, shape, input.dtype))


FILLS: dict[str, PrimitiveFunction] = {
    "uniform_": _uniform, "normal_": _normal, "exponential_": _exponential, "cauchy_": _cauchy,
    "log_normal_": _log_normal, "geometric_": _geometric,
}  # fmt: skip
for _op in (*FILLS.values(), _random_between, _random_below, _random_any, _bernoulli_number):
    _op.defvjp(_zeros)
_bernoulli_tensor.defvjp(_zeros, _zeros)


# draws from what a tensor holds -----------------------------------------------------------------------------------------


@primitive(name="BernoulliBackward0")
def _bernoulli(input: Any, /, generator: Any) -> Any:
    return random.bernoulli(_stream(generator), np.asarray(input), input.shape, input.dtype)


@primitive(name="NotImplemented")
def _bernoulli_like(input: Any, /, p: float, generator: Any) -> Any:
    return random.bernoulli(_stream(generator), p, input.shape, input.dtype)


_bernoulli_like.defvjp(no_derivative("bernoulli"))


def bernoulli(input: Any, p: float | None = None, *, generator: Any = None) -> Any:
    """Ones with the probabilities in ``input``, or with probability ``p`` everywhere, else zeros.

    Errors: RuntimeError for what is no probability.
    """
    return _bernoulli(input, generator) if p is None else _bernoulli_like(input, p, generator)


@primitive(name="PoissonBackward0")
def _poisson(input: Any, /, generator: Any) -> Any:
    return distributions.poisson(_stream(generator), np.asarray(input))


def poisson(input: Any, generator: Any = None) -> Any:
    """Counts of what happens at the rates in ``input``.

    Errors: RuntimeError for a negative rate.
    """
    return _poisson(input, generator)


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Any:
    """Positions drawn by the weights in each row of ``input``.

    Errors: RuntimeError for too many, and for weights that are no probabilities.
    """
    weights = np.asarray(input._array)
    return wrap(distributions.multinomial(_stream(generator), weights, num_samples, replacement))


@primitive(name="NormalBackward3")
def _normal_of_both(mean: Any, std: Any, /, generator: Any) -> Any:
    if np.any(std < 0):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    kind = np.result_type(mean, std)
    drawn = random.normal(_stream(generator), dims.broadcast(mean.shape, std.shape), kind)
    return drawn * std + mean


@primitive(name="NormalBackward1")
def _normal_of_means(mean: Any, /, std: float, generator: Any) -> Any:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return random.normal(_stream(generator), mean.shape, mean.dtype, 0.0, std) + mean


@primitive(name="NormalBackward2")
def _normal_of_spreads(std: Any, /, mean: float, generator: Any) -> Any:
    return _normal_of_both.op.forward(std.dtype.type(mean), std, generator)


_bernoulli.defvjp(_zeros)
_poisson.defvjp(_zeros)
_normal_of_both.defvjp(_zeros, _zeros)
_normal_of_means.defvjp(_zeros)
_normal_of_spreads.defvjp(_zeros)


def normal_of(mean: Any, std: Any, generator: Any) -> Any:
    """Normal numbers of means, of standard deviations, or of both."""
    if not hasattr(std, "_array"):
        return _normal_of_means(mean, std, generator)
    return (
        _normal_of_both(mean, std, generator) if hasattr(mean, "_array") else _normal_of_spreads(std, mean, generator)
    )
