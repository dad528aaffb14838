"""Factories: tensors from data, of a constant, of a range, and of random numbers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, random
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.primitive import wrap
from refgrad.engine.tensor import Tensor
from refgrad.engine.views import own_array

__all__ = [
    "Generator", "arange", "as_tensor", "asarray", "bernoulli", "default_generator", "empty", "empty_like", "eye",
    "from_numpy", "full", "full_like", "get_rng_state", "initial_seed", "is_floating_point", "is_tensor", "linspace",
    "logspace", "manual_seed", "normal", "ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm", "scalar_tensor", "seed", "set_rng_state", "tensor", "zeros", "zeros_like",
]  # fmt: skip

Generator = random.Generator
default_generator = random.default_generator


def leaf(array: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around a new array.

    Errors: RuntimeError where a type without derivatives is to require grad.
    """
    if requires_grad and dtypes.of(array.dtype).category < dtypes.FLOATING:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    new = wrap(array if array.shape else array[()], requires_grad)
    return modes.created(new) if modes.layers else new  # type: ignore[no-any-return]


# from data ------------------------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor with a copy of ``data``.

    Errors: ValueError for ragged lists, TypeError for what holds no numbers.
    """
    if isinstance(data, TensorBase):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        return leaf(np.array(data._array, dtype.numpy if dtype else None), requires_grad)
    return leaf(to_array(data, dtype), requires_grad)


def to_array(data: Any, dtype: Any) -> Any:
    """A new array of ``data``: Python floats in the default type, NumPy's own types kept."""
    if isinstance(data, (np.ndarray, np.generic)):
        kind = dtype or dtypes.of(data.dtype)
        return np.array(data, kind.numpy)
    plain = _plain(data)
    _check_nesting(plain)
    return np.array(plain, (dtype or _inferred(plain)).numpy)


def _plain(data: Any) -> Any:
    """Nested lists of Python numbers."""
    if isinstance(data, (list, tuple, range)):
        return [_plain(item) for item in data]
    if isinstance(data, TensorBase):
        return float(data) if data.requires_grad else data.tolist()  # type: ignore[arg-type,attr-defined]
    if isinstance(data, (np.ndarray, np.generic)):
        return data.tolist()
    if not isinstance(data, (bool, int, float, complex)):
        if hasattr(data, "__float__") or hasattr(data, "__index__"):
            return float(data)
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    return data


def _check_nesting(data: Any, dim: int = 0) -> None:
    if not isinstance(data, list) or not data:
        return
    expected = len(data[0]) if isinstance(data[0], list) else None
    for item in data:
        size = len(item) if isinstance(item, list) else None
        if size != expected and expected is not None:
            if size is None:
                raise TypeError(f"expected a sequence at dim {dim + 1}, got a number")
            raise ValueError(f"expected sequence of length {expected} at dim {dim + 1} (got {size})")
        if expected is None and size is not None:
            raise TypeError("not a sequence")
        _check_nesting(item, dim + 1)


def _inferred(data: Any) -> dtypes.dtype:
    kind: dtypes.dtype | None = None
    stack = [data]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        else:
            held = dtypes.of_scalar(item)
            kind = held if kind is None else dtypes.promote_types(kind, held)
    return kind or dtypes.get_default_dtype()


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares memory with a NumPy array.

    Errors: TypeError for anything else; ValueError for negative strides.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
            "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
        )
    return modes.created(wrap(ndarray))  # type: ignore[no-any-return]


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where its memory can be shared."""
    if isinstance(data, Tensor):
        return data.to(dtype) if dtype else data  # type: ignore[no-any-return]
    if isinstance(data, np.ndarray) and (dtype is None or dtype.numpy == data.dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def asarray(obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool | None = None) -> Tensor:
    """``obj`` as a tensor, copied only if needed or asked for."""
    result = as_tensor(obj, dtype)
    if copy:
        result = result.clone()
    return result if requires_grad is None else result.requires_grad_(requires_grad)


def scalar_tensor(s: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), requires_grad=requires_grad)


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, TensorBase)


def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's type is a floating one."""
    return input.is_floating_point()


# constants and ranges -------------------------------------------------------------------------------------------------


def _shape(size: Any, function: str) -> tuple[int, ...]:
    shape = dims.sizes(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{function}: Dimension size must be non-negative.")
    return shape


def _type(dtype: Any) -> Any:
    return (dtype or dtypes.get_default_dtype()).numpy


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return leaf(np.zeros(_shape(size, "zeros"), _type(dtype)), requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return leaf(np.ones(_shape(size, "ones"), _type(dtype)), requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """A tensor whose values are not set."""
    return leaf(np.empty(_shape(size, "empty"), _type(dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value, in that value's type unless told otherwise."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = dtype or dtypes.of_scalar(value)
    return leaf(np.full(dims.sizes((size,)), value, kind.numpy), requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The values ``start, start + step, ...`` below ``end``; integers if all arguments are.

    Errors: RuntimeError for a step of 0 or of the wrong sign.
    """
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    count = math.ceil((end - start) / step)
    values = start + np.arange(count, dtype=np.int64 if whole else np.float64) * step
    return leaf(values.astype(kind.numpy), requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``steps`` values from ``start`` to ``end``, both included, mirrored about the middle as PyTorch computes them."""
    kind = np.dtype(_type(dtype))
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps <= 1:
        return leaf(np.full(steps, start, kind), requires_grad)
    index = np.arange(steps)
    step = kind.type((end - start) / (steps - 1)) if kind.kind == "f" else (end - start) / (steps - 1)
    rising, falling = start + step * index, end - step * (steps - 1 - index)
    return leaf(np.where(index < steps // 2, rising, falling).astype(kind), requires_grad)


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """``base`` to the powers that ``linspace`` gives."""
    exponents = np.linspace(start, end, steps)
    return leaf((base**exponents).astype(_type(dtype)), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    return leaf(np.eye(n, m, dtype=_type(dtype)), requires_grad)


def _like(input: Tensor, fill: Any, dtype: Any, requires_grad: bool) -> Tensor:
    return leaf(np.asarray(fill(input._array, dtype.numpy if dtype else None)), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Zeros in the shape, type and layout of ``input``."""
    return _like(input, np.zeros_like, dtype, requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Ones in the shape, type and layout of ``input``."""
    return _like(input, np.ones_like, dtype, requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Unset values in the shape, type and layout of ``input``."""
    return _like(input, np.empty_like, dtype, requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One value in the shape, type and layout of ``input``."""
    return _like(input, lambda a, d: np.full_like(a, fill_value, dtype=d), dtype, requires_grad)


# random ---------------------------------------------------------------------------------------------------------------


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


def rand(*size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers from [0, 1)."""
    return leaf(random.uniform(generator or default_generator, dims.sizes(size), _type(dtype)), requires_grad)


def randn(*size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
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


def randperm(n: int, *, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
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
    return self.fill_with(random.uniform(generator or default_generator, self.shape, self._array.dtype, a, b))


def _normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    return self.fill_with(random.normal(generator or default_generator, self.shape, self._array.dtype, mean, std))


def _random_(self: Tensor, low: Any = None, high: Any = None, *, generator: Any = None) -> Tensor:
    low, high = (0, low) if high is None and low is not None else (low, high)
    return self.fill_with(random.integers(generator or default_generator, self.shape, low, high, self._array.dtype))


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    chance = np.asarray(p._array) if isinstance(p, Tensor) else p
    return self.fill_with(random.bernoulli(generator or default_generator, chance, self.shape, self._array.dtype))


for _name, _fill in (("uniform_", _uniform_), ("normal_", _normal_), ("random_", _random_), ("bernoulli_", _bernoulli_)):
    setattr(Tensor, _name, _fill)
