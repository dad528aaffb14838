"""Factories: tensors from data and of constants."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes, warn_once
from refgrad.engine.primitive import wrap
from refgrad.engine.tensor import Tensor
from refgrad.engine.views import Geometry, strided

__all__ = [
    "as_tensor", "asarray", "empty", "empty_like", "empty_permuted", "empty_strided", "eye", "from_numpy",
    "full", "full_like", "is_complex", "is_floating_point", "is_tensor", "ones", "ones_like", "scalar_tensor",
    "tensor", "tril_indices", "triu_indices", "zeros", "zeros_like",
]  # fmt: skip


def leaf(array: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around a new array.

    Errors: RuntimeError where a type without derivatives is to require grad.
    """
    if requires_grad:
        _check_differentiable(array.dtype)
    new = wrap(array if array.shape else array[()], requires_grad)
    return modes.created(new) if modes.here.state > 1 else new  # type: ignore[no-any-return]


def _check_differentiable(kind: Any) -> None:
    if dtypes.of(kind).category < dtypes.FLOATING:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")


# from data ------------------------------------------------------------------------------------------------------------


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
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
    if data.__class__ is float and dtype is None and dtypes.get_default_dtype() is dtypes.float32:
        array = modes.here.quietly(np.float32, data)  # the long way is ten times as long
        return leaf(array, requires_grad)
    return leaf(to_array(data, dtype), requires_grad)


def to_array(data: Any, dtype: Any) -> Any:
    """A new array of ``data``: Python floats in the default type, NumPy's own types kept."""
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(data, (np.ndarray, np.generic)):
            kind = dtype or dtypes.of(data.dtype)
            return np.array(data, kind.numpy)
        plain = _plain(data)
        held = _inferred(plain)
        _check_nesting(plain, (dtype or held).category < dtypes.FLOATING)
        return _array(plain, held, dtype or held)


def _array(plain: Any, held: dtypes.dtype, kind: dtypes.dtype) -> Any:
    """Nested lists of numbers of type ``held`` in the type ``kind``."""
    try:
        if held.category <= kind.category:
            return np.array(plain, kind.numpy)
    except OverflowError:
        if kind is dtypes.int64:
            raise ValueError("Overflow when unpacking long long") from None
    if held.category == dtypes.COMPLEX and kind.category < dtypes.COMPLEX and kind is not dtypes.bool_:
        raise TypeError("must be real number, not complex")
    flat = np.array(plain, object)
    values = [dtypes.element(value, kind.numpy, plain=True) for value in flat.ravel()]
    return np.array(values, kind.numpy).reshape(flat.shape)


def _plain(data: Any) -> Any:
    """Nested lists of Python's and NumPy's numbers."""
    if isinstance(data, (list, tuple, range)):
        return [_plain(item) for item in data]
    if isinstance(data, (bool, int, float, complex, np.generic)):
        return data
    if isinstance(data, TensorBase):
        return _only_number(data)
    if isinstance(data, np.ndarray):
        return [_plain(item) for item in data] if data.ndim else data[()]
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if hasattr(data, "__float__") or hasattr(data, "__index__"):
        return float(data)
    raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")


def _only_number(tensor: Any) -> Any:
    if tensor._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    if tensor.requires_grad:
        float(tensor)  # which warns
    return tensor._array.reshape(())[()]


def _check_nesting(data: Any, whole: bool, dim: int = 0) -> None:
    """Refuse lists of different lengths.

    Errors: ValueError, or TypeError where numbers and lists are mixed.
    """
    if not isinstance(data, list) or not data:
        return
    expected = len(data[0]) if isinstance(data[0], list) else None
    for item in data:
        size = len(item) if isinstance(item, list) else None
        if size is None and expected is not None:
            raise TypeError("not a sequence")
        if size is not None and expected is None:
            raise TypeError(
                "'list' object cannot be interpreted as an integer" if whole else "must be real number, not list"
            )
        if size != expected:
            raise ValueError(f"expected sequence of length {expected} at dim {dim + 1} (got {size})")
        _check_nesting(item, whole, dim + 1)


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
    if not ndarray.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders "
            "is currently "
            "not supported."
        )
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently "
            "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
        )
    return modes.created(wrap(ndarray))  # type: ignore[no-any-return]


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where its memory can be shared."""
    if isinstance(data, Tensor):
        return data.to(dtype) if dtype else data
    if isinstance(data, np.ndarray) and (dtype is None or dtype.numpy == data.dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def asarray(obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool | None = None) -> Tensor:
    """``obj`` as a tensor, copied only if needed or asked for.

    Errors: ValueError where it must be copied and may not.
    """
    if copy is False:
        _check_alias(obj, dtype)
    result = as_tensor(obj, dtype)
    if copy:
        result = result.clone()
    if requires_grad is None:
        if result.requires_grad:
            warn_once(_KEEPS_GRAD, stacklevel=3)
        return result
    if requires_grad:
        _check_differentiable(result._array.dtype)
    elif result._grad_fn is not None:
        return result.detach()
    return result if result._grad_fn is not None else result.requires_grad_(requires_grad)


_KEEPS_GRAD = (
    "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of False. Pass requires_grad=False "
    "explicitly to get the old behavior and silence this warning."
)


def _check_alias(obj: Any, dtype: Any) -> None:
    if not isinstance(obj, (TensorBase, np.ndarray)):
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    held = dtypes.of((obj._array if isinstance(obj, TensorBase) else obj).dtype)
    if dtype is not None and dtype is not held:
        names = (dtypes.scalar_title(kind.numpy) for kind in (held, dtype))
        raise ValueError("can't alias tensor with dtype '{}' into dtype '{}'.".format(*names))


def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose values are not set, with strides of its own.

    Errors: RuntimeError for sizes and strides that do not go together.
    """
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    if min(stride, default=0) < 0:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    at = Geometry(size, stride, 0)
    return leaf(strided(np.zeros(at.extent, _type(dtype)), at), requires_grad)


def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose values are not set, its dimensions in memory in the order ``physical_layout``.

    Errors: RuntimeError for an order that is none.
    """
    size, order = tuple(size), tuple(physical_layout)
    if len(size) != len(order):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    if len(set(order)) != len(order):
        raise RuntimeError("Duplicate dim not allowed")
    empty = np.zeros(tuple(size[d] for d in order), _type(dtype))
    return leaf(empty.transpose(dims.permutation_inverse(order)), requires_grad)


def _corner(name: str, row: int, col: int, offset: int, dtype: Any, found: Callable[..., Any]) -> Tensor:
    for which, size in (("row", row), ("col", col)):
        if size < 0:
            raise RuntimeError(f"{which} must be non-negative, got{size}")
    kind = dtype or dtypes.int64
    if kind.category != dtypes.INTEGRAL:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.scalar_title(kind.numpy)}'")
    return leaf(np.array(found(row, offset, col)).astype(kind.numpy))


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """The positions of the lower triangle: a row of rows, and one of columns."""
    return _corner("tril_indices", row, col, offset, dtype, np.tril_indices)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """The positions of the upper triangle: a row of rows, and one of columns."""
    return _corner("triu_indices", row, col, offset, dtype, np.triu_indices)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), requires_grad=requires_grad)


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, TensorBase)


def is_complex(input: Tensor) -> bool:
    """Whether the tensor's type is a complex one."""
    return input.is_complex()


def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's type is a floating one."""
    return input.is_floating_point()


# constants and ranges -------------------------------------------------------------------------------------------------


def _shape(args: Any, function: str, size: Any = None) -> tuple[int, ...]:
    """Read a factory's sizes: several numbers, or one sequence, by position or by name.

    Errors: TypeError for none, or for no integers; RuntimeError for a negative size.
    """
    if size is None and not args:
        raise TypeError(f'{function}() missing 1 required positional arguments: "size"')
    wanted = f"{function}(): argument 'size' (position 1) must be tuple of ints"
    one = args[0] if len(args) == 1 else None
    if isinstance(one, (bool, float, str)):
        raise TypeError(f"{wanted}, not {type(one).__name__}")
    try:
        shape = dims.sizes(args if size is None else (size,))
    except TypeError:
        items = list(one if isinstance(one, (tuple, list)) else args if size is None else size)
        at = next(i for i, n in enumerate(items) if not hasattr(n, "__index__"))
        raise TypeError(f"{wanted}, but found element of type {type(items[at]).__name__} at pos {at}") from None
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{function}: Dimension size must be non-negative.")
    return shape


def _type(dtype: Any) -> Any:
    return (dtype or dtypes.get_default_dtype()).numpy


def zeros(*args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return leaf(np.zeros(_shape(args, "zeros", size), _type(dtype)), requires_grad)


def ones(*args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return leaf(np.ones(_shape(args, "ones", size), _type(dtype)), requires_grad)


def empty(
    *args: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor whose values are not set."""
    return leaf(np.empty(_shape(args, "empty", size), _type(dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value, in that value's type unless told otherwise.

    Errors: TypeError for a size or value of another kind, RuntimeError for a value that the type cannot hold.
    """
    if isinstance(size, int):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}")
    kind = (dtype or dtypes.of_scalar(value)).numpy
    return leaf(np.full(_shape((size,), "full"), dtypes.element(value, kind), kind), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere.

    Errors: RuntimeError for a negative size, TypeError for one that is no integer.
    """
    for position, (name, size) in enumerate((("n", n), ("m", m)), 1):
        if size is not None and not hasattr(size, "__index__"):
            raise TypeError(f"eye(): argument '{name}' (position {position}) must be int, not {type(size).__name__}")
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return leaf(np.eye(n, m, dtype=_type(dtype)), requires_grad)


def _like(name: str, input: Tensor, value: Any, dtype: Any, requires_grad: bool) -> Tensor:
    """``value`` everywhere, laid out as ``input`` is unless its elements share memory."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    array = np.asarray(input._array)
    kind = dtype.numpy if dtype else array.dtype
    shared = any(n > 1 and not stride for n, stride in zip(array.shape, array.strides))
    result = np.empty(array.shape, kind) if shared else np.empty_like(array, kind)
    result.fill(dtypes.element(value, kind))
    new = leaf(result, requires_grad)
    for layer in modes.layers:
        layer.likened(new, input)
    return new


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros in the shape, type and layout of ``input``."""
    return _like("zeros_like", input, 0, dtype, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones in the shape, type and layout of ``input``."""
    return _like("ones_like", input, 1, dtype, requires_grad)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Unset values in the shape, type and layout of ``input``."""
    return _like("empty_like", input, 0, dtype, requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value in the shape, type and layout of ``input``."""
    return _like("full_like", input, fill_value, dtype, requires_grad)
