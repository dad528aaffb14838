"""PyTorch's CPU random numbers, bit for bit: one Mersenne Twister, and how each distribution draws from it.

A distribution stays in step only if it draws as many words as PyTorch's kernel, in its order, and rounds as it does.

Source: torch 2.13.0, ATen/native/cpu/DistributionTemplates.h, avx_mathfun.h and ATen/CPUGeneratorImpl.cpp, as built for
x86-64 with AVX2, where products and sums are fused; logarithms and sines in float64 are the C library's, as there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from refgrad.engine.modes import modes

__all__ = ["Generator", "bernoulli", "default_generator", "exponential", "integers", "normal", "permutation", "uniform"]

Array = NDArray[Any]
DType = np.dtype[Any]
Shape = Sequence[int]
_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
_PARTS: dict[str, DType] = {"complex64": _F32, "complex128": _F64}  # of a complex number, drawn one after the other
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_RANGES = {"bool": (0, 1, "bool"), "uint8": (0, 255, "unsigned char"), "int8": (-128, 127, "signed char")}
_RANGES |= {"int16": (-(2**15), 2**15 - 1, "short int"), "int32": (-(2**31), 2**31 - 1, "int")}
_RANGES |= {"int64": (-(2**63), 2**63 - 1, "long int"), "float16": (-65504, 65504, "c10::Half")}
_TITLES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}
_NOT_A_PROBABILITY = "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
_NOT_A_PROBABILITY += "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
_HEAD = [("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("words", "<u8", 624)]
_TAIL = [("", "V8"), ("normal", "<f8"), ("", "V8"), ("has_normal", "<i4"), ("", "V12")]
_STATE: DType = np.dtype([*_HEAD, *_TAIL])  # the bytes of torch.get_rng_state(); PyTorch leaves the unnamed ones zero


class Generator:
    """A stream of random words with PyTorch's seeding and state, and the normal number that waits for the next call."""

    def __init__(self, device: object = "cpu") -> None:  # there is no other
        self.manual_seed(67280421310721)

    @cached_property
    def _twister(self) -> np.random.MT19937:
        return np.random.MT19937(0)  # made late: numpy.random takes its time to import

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream again at ``seed``, of which the twister sees the low 32 bits.

        Errors: ValueError outside [-2**63, 2**64); RuntimeError where ``seed`` is no int.
        """
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed, self._untouched = seed % 2**64, True
        self.cached_normal: float | None = None
        return self

    def seed(self) -> int:
        """Start the stream at a seed from the operating system, and return that seed."""
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the stream started at; a negative one counts from 2**64."""
        return self._seed

    def random(self, count: int) -> NDArray[np.uint64]:
        """The next ``count`` words of 32 bits, each in 64."""
        if modes.layers and count:
            modes.refuse("random")
        if self._untouched:  # RandomState.seed is Knuth's initialisation, as PyTorch's
            np.random.RandomState(self._twister).seed(self._seed % 2**32)
            self._untouched = count == 0
        return np.asarray(self._twister.random_raw(count), np.uint64)

    def random64(self, count: int) -> NDArray[np.uint64]:
        """The next ``count`` words of 64 bits, the high half drawn first."""
        words = self.random(2 * count)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def unit(self, count: int, dtype: DType) -> Array:
        """The next ``count`` numbers in [0, 1): 53 bits of two words for float64, 24 bits of one for float32."""
        if dtype == _F64:
            return (self.random64(count) & np.uint64(2**53 - 1)).astype(_F64) * 2.0**-53
        return (self.random(count) & np.uint64(2**24 - 1)).astype(_F32) * np.float32(2.0**-24)

    def get_state(self) -> NDArray[np.uint8]:
        """The whole state, in the 5056 bytes of ``torch.get_rng_state``."""
        self.random(0)
        twister = self._twister.state["state"]
        position, normal = 0 if self._untouched else twister["pos"], self.cached_normal
        stream = self._seed, 625 - position if position else 1, 1, position, twister["key"]
        return np.array([(*stream, b"", normal or 0.0, b"", normal is not None, b"")], _STATE).view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> Generator:
        """Go on from ``state``, which ``get_state`` gave, here or in PyTorch.

        Errors: TypeError where it is not of bytes; RuntimeError where its size or contents are not a state's.
        """
        if state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if state.size != _STATE.itemsize:
            expected = f"Expected a CPUGeneratorImplState of size {_STATE.itemsize}"
            raise RuntimeError(f"{expected} but found the input RNG state size to be {state.size}")
        (found,) = np.frombuffer(state.tobytes(), _STATE)
        if not (found["seeded"] and 0 < found["left"] <= 624 and found["next"] <= 624):
            raise RuntimeError("Invalid mt19937 state")
        key, position = found["words"].astype(np.uint32), 624 if found["left"] == 1 else int(found["next"])
        self._twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        self._seed, self._untouched = int(found["seed"]), bool(found["next"] == 0)
        self.cached_normal = float(found["normal"]) if found["has_normal"] else None
        return self


default_generator = Generator()
default_generator.seed()  # as in PyTorch, where only a Generator of one's own starts at the fixed seed


def _opmath(dtype: DType, kernel: str) -> DType:
    """The type that ``kernel`` computes in."""
    if dtype.name not in _DIGITS:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{_TITLES[dtype.name]}'")
    return _F64 if dtype == _F64 else _F32


def _cast(values: Array, dtype: DType) -> Array:
    """``values`` as ``dtype``; PyTorch makes 16-bit floats from float32, which rounds twice."""
    return (values.astype(_F32) if _DIGITS.get(dtype.name, 24) < 24 else values).astype(dtype, copy=False)


@np.errstate(all="ignore")
def uniform(generator: Generator, shape: Shape, dtype: DTypeLike, low: float = 0.0, high: float = 1.0) -> Array:
    """Numbers in [low, high), as ``torch.rand`` and ``uniform_`` draw them.

    Errors: RuntimeError where ``low`` is above ``high``; NotImplementedError for integers.
    """
    dtype = np.dtype(dtype)
    if part := _PARTS.get(dtype.name):
        return uniform(generator, (*shape, 2), part, low, high).view(dtype)[..., 0]
    work = _opmath(dtype, "check_uniform_bounds")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    unit, span = generator.unit(math.prod(shape), work), work.type(high) - work.type(low)
    result, (first, last) = _cast(_scale(unit, span, low), dtype), _cast(np.array([low, high]), dtype)
    result[result == last] = first  # what rounded up to the excluded bound
    return result.reshape(shape)


@np.errstate(all="ignore")
def normal(
    generator: Generator, shape: Shape, dtype: DTypeLike, mean: float = 0.0, std: float = 1.0, *, dense: bool = True
) -> Array:
    """Normal numbers, as ``torch.randn`` and ``normal_`` draw them: in blocks of 16, or in pairs where there are fewer.

    ``dense`` says that the tensor to fill is contiguous; PyTorch fills others in pairs, however many there are.
    Units: ``std`` of a complex number is that of its two parts together.
    Errors: RuntimeError where ``std`` is negative or nan; NotImplementedError for integers.
    """
    dtype, count = np.dtype(dtype), math.prod(shape)
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    if part := _PARTS.get(dtype.name):
        return normal(generator, (*shape, 2), part, mean, std / math.sqrt(2), dense=dense).view(dtype)[..., 0]
    work = _opmath(dtype, "normal_kernel_cpu")
    if dense and count >= 16:
        drawn = count if dtype == work else count - count % 16  # 16-bit kernels do not draw an incomplete block
        standard = _blocks(generator, count, work, drawn)
    else:
        standard = _pairs(generator, count)
    return _cast(_scale(standard, std, mean), dtype).reshape(shape)


def _pairs(generator: Generator, count: int) -> Array:
    """Box and Muller's transform of two numbers at a time; a second result that nobody wants yet is cached."""
    values: list[float] = []
    if count and generator.cached_normal is not None:
        values, generator.cached_normal = [generator.cached_normal], None
    unit = generator.unit((count - len(values) + 1) // 2 * 2, _F64).tolist()
    for u1, u2 in zip(unit[0::2], unit[1::2], strict=True):
        radius, theta = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
        values += [radius * math.cos(theta), radius * math.sin(theta)]
    if len(values) > count:
        generator.cached_normal = values.pop()
    return np.array(values, _F64)


def _blocks(generator: Generator, count: int, dtype: DType, drawn: int) -> Array:
    """Box and Muller's transform of 16 numbers at a time; the last 16 are made again where ``count`` is no multiple."""
    unit = generator.unit(drawn, dtype)[: count - count % 16]
    if unit.size == count:
        return _box_muller(unit)
    values = _box_muller(np.concatenate((unit, generator.unit(16, dtype))))
    return np.concatenate((values[: count - 16], values[-16:]))


def _box_muller(unit: Array) -> Array:
    """Of each 16, the first half gives the radii and the second the angles; eight cosines come before eight sines."""
    u1, u2 = unit.reshape(-1, 2, 8).swapaxes(0, 1)
    theta = 2.0 * math.pi * u2
    if unit.dtype == _F32:
        log, (cos, sin) = _log(1 - u1), _cos_sin(theta)
    else:
        log, cos, sin = _apply(math.log, 1 - u1), _apply(math.cos, theta), _apply(math.sin, theta)
    radius = np.sqrt(-2 * log)
    return np.stack((radius * cos, radius * sin), axis=1).ravel()


def _apply(function: Callable[[float], float], values: Array) -> Array:
    """``function`` of each element; NumPy's own float64 logarithm differs from the C library's in the last bit."""
    return np.fromiter(map(function, values.ravel().tolist()), _F64, values.size).reshape(values.shape)


# Cephes' float32 functions. Rounding twice in `_fused` is never felt: all 2**24 arguments that `unit` gives were tried.
_LOG = [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1]
_LOG += [-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]
_SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]
_COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]
_PI_4 = [-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8]  # minus a quarter of pi, in three parts


def _fused(a: Array, b: Array | float, c: Array | float) -> Array:
    return (np.multiply(a, np.asarray(b, _F32), dtype=_F64) + np.asarray(c, _F32)).astype(_F32)


def _polynomial(coefficients: list[float], x: Array) -> Array:
    return reduce(lambda y, c: _fused(y, x, c), coefficients[1:], np.full_like(x, coefficients[0]))


def _log(x: Array) -> Array:
    mantissa, exponent = np.frexp(x)
    low = mantissa < np.float32(math.sqrt(0.5))
    x, e = np.where(low, mantissa + mantissa, mantissa) - 1, (exponent - low).astype(_F32)
    z = x * x
    y = _fused(_polynomial(_LOG, x) * x, z, e * -2.12194440e-4) - z * 0.5
    return _fused(e, 0.693359375, x + y)


def _cos_sin(x: Array) -> tuple[Array, Array]:
    octant = ((x * (4 / math.pi)).astype(np.int32) + 1) & ~1
    x = reduce(lambda rest, part: _fused(octant.astype(_F32), part, rest), _PI_4, x)
    z, swap = x * x, octant & 2 != 0
    cos, sin = _fused(_polynomial(_COS, z) * z, z, z * -0.5) + 1, _fused(_polynomial(_SIN, z) * z, x, x)
    cos, sin = np.where(swap, sin, cos), np.where(swap, cos, sin)
    return np.where((octant + 2) & 4, -cos, cos), np.where(octant & 4, -sin, sin)


def _scale(values: Array, factor: Any, offset: Any) -> Array:
    """``values * factor + offset`` in the type of ``values``, rounded once.

    Source: Dekker, "A floating-point technique for extending the available precision" (1971): the error of a product.
    """
    factor, offset = values.dtype.type(factor), values.dtype.type(offset)
    product: Array = values * factor
    total: Array = product + offset
    if factor == 1 or offset == 0 or not max(abs(factor), abs(offset)) < 1e290:
        return total  # product or sum is exact (or the halves below would overflow)
    if values.dtype == _F32:
        return _fused(values, factor, offset)  # rounds twice, which is felt about once in 2**29
    a, c = (large - (large - x) for x, large in ((values, values * 134217729.0), (factor, factor * 134217729.0)))
    b, d = values - a, factor - c  # 26 bits each, so that their products are exact
    part = total - product
    lost: Array = (product - (total - part)) + (offset - part) + (((a * c - product) + a * d + b * c) + b * d)
    return total + lost


@np.errstate(all="ignore")
def integers(generator: Generator, shape: Shape, low: int | None, high: int | None, dtype: DTypeLike) -> Array:
    """Integers in [low, high), as ``torch.randint`` and ``random_(low, high)`` draw them; with None, as ``random_()``.

    Errors: RuntimeError where the bounds are out of order or beyond ``dtype``.
    """
    dtype, count = np.dtype(dtype), math.prod(shape)
    if low is None or high is None:
        low, last = 0, 2 ** _DIGITS[dtype.name] if dtype.name in _DIGITS else _RANGES[dtype.name][1]
        wide = dtype.name in ("int64", "float64")
    else:
        low, last = _bounds(low, high, dtype)
        wide = last - low >= 2**28 - 1  # where the remainder of 32 bits would be visibly skewed
    words = generator.random64(count) if wide else generator.random(count)
    words = words if last - low == 2**64 - 1 else np.remainder(words, np.uint64(last - low + 1))
    return _cast((words + np.uint64(low % 2**64)).view(np.int64), dtype).reshape(shape)


def _bounds(low: int, high: int, dtype: DType) -> tuple[int, int]:
    """The first and the last integer, moved inwards where rounding to a float could carry one out of [low, high)."""
    expects = "random_ expects 'from'{0} to be less than 'to'{0}, but got from={1} >= to={2}"
    if low >= high:
        raise RuntimeError(expects.format("", low, high))
    if dtype.name in _DIGITS:
        up, down = (2 ** max(abs(bound).bit_length() - _DIGITS[dtype.name], 0) for bound in (low + 1, high - 1))
        above, below = (float(_cast(np.array(bound, np.int64), dtype)) for bound in (low + 1, high - 1))
        low = int(above) + up if -(2.0**63) <= above < low else low
        high = int(below) - down if high <= below < 2.0**63 else high
        if low >= high:
            raise RuntimeError(expects.format(" casted to dtype", low, high))
    smallest, largest, title = _RANGES.get(dtype.name, (low, high, ""))
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not smallest <= bound <= largest:
            raise RuntimeError(f"{name} is out of bounds for {title}")
    return low, high - 1


def permutation(generator: Generator, n: int, dtype: DTypeLike) -> Array:
    """The integers below ``n`` in random order, as ``torch.randperm`` shuffles them (Fisher and Yates).

    Errors: RuntimeError where ``n`` is negative, or more than an integer type can count.
    """
    dtype, order = np.dtype(dtype), list(range(n))
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype.kind in "iu" and n - 1 > _RANGES[dtype.name][1]:
        raise RuntimeError(f"value cannot be converted to type {dtype.name}_t without overflow")
    picks = generator.random(max(n - 1, 0)) % np.arange(n, 1, -1, dtype=np.uint64)
    for i, pick in enumerate(picks.tolist()):
        order[i], order[i + pick] = order[i + pick], order[i]
    return _cast(np.array(order, np.int64), dtype)


@np.errstate(invalid="ignore")
def bernoulli(generator: Generator, p: float | Array, shape: Shape, dtype: DTypeLike) -> Array:
    """Ones with probability ``p``, else zeros, as ``torch.bernoulli``, ``bernoulli_`` and dropout draw them.

    A number ``p`` and a float64 array take two words an element, other arrays one.
    Errors: RuntimeError where ``p`` is not in [0, 1]; NotImplementedError where it is an array of integers.
    """
    work = _opmath(p.dtype, "bernoulli_tensor_cpu_p_") if isinstance(p, np.ndarray) else _F64
    if not np.all((p >= 0) & (p <= 1)):
        if isinstance(p, np.ndarray):
            raise RuntimeError(_NOT_A_PROBABILITY)
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    unit = generator.unit(math.prod(shape), work).reshape(shape)
    return _cast(unit < np.asarray(p, work), np.dtype(dtype))


def exponential(generator: Generator, shape: Shape, dtype: DTypeLike, rate: float = 1.0) -> Array:
    """Exponential numbers of mean ``1 / rate``, as ``exponential_`` draws them.

    Errors: RuntimeError where ``rate`` is not positive.
    """
    if not rate > 0.0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    values = -1.0 / rate * _apply(math.log1p, -generator.unit(math.prod(shape), _F64))
    return _cast(values, np.dtype(dtype)).reshape(shape)
