"""The gamma function and its kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.ops.forms import _met, _unsupported, by_last, unwritten
from refgrad.engine.primitive import primitive

__all__ = [
    "digamma", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma", "special_multigammaln", "special_polygamma",
    "special_zeta",
]  # fmt: skip


def computed(function: Any, *arrays: Any) -> Any:
    """A function of SciPy's, which knows no half floats, in the type of its arguments."""
    kind = arrays[0].dtype
    wide = [a.astype(np.float32) if a.dtype.itemsize == 2 else a for a in arrays]
    return np.asarray(function(*wide)).astype(kind)[()]


@primitive(promotes="float")
def lgamma(input: Any, /) -> Any:
    """The logarithm of the gamma function's size."""
    _unsupported(input, "c", "lgamma_vml_cpu")
    return computed(_log_gamma, input)


def _log_gamma(x: Any) -> Any:
    from scipy.special import gammaln  # loaded at the first call: `import refgrad` needs NumPy only

    return np.where(np.isneginf(x), np.inf, gammaln(x))


lgamma.defvjp(lambda grad, input: grad * ops.digamma(input))
lgamma.defjvp(lambda tangent, input: tangent * ops.digamma(input))


@primitive(promotes="float")
def digamma(input: Any, /) -> Any:
    """The derivative of ``lgamma``."""
    from scipy.special import digamma as scipy_digamma

    _unsupported(input, "c", "digamma")
    return computed(scipy_digamma, input)


digamma.defvjp(lambda grad, input: grad * ops.polygamma(1, input))
digamma.defjvp(lambda tangent, input: tangent * ops.polygamma(1, input))


@primitive(promotes="float")
def _polygamma(input: Any, /, n: int) -> Any:
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return digamma.op.forward(input)
    _unsupported(input, "c", "trigamma" if n == 1 else "polygamma")
    if n == 1:
        return computed(_trigamma, input)
    factor = math.factorial(n) * (1 if n % 2 else -1)
    return computed(lambda x: (factor * _zeta(x.dtype.type(n + 1), x)).astype(x.dtype), input)


def _trigamma(x: Any) -> Any:
    """With torch's six steps up and three terms, which near 1 are right to 1e-9.

    Source: M. Abramowitz and I. Stegun, "Handbook of mathematical functions", 6.4.6, 6.4.7 and 6.4.12.
    """
    low = x < 0.5
    mirrored = np.where(low, 1 - x, x)
    total = np.where(low, -((np.pi / np.sin(np.pi * x)) ** 2), 0)
    for _ in range(6):
        total = total + 1 / (mirrored * mirrored)
        mirrored = mirrored + 1
    square = 1 / (mirrored * mirrored)
    series = 1 + 1 / (2 * mirrored) + square * (1 / 6 - square * (1 / 30 - square * (1 / 42)))
    return np.where(low, -1, 1) * (total + series / mirrored)


_polygamma.defvjp(lambda grad, input, n: grad * ops.polygamma(n + 1, input))
_polygamma.defjvp(lambda tangent, input, n: tangent * ops.polygamma(n + 1, input))


def polygamma(n: int, input: Any) -> Any:
    """The ``n``-th derivative of ``digamma``.

    Errors: RuntimeError for a negative ``n``.
    """
    if not isinstance(n, int):
        name = "Tensor" if hasattr(n, "dtype") else type(n).__name__
        raise TypeError(f"polygamma(): argument 'n' (position 1) must be int, not {name}")
    return _polygamma(input, n)


polygamma.op = _polygamma.op  # type: ignore[attr-defined]


def special_polygamma(n: int, input: Any) -> Any:
    """As ``polygamma``."""
    return polygamma(n, input)


@primitive(promotes="float")
def mvlgamma(input: Any, /, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``p``.

    Errors: RuntimeError for a dimension below 1.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    _unsupported(input, "c", "arange_cpu")
    steps = -0.5 * np.arange(p)
    constant = p * (p - 1) * 0.25 * math.log(math.pi)
    return computed(
        lambda x: np.sum(_log_gamma(x[..., None] + steps.astype(x.dtype)), -1) + x.dtype.type(constant), input
    )


def _mvlgamma_vjp(grad: Any, input: Any, p: int) -> Any:
    slopes = [ops.digamma(input - 0.5 * i) for i in range(p)]
    return grad * ops.sum(ops.stack(slopes, -1), -1)


mvlgamma.defvjp(_mvlgamma_vjp)
mvlgamma.defjvp(lambda tangent, input, p: _mvlgamma_vjp(tangent, input, p))


def special_multigammaln(input: Any, p: int) -> Any:
    """As ``mvlgamma``."""
    return mvlgamma(input, p)


# of two arguments -----------------------------------------------------------------------------------------------------


def _zeta(x: Any, q: Any) -> Any:
    from scipy.special import zeta

    return np.where(q == np.inf, np.nan, zeta(x, q))


@primitive(promotes="float", name="SpecialZetaBackward0")
def _zeta_tensor(input: Any, other: Any, /) -> Any:
    """The Hurwitz zeta function; the derivative for ``input`` is an error, as in PyTorch."""
    _unsupported(input, "c", "zeta_cpu")
    if input.dtype.itemsize == 2:
        raise NotImplementedError("\"zeta_cpu\" not implemented for 'Half'")
    return _zeta(input, other).astype(np.result_type(input, other))[()]


@primitive(promotes="float", name="SpecialZetaBackward1")
def _zeta_swapped(input: Any, /, other: Any) -> Any:
    return _zeta_tensor.op.forward(*reversed(_met(input, other)))


@primitive(promotes="float", name="SpecialZetaBackward2")
def _zeta_number(input: Any, /, other: Any) -> Any:
    return _zeta_tensor.op.forward(*_met(input, other))


_zeta_tensor.defvjp(unwritten("zeta"), lambda grad, input, other: grad * -input * ops.special_zeta(input + 1, other))
_zeta_swapped.defvjp(lambda grad, input, other: grad * -other * ops.special_zeta(other + 1, input))
_zeta_number.defvjp(unwritten("zeta"))
special_zeta = by_last("special_zeta", _zeta_tensor, _zeta_number, _zeta_swapped)


def _incomplete(name: str, input: Any, other: Any) -> Any:
    import scipy.special

    _unsupported(input, "biuc", f"{name}_cpu")
    return computed(getattr(scipy.special, {"igamma": "gammainc", "igammac": "gammaincc"}[name]), input, other)


@primitive(promotes="yes")
def igamma(input: Any, other: Any, /) -> Any:
    """The regularized lower incomplete gamma function; the derivative for ``input`` is an error, as in PyTorch."""
    return _incomplete("igamma", input, other)


@primitive(promotes="yes")
def igammac(input: Any, other: Any, /) -> Any:
    """The regularized upper incomplete gamma function; the derivative for ``input`` is an error, as in PyTorch."""
    return _incomplete("igammac", input, other)


def _density(input: Any, other: Any) -> Any:
    return ops.exp((input - 1) * ops.log(other) - other - ops.lgamma(input))


igamma.defvjp(unwritten("igamma: input"), lambda grad, input, other: grad * _density(input, other))
igammac.defvjp(unwritten("igammac: input"), lambda grad, input, other: -grad * _density(input, other))
