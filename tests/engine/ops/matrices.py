"""Inputs of linear algebra: matrices that are well conditioned, and each kind that has a factorization of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

import refgrad
from tests.engine.ops.parity import Array
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(4)


def draw(*shape: int, dtype: str = "float64") -> Any:
    values = RNG.normal(size=shape)
    return values + 1j * RNG.normal(size=shape) if dtype.startswith("complex") else values


def normal(*shape: int, dtype: str = "float64", layout: str = "contiguous", requires_grad: bool = True) -> Array:
    """Numbers of both signs."""
    return Array(draw(*shape, dtype=dtype), dtype, layout, requires_grad)


def integers(*shape: int, dtype: str = "int64") -> Array:
    """Small integers."""
    return Array(RNG.integers(0, 5, size=shape), dtype)


def regular(*shape: int, dtype: str = "float64") -> Array:
    """Square matrices that are far from singular."""
    return Array(draw(*shape, dtype=dtype) + 3 * np.eye(shape[-1]), dtype)


def definite(*shape: int, dtype: str = "float64") -> Array:
    """Hermitian, positive-definite matrices with distinct eigenvalues."""
    A = draw(*shape, dtype=dtype)
    return Array(A @ np.conj(np.swapaxes(A, -1, -2)) + np.diag(1.0 + np.arange(shape[-1])), dtype)


def triangular(*shape: int, dtype: str = "float64", upper: bool = False) -> Array:
    """Triangular matrices with a diagonal well away from 0."""
    values = regular(*shape, dtype=dtype).values
    return Array(np.triu(values) if upper else np.tril(values), dtype)


def check_slopes_of(call: Any, *inputs: Array) -> None:
    """As ``check_slopes``, of real and imaginary parts alike."""
    complex_ = [np.iscomplexobj(x.values) for x in inputs]
    arrays = [np.stack([x.values.real, x.values.imag], -1) if c else x.values for x, c in zip(inputs, complex_)]
    check_slopes(
        lambda *parts: call(*(refgrad.view_as_complex(x) if c else x for x, c in zip(parts, complex_))), arrays
    )
