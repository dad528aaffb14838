"""The words that the records are written in: arrays, samples, wrong inputs, and the usual samples of usual ops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from refgrad.harness.opinfo import Array, ErrorInput, OpInfo, Repeated, SampleInput

__all__ = [
    "SPECIAL",
    "binary",
    "boolean",
    "constant",
    "definite",
    "dtype",
    "error",
    "integers",
    "kink",
    "op",
    "positive",
    "real",
    "regular",
    "same",
    "sample",
    "unary",
    "unit",
    "values",
]

INF, NAN = float("inf"), float("nan")
SPECIAL = (0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e-300, -1e300)  # where libraries part

Domain = tuple[float, float]
EVERYWHERE: Domain = (-2.0, 2.0)


# -- arrays


def real(*shape: int, **more: Any) -> Array:
    """Numbers of both signs."""
    return Array(shape, **more)


def positive(*shape: int, **more: Any) -> Array:
    """Numbers above zero, well away from it."""
    return Array(shape, **{"low": 0.2, "high": 2.0} | more)


def unit(*shape: int, **more: Any) -> Array:
    """Numbers inside (-1, 1), away from its ends."""
    return Array(shape, **{"low": -0.9, "high": 0.9} | more)


def integers(*shape: int, below: int, low: int = 0, dtype: str = "int64", **more: Any) -> Array:
    """Integers from ``low`` up to, but not, ``below``: indices and counts."""
    return Array(shape, dtype, low=low, high=below, **more)


def boolean(*shape: int) -> Array:
    """A mask."""
    return Array(shape, "bool")


def values(content: Any, dtype: str | None = None, **more: Any) -> Array:
    """These numbers; floats are float64 and integers int64 unless ``dtype`` says otherwise."""
    array = np.asarray(content)
    return Array(array.shape, dtype or array.dtype.name, values=content, **more)


def regular(*shape: int, dtype: str = "float64", turn: int = 0) -> Array:
    """Matrices that are far from singular; another ``turn`` gives others."""
    return values((_matrices(shape, dtype, turn) + 3 * np.eye(shape[-1])).round(2).tolist(), dtype)


def definite(*shape: int, dtype: str = "float64") -> Array:
    """Hermitian matrices with distinct positive eigenvalues."""
    A = _matrices(shape, dtype, 0)
    raised = A + np.conj(np.swapaxes(A, -1, -2)) + np.diag(4.0 + 2 * np.arange(shape[-1]))
    return values(raised.round(2).tolist(), dtype)


def _matrices(shape: tuple[int, ...], dtype: str, turn: int) -> Any:
    angles = 1.0 + turn + 1.7 * np.arange(np.prod(shape, dtype=int)).reshape(shape) ** 1.1
    real = np.round(np.sin(angles), 2)
    return real + 1j * np.round(np.cos(2 * angles), 2) if np.dtype(dtype).kind == "c" else real


def constant(array: Array) -> Array:
    """The same tensor, asked for no gradient."""
    return replace(array, constant=True)


def same(place: int) -> Repeated:
    """The very tensor that is the positional argument at ``place``."""
    return Repeated(place)


def dtype(name: str) -> np.dtype[Any]:
    """A dtype as a parameter."""
    return np.dtype(name)


# -- records


def sample(*args: Any, **kwargs: Any) -> SampleInput:
    """The arguments of a call."""
    return SampleInput(args, kwargs)


def kink(*args: Any, **kwargs: Any) -> SampleInput:
    """The arguments of a call at ties, corners, ends of the domain, nan or inf: derivatives there are conventions."""
    return SampleInput(args, kwargs, kink=True)


def error(kind: str, text: str, *args: Any, **kwargs: Any) -> ErrorInput:
    """The arguments of a call that is refused with the class ``kind``, saying ``text``."""
    return ErrorInput(SampleInput(args, kwargs), kind, text)


def op(name: str, *samples: SampleInput, errors: Iterable[ErrorInput] = (), **more: Any) -> OpInfo:
    """A record."""
    return OpInfo(name, samples, tuple(errors), **more)


def unary(
    name: str, domain: Domain = EVERYWHERE, *extra: SampleInput, special: Iterable[float] = SPECIAL,
    complex: bool = False, **more: Any,
) -> OpInfo:  # fmt: skip
    """An element-wise op of one tensor: its usual samples, those ``extra``, and one at ``special`` values."""
    return op(name, *unary_samples(domain, tuple(special), complex), *extra, **more)


def unary_samples(domain: Domain, special: tuple[float, ...], complex: bool) -> Iterable[SampleInput]:
    low, high = domain
    matrix = Array((2, 3), low=low, high=high)
    for array in (
        matrix, replace(matrix, shape=()), replace(matrix, shape=(0, 3)), replace(matrix, shape=(1,)),
        replace(matrix, layout="transposed"), replace(matrix, layout="strided"), replace(matrix, layout="expanded"),
        replace(matrix, dtype="float32"),
    ):  # fmt: skip
        yield sample(array)
    if complex:
        yield sample(replace(matrix, dtype="complex128"))
    if special:
        yield kink(values(list(special)))


def binary(
    name: str, domain: Domain = EVERYWHERE, other: Domain | None = None, *extra: SampleInput,
    special: Iterable[tuple[float, float]] = (), complex: bool = False, scalar: float | None = 2.5, ties: bool = False,
    **more: Any,
) -> OpInfo:  # fmt: skip
    """An element-wise op of two tensors: alike, broadcast both ways, mixed in type, repeated, at ``special`` pairs.

    With ``ties`` equal elements are a kink.
    """
    return op(name, *binary_samples(domain, other or domain, tuple(special), complex, scalar, ties), *extra, **more)


def binary_samples(
    domain: Domain,
    others: Domain,
    special: tuple[tuple[float, float], ...],
    complex: bool,
    scalar: float | None,
    ties: bool,
) -> Iterable[SampleInput]:
    def a(*shape: int, **more: Any) -> Array:
        return Array(shape, low=domain[0], high=domain[1], **more)

    def b(*shape: int, **more: Any) -> Array:
        return Array(shape, low=others[0], high=others[1], **more)

    yield sample(a(2, 3), b(2, 3))
    yield sample(a(2, 1), b(1, 3))
    yield sample(a(), b(2, 3))
    yield sample(a(2, 3), b(3))
    yield sample(a(0, 3), b(3))
    yield sample(a(2, 3, layout="transposed"), b(2, 3, layout="expanded"))
    yield sample(a(2, 3, dtype="float32"), b(3, dtype="float32"))
    yield sample(a(2, 3, dtype="float32"), b(3))
    if domain == others:
        yield kink(a(3), same(0)) if ties else sample(a(3), same(0))
    if scalar is not None:
        yield sample(a(2, 3), scalar)
    if complex:
        yield sample(a(2, 3, dtype="complex128"), b(3, dtype="complex128"))
    if special:
        yield kink(values([x for x, _ in special]), values([y for _, y in special]))
