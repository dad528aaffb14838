"""What the harness knows of an op: how it is called, inputs that reveal, inputs that are refused.

A sample is written down, not computed: ``SampleInput((Array((2, 3)), Array((3,))), {"alpha": 2})``. Its arrays are made
when they are asked for, always the same ones, so that recorded answers stay true.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any, Literal

import numpy as np

__all__ = ["Array", "ErrorInput", "OpInfo", "Repeated", "SampleInput", "arrays_of", "bind", "uniform"]

Layout = Literal["contiguous", "transposed", "strided", "expanded"]
Ndarray = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Array:
    """A tensor to be: ``values``, or else random numbers of ``low`` to ``high`` (integers: below ``high``).

    ``layout`` is how it lies in memory; a ``constant`` is asked for no gradient.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "float64"
    low: float = -2.0
    high: float = 2.0
    values: Any = None
    layout: Layout = "contiguous"
    constant: bool = False

    @property
    def differentiable(self) -> bool:
        """Whether a gradient is asked for."""
        return not self.constant and np.dtype(self.dtype).kind in "fc"

    def base(self, seed: int) -> Ndarray:
        """The array that is handed to the backend, from which ``view`` makes the op's argument."""
        if self.values is not None:
            return np.asarray(self.values, self.dtype)
        return self._random(self._base_shape(), seed)

    def view(self, xp: Any, tensor: Any) -> Any:
        """The op's argument: ``tensor``, seen in this layout."""
        if self.layout == "transposed":
            return xp.transpose(tensor, -1, -2)
        if self.layout == "strided":
            return tensor[..., ::2]
        return xp.broadcast_to(tensor, self.shape) if self.layout == "expanded" else tensor

    def _base_shape(self) -> tuple[int, ...]:
        if self.layout == "transposed":
            return (*self.shape[:-2], self.shape[-1], self.shape[-2])
        if self.layout == "strided":
            return (*self.shape[:-1], 2 * self.shape[-1])
        return (1, *self.shape[1:]) if self.layout == "expanded" else self.shape

    def _random(self, shape: tuple[int, ...], seed: int) -> Ndarray:
        kind = np.dtype(self.dtype).kind
        if kind == "b":
            return uniform(seed, shape) < 0.5
        numbers = self.low + (self.high - self.low) * uniform(seed, shape)
        if kind in "iu":
            return np.floor(numbers).astype(self.dtype)
        # short numbers read well in a failure, and in the line that repeats it
        real = np.round(numbers, 3)
        return np.asarray(real + 1j * np.round(uniform(seed + 1, shape), 3) if kind == "c" else real, self.dtype)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same tensor as the positional argument at ``place``."""

    place: int


@dataclass(frozen=True, slots=True)
class SampleInput:
    """The arguments of one call, in PyTorch's order and by PyTorch's keywords; lists of tensors may be among them.

    A parameter that is a dtype is a ``np.dtype``. As a text, a sample is its own name, unique among the op's.
    At a ``kink`` a derivative may be undefined, and what a library gives there is a convention.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    kink: bool = False

    def __str__(self) -> str:
        parts = [*map(told, self.args), *(f"{key}={told(value)}" for key, value in self.kwargs.items())]
        return ", ".join(parts)

    @property
    def complex(self) -> bool:
        """Whether complex numbers take part."""
        return any(np.dtype(array.dtype).kind == "c" for array in self.arrays())

    def arrays(self) -> list[Array]:
        """The tensors to be, in the order of the call."""
        return list(leaves_of((self.args, dict(self.kwargs))))


@dataclass(frozen=True, slots=True)
class ErrorInput:
    """A call that PyTorch refuses with an error of class ``error``, saying ``text`` among other things."""

    sample: SampleInput
    error: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class OpInfo:
    """An op by PyTorch's path (``add``, ``nn.functional.linear``), or a method of tensors.

    ``prepare`` brings the first argument into the op's domain (a symmetric matrix), so that derivatives stay in it;
    ``comparable`` brings outputs that are not unique (the signs of eigenvectors) into a form that is.
    ``second`` and ``forward`` say whether PyTorch differentiates the gradient, and has forward mode. An op that is not
    ``repeatable`` gives the same only to rounding when it is asked again.
    """

    name: str
    samples: tuple[SampleInput, ...]
    errors: tuple[ErrorInput, ...] = ()
    method: bool = False
    differentiable: bool = True
    second: bool = True
    forward: bool = True
    repeatable: bool = True
    prepare: Callable[[Any], Any] | None = None
    comparable: Callable[[Any, Any], Any] | None = None
    variant: str = ""

    @property
    def id(self) -> str:
        """Name and variant."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    def call(self, xp: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Call the op, and list what it returns."""
        if self.prepare is not None:
            args = (self.prepare(args[0]), *args[1:])
        if self.method:
            found = getattr(args[0], self.name)(*args[1:], **kwargs)
        else:
            found = reduce(getattr, self.name.split("."), xp)(*args, **kwargs)
        found = found if self.comparable is None else self.comparable(xp, found)
        return list(found) if isinstance(found, list | tuple) else [found]


def arrays_of(op: OpInfo, sample: SampleInput) -> list[Ndarray]:
    """The arrays of a sample, constants and integers among them."""
    return [spec.base(seed(op, place)) for place, spec in enumerate(sample.arrays())]


def bind(op: OpInfo, sample: SampleInput) -> tuple[Callable[..., list[Any]], tuple[Ndarray, ...]]:
    """``fn(xp, *tensors)`` that calls the op on a sample, and the arrays that it is to be called with.

    They are the differentiable ones: the others are in ``fn``, which makes tensors of them anew at each call;
    ``fn.with_constants(xp)`` is the function with those made once.
    """
    specs, arrays = sample.arrays(), arrays_of(op, sample)

    def with_constants(xp: Any) -> Callable[..., list[Any]]:
        constants = [None if spec.differentiable else xp.tensor(array) for spec, array in zip(specs, arrays)]

        def bound(xp: Any, *tensors: Any) -> list[Any]:
            given = iter(tensors)
            made = (spec.view(xp, next(given) if each is None else each) for spec, each in zip(specs, constants))
            args: list[Any] = []
            for each in sample.args:
                args.append(args[each.place] if isinstance(each, Repeated) else filled(each, xp, made))
            return op.call(xp, *args, **{key: filled(value, xp, made) for key, value in sample.kwargs.items()})

        return bound

    def fn(xp: Any, *tensors: Any) -> list[Any]:
        return with_constants(xp)(xp, *tensors)

    fn.with_constants = with_constants  # type: ignore[attr-defined]
    return fn, tuple(array for spec, array in zip(specs, arrays) if spec.differentiable)


def seed(op: OpInfo, place: int) -> int:
    """A seed of the op's own for the array at ``place``: no two arguments are alike, no sample depends on another."""
    return zlib.crc32(f"{op.name}/{place}".encode())


def uniform(seed: int, shape: tuple[int, ...]) -> Ndarray:
    """Random numbers in [0, 1), the same for ever."""
    return drawn(seed, math.prod(shape)).reshape(shape)


@cache
def drawn(seed: int, count: int) -> Ndarray:
    # NumPy promises RandomState's streams to stay as they are; Generator's may change
    numbers = np.random.RandomState(seed % 2**32).uniform(size=count)
    numbers.setflags(write=False)
    return numbers


def filled(value: Any, xp: Any, made: Iterator[Any]) -> Any:
    """``value`` with the next of the tensors for each ``Array`` in it, and ``xp``'s own dtypes."""
    if isinstance(value, Array):
        return next(made)
    if isinstance(value, np.dtype):
        return getattr(xp, value.name)
    if type(value) in (list, tuple):
        return type(value)(filled(each, xp, made) for each in value)
    return value


def leaves_of(value: Any) -> Iterator[Array]:
    if isinstance(value, Array):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves_of(each)
    elif isinstance(value, dict):
        yield from leaves_of(list(value.values()))


def told(value: Any) -> str:
    """A value as a sample's name has it: ``float32[2, 3].T``."""
    if isinstance(value, Array):
        mark = "" if value.layout == "contiguous" else f" {value.layout}"
        content = list(value.shape) if value.values is None else value.values
        return f"{'' if value.dtype == 'float64' else value.dtype}{content}{mark}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(told, value))})"
    if isinstance(value, Repeated):
        return f"same as {value.place}"
    return value.name if isinstance(value, np.dtype) else repr(value)
