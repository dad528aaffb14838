"""Random tensors: factories, in-place fills, and the default generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops, random
from refgrad.engine.creation import _type, leaf
from refgrad.engine.inplace import inplace, write
from refgrad.engine.memory_format import laid_out
from refgrad.engine.ops import draws
from refgrad.engine.ops.draws import filled
from refgrad.engine.tensor import Tensor
from refgrad.engine.views import own_array

__all__ = [
    "Generator", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "normal", "rand",
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


def rand_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers in the shape, type and layout of ``input``."""
    array, stream = _laid_out_as(input, dtype, memory_format), generator or default_generator
    return leaf(filled(array, lambda shape: random.uniform(stream, shape, array.dtype)), requires_grad)


def randn_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Normal numbers in the shape, type and layout of ``input``."""
    array, stream = _laid_out_as(input, dtype, memory_format), generator or default_generator
    dense = array.flags.c_contiguous
    return leaf(filled(array, lambda shape: random.normal(stream, shape, array.dtype, dense=dense)), requires_grad)


def randint_like(
    input: Tensor, low: int, high: int | None = None, *, generator: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers in the shape, type and layout of ``input``."""
    low, high = (0, low) if high is None else (low, high)
    array, stream = _laid_out_as(input, dtype, memory_format), generator or default_generator
    return leaf(filled(array, lambda shape: random.integers(stream, shape, low, high, array.dtype)), requires_grad)


def _laid_out_as(input: Tensor, dtype: Any, memory_format: Any) -> Any:
    """An array as ``empty_like`` makes it."""
    return laid_out(np.empty_like(np.asarray(input._array), dtype=(dtype or input.dtype).numpy), memory_format)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers of a mean and standard deviation, which may be tensors.

    Errors: RuntimeError for a negative standard deviation.
    """
    if size is None:
        return ops.normal_of(mean, std, generator)  # type: ignore[no-any-return]
    stream = generator or default_generator
    return leaf(random.normal(stream, dims.sizes((size,)), _type(dtype), mean, std), requires_grad)


def _random_(self: Tensor, low: Any = None, high: Any = None, *, generator: Any = None) -> Tensor:
    if low is None:
        return write(draws._random_any.op, (self,), (generator,))  # type: ignore[no-any-return]
    if high is None:
        return write(draws._random_below.op, (self,), (low, generator))  # type: ignore[no-any-return]
    return write(draws._random_between.op, (self,), (low, high, generator))  # type: ignore[no-any-return]


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    if isinstance(p, Tensor):
        return write(draws._bernoulli_tensor.op, (self, p), (generator,))  # type: ignore[no-any-return]
    return write(draws._bernoulli_number.op, (self,), (p, generator))  # type: ignore[no-any-return]


for _name, _fill in (
    *((name, inplace(op)) for name, op in draws.FILLS.items()),
    ("random_", _random_),
    ("bernoulli_", _bernoulli_),
    ("bernoulli", ops.bernoulli),
    ("multinomial", ops.multinomial),
):
    setattr(Tensor, _name, _fill)
