"""Inputs of linear algebra: matrices that are well conditioned, and each kind that has a factorization of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

import refgrad
from tests.engine.ops.parity import Array
from tests.engine.ops.slopes import check_slopes


class Inputs:
    """Random inputs from a seed, so that no module's depend on which others were loaded before it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def draw(self, *shape: int, dtype: str = "float64") -> Any:
        values = self.rng.normal(size=shape)
        return values + 1j * self.rng.normal(size=shape) if dtype.startswith("complex") else values

    def normal(
        self, *shape: int, dtype: str = "float64", layout: str = "contiguous", requires_grad: bool = True
    ) -> Array:
        """Numbers of both signs."""
        return Array(self.draw(*shape, dtype=dtype), dtype, layout, requires_grad)

    def positive(self, *shape: int, dtype: str = "float64") -> Array:
        """Numbers above 0."""
        return Array(self.rng.uniform(0.3, 3.0, shape), dtype)

    def integers(self, *shape: int, dtype: str = "int64") -> Array:
        """Small integers."""
        return Array(self.rng.integers(0, 5, size=shape), dtype)

    def regular(self, *shape: int, dtype: str = "float64") -> Array:
        """Square matrices that are far from singular."""
        return Array(self.draw(*shape, dtype=dtype) + 3 * np.eye(shape[-1]), dtype)

    def definite(self, *shape: int, dtype: str = "float64") -> Array:
        """Hermitian, positive-definite matrices with distinct eigenvalues."""
        A = self.draw(*shape, dtype=dtype)
        return Array(A @ np.conj(np.swapaxes(A, -1, -2)) + np.diag(1.0 + np.arange(shape[-1])), dtype)

    def triangular(self, *shape: int, dtype: str = "float64", upper: bool = False) -> Array:
        """Triangular matrices with a diagonal well away from 0."""
        values = self.regular(*shape, dtype=dtype).values
        return Array(np.triu(values) if upper else np.tril(values), dtype)


def check_slopes_of(call: Any, *inputs: Array) -> None:
    """As ``check_slopes``, of real and imaginary parts alike."""
    complex_ = [np.iscomplexobj(x.values) for x in inputs]
    arrays = [np.stack([x.values.real, x.values.imag], -1) if c else x.values for x, c in zip(inputs, complex_)]
    check_slopes(
        lambda *parts: call(*(refgrad.view_as_complex(x) if c else x for x, c in zip(parts, complex_))), arrays
    )
