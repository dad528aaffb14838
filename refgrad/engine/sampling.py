"""Random tensors: factories, in-place fills, and the default generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, random
from refgrad.engine.creation import _type, leaf
from refgrad.engine.tensor import Tensor
from refgrad.engine.views import own_array

__all__ = [
    "Generator", "bernoulli", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "normal", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip

Generator = random.Generator
default_generator = random.default_generator


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the system's randomness; gives the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The default generator's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, as bytes."""
    return leaf(default_generator.get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator back into a state."""
    default_generator.set_state(own_array(new_state))


def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform numbers from [0, 1)."""
    return leaf(random.uniform(generator or default_generator, dims.sizes(size), _type(dtype)), requires_grad)


def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the standard normal distribution."""
    return leaf(random.normal(generator or default_generator, dims.sizes(size), _type(dtype)), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from ``low`` (0 if left out) to below ``high``."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    kind = (dtype or dtypes.int64).numpy
    return leaf(random.integers(generator or default_generator, dims.sizes((size,)), low, high, kind), requires_grad)


def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A random order of 0 to n - 1."""
    return leaf(random.permutation(generator or default_generator, n, (dtype or dtypes.int64).numpy), requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in the shape and type of ``input``."""
    return rand(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal numbers in the shape and type of ``input``."""
    return randn(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None) -> Tensor:
    """Integers in the shape and type of ``input``."""
    return randint(low, high, input.shape, dtype=dtype or input.dtype)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None) -> Tensor:
    """Normal numbers of a mean and standard deviation, which may be tensors."""
    if size is not None:
        kind = dtypes.get_default_dtype().numpy
        return leaf(random.normal(generator or default_generator, dims.sizes((size,)), kind, mean, std))
    like = mean if isinstance(mean, Tensor) else std
    return randn(like.shape, generator=generator, dtype=like.dtype) * std + mean  # type: ignore[no-any-return]


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """Ones with the probabilities in ``input``, else zeros."""
    array = np.asarray(input._array)
    return leaf(random.bernoulli(generator or default_generator, array, array.shape, array.dtype))


def _uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    return self._fill_with(random.uniform(generator or default_generator, self.shape, self._array.dtype, a, b))


def _normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    return self._fill_with(random.normal(generator or default_generator, self.shape, self._array.dtype, mean, std))


def _random_(self: Tensor, low: Any = None, high: Any = None, *, generator: Any = None) -> Tensor:
    low, high = (0, low) if high is None and low is not None else (low, high)
    return self._fill_with(random.integers(generator or default_generator, self.shape, low, high, self._array.dtype))


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    chance = np.asarray(p._array) if isinstance(p, Tensor) else p
    return self._fill_with(random.bernoulli(generator or default_generator, chance, self.shape, self._array.dtype))


for _name, _fill in (
    ("uniform_", _uniform_),
    ("normal_", _normal_),
    ("random_", _random_),
    ("bernoulli_", _bernoulli_),
):
    setattr(Tensor, _name, _fill)
