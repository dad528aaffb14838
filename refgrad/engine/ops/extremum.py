"""Largest, smallest and middle elements, and where they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.ops import return_types
from refgrad.engine.ops.forms import holds
from refgrad.engine.ops.reduction import restored
from refgrad.engine.primitive import primitive

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "median", "min", "nanmedian"]


def check_nonempty(name: str, shape: tuple[int, ...], dim: Any) -> None:
    """Refuse to choose among no elements.

    Errors: RuntimeError over all dimensions, IndexError over some.
    """
    if dim is None or dim == () or dim == []:
        if 0 in shape:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                "with the 'dim' argument."
            )
        return
    for d in dims.axes(dim, len(shape)):
        if shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def put_back(grad: Any, indices: Any, input_shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    """The gradient of elements that were selected along ``dim``, each where it came from."""
    if not input_shape:
        return grad
    if not keepdim:
        grad, indices = ops.unsqueeze(grad, dim), ops.unsqueeze(indices, dim)
    return ops.scatter(ops.zeros_as(grad, input_shape), dim, indices, grad)


def split_evenly(grad: Any, input: Any, input_dtype: Any, value: Any) -> Any:
    """The gradient of one value among equals: each gets the same share, as in torch."""
    mask = ops.isnan(input) if holds(ops.isnan(value)) else input == value
    return ops.where(mask, grad / ops.to_copy(ops.sum(mask), input_dtype), 0.0)


def _chosen(input: Any, positions: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    """The elements at ``positions`` along ``dim``, which has size 1 there, and the positions."""
    values = np.take_along_axis(input, positions, dim)
    return (values, positions) if keepdim else (np.squeeze(values, dim), np.squeeze(positions, dim))


def _best(argument: Any, input: Any, dim: int, keepdim: bool, name: str) -> tuple[Any, Any]:
    check_nonempty(name, input.shape, dim)
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name}(): does not support complex input")
    dim = dims.wrap(dim, input.ndim)
    if not input.ndim:
        return input.copy(), np.int64(0)
    return _chosen(input, np.expand_dims(argument(input, dim), dim), dim, keepdim)


# max and min ----------------------------------------------------------------------------------------------------------


def _extreme(ufunc: Any, input: Any, name: str) -> Any:
    check_nonempty(name, input.shape, None)
    if input.dtype.kind == "c":
        raise NotImplementedError(f"\"{name}_all\" not implemented for '{dtypes.scalar_title(input.dtype)}'")
    return ufunc.reduce(input, None)


@primitive(name="MaxBackward1")
def _max_all(input: Any, /) -> Any:
    return _extreme(np.maximum, input, "max")


@primitive(name="MinBackward1")
def _min_all(input: Any, /) -> Any:
    return _extreme(np.minimum, input, "min")


for _op in (_max_all, _min_all):
    _op.defvjp(lambda grad, input, input_dtype, result: split_evenly(grad, input, input_dtype, result))


@primitive(name="MaxBackward0", outputs=("values", "indices"))
def _max_dim(input: Any, /, dim: int, keepdim: bool) -> Any:
    return _best(np.argmax, input, dim, keepdim, "max")


@primitive(name="MinBackward0", outputs=("values", "indices"))
def _min_dim(input: Any, /, dim: int, keepdim: bool) -> Any:
    return _best(np.argmin, input, dim, keepdim, "min")


for _op in (_max_dim, _min_dim):  # a tie goes to the first index
    _op.defvjp(lambda grad, indices, input_shape, dim, keepdim: put_back(grad, indices, input_shape, dim, keepdim))


def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; along ``dim`` with its indices; or, given another tensor, ``maximum``."""
    other = dim if isinstance(dim, TensorBase) else other
    if other is not None:
        return ops.maximum(input, other)
    return _max_all(input) if dim is None else return_types.max(*_max_dim(input, dim, keepdim))


def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; along ``dim`` with its indices; or, given another tensor, ``minimum``."""
    other = dim if isinstance(dim, TensorBase) else other
    if other is not None:
        return ops.minimum(input, other)
    return _min_all(input) if dim is None else return_types.min(*_min_dim(input, dim, keepdim))


# amax and amin --------------------------------------------------------------------------------------------------------


def _over(ufunc: Any, input: Any, dim: Any, keepdim: bool, name: str) -> Any:
    check_nonempty(name, input.shape, dim)
    return ufunc.reduce(input, dims.axes(dim, input.ndim), None, None, keepdim)


@primitive()
def amax(input: Any, /, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest element over ``dim``, over all dimensions without it."""
    return _over(np.maximum, input, dim, keepdim, "amax")


@primitive()
def amin(input: Any, /, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest element over ``dim``, over all dimensions without it."""
    return _over(np.minimum, input, dim, keepdim, "amin")


def _share(grad: Any, input: Any, input_dtype: Any, input_shape: Any, result: Any, dim: Any, keepdim: bool) -> Any:
    # at a tie torch splits evenly
    grad, result = restored(grad, dim, input_shape, keepdim), restored(result, dim, input_shape, keepdim)
    mask = ops.to_copy(input == result, input_dtype)
    return (grad / ops.sum(mask, dim, True)) * mask


amax.defvjp(_share)
amin.defvjp(_share)


@primitive(name="AminmaxBackward0", outputs=("min", "max"))
def _aminmax(input: Any, /, dim: Any, keepdim: bool) -> Any:
    if dim == () and not input.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    if dim != () and input.ndim:
        for d in dims.axes(dim, input.ndim):
            if not input.shape[d]:
                raise IndexError(f"aminmax: Expected reduction dim {d} to have non-zero size.")
    return tuple(_over(ufunc, input, dim, keepdim, "aminmax") for ufunc in (np.minimum, np.maximum))


def _aminmax_vjp(
    grad: Any, input: Any, input_dtype: Any, input_shape: Any, min: Any, max: Any, dim: Any, keepdim: bool
) -> Any:
    first, *others = (
        _share(part, input, input_dtype, input_shape, result, dim, keepdim)
        for part, result in zip(grad, (min, max))
        if part is not None
    )
    return first + others[0] if others else first


_aminmax.defvjp(_aminmax_vjp)


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element, together."""
    return return_types.aminmax(*_aminmax(input, () if dim is None else dim, keepdim))


# positions: no derivative ---------------------------------------------------------------------------------------------


def _position(argument: Any, input: Any, dim: int | None, keepdim: bool, name: str) -> Any:
    if input.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input")
    if dim is None:
        if not input.size:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        return np.reshape(argument(input), (1,) * input.ndim if keepdim else ())
    check_nonempty(name, input.shape, dim)
    return argument(input, dims.wrap(dim, input.ndim), keepdims=keepdim) if input.ndim else np.int64(0)


@primitive()
def argmax(input: Any, /, dim: int | None = None, keepdim: bool = False) -> Any:
    """The index of the largest element along ``dim``, in the flattened input without it."""
    return _position(np.argmax, input, dim, keepdim, "argmax")


@primitive()
def argmin(input: Any, /, dim: int | None = None, keepdim: bool = False) -> Any:
    """The index of the smallest element along ``dim``, in the flattened input without it."""
    return _position(np.argmin, input, dim, keepdim, "argmin")


# median ---------------------------------------------------------------------------------------------------------------


def _check_order(input: Any, kernel: str) -> None:
    if input.dtype.kind in "bc":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(input.dtype)}'")


def _middle(input: Any, dim: int, kernel: str) -> Any:
    """Positions along ``dim`` of the lower median; of the first nan, where there is one."""
    _check_order(input, kernel)
    order = np.argsort(input, dim, kind="stable")
    middle = np.take(order, [(input.shape[dim] - 1) // 2], dim)
    unknown = np.isnan(input)
    return np.where(unknown.any(dim, keepdims=True), unknown.argmax(dim, keepdims=True), middle)


@primitive(name="MedianBackward0")
def _median_all(input: Any, /) -> Any:
    flat = np.reshape(input, -1)
    return flat[_middle(flat, 0, "median_cpu")[0]] if flat.size else flat.dtype.type(np.nan)


_median_all.defvjp(lambda grad, input, input_dtype, result: split_evenly(grad, input, input_dtype, result))


@primitive(name="MedianBackward1", outputs=("values", "indices"))
def _median_dim(input: Any, /, dim: int, keepdim: bool) -> Any:
    check_nonempty("median", input.shape, dim)
    dim = dims.wrap(dim, input.ndim)
    return (
        _chosen(input, _middle(input, dim, "median_out"), dim, keepdim) if input.ndim else (input.copy(), np.int64(0))
    )


_median_dim.defvjp(lambda grad, indices, input_shape, dim, keepdim: put_back(grad, indices, input_shape, dim, keepdim))


@primitive(name="NanmedianBackward0")
def _nanmedian_all(input: Any, /) -> Any:
    flat = np.reshape(input, -1)
    return flat[_known_middle(flat, 0, "median_cpu")[0]] if flat.size else flat.dtype.type(np.nan)


_nanmedian_all.defvjp(lambda grad, input, input_dtype, result: split_evenly(grad, input, input_dtype, result))


def _known_middle(input: Any, dim: int, kernel: str) -> Any:
    """Positions along ``dim`` of the lower median of what is not nan; the first where there is nothing else."""
    _check_order(input, kernel)
    order = np.argsort(input, dim, kind="stable")  # nan last
    known = np.count_nonzero(~np.isnan(input), axis=dim, keepdims=True)
    return np.take_along_axis(order, np.maximum(known - 1, 0) // 2, dim)


@primitive(name="NanmedianBackward1", outputs=("values", "indices"))
def _nanmedian_dim(input: Any, /, dim: int, keepdim: bool) -> Any:
    check_nonempty("median", input.shape, dim)
    dim = dims.wrap(dim, input.ndim)
    if not input.ndim:
        return input.copy(), np.int64(0)
    return _chosen(input, _known_middle(input, dim, "median_out"), dim, keepdim)


_nanmedian_dim.defvjp(
    lambda grad, indices, input_shape, dim, keepdim: put_back(grad, indices, input_shape, dim, keepdim)
)


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """As ``median``, of what is not nan."""
    return _nanmedian_all(input) if dim is None else return_types.nanmedian(*_nanmedian_dim(input, dim, keepdim))


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, the lower one of an even number; along ``dim`` with its indices."""
    return _median_all(input) if dim is None else return_types.median(*_median_dim(input, dim, keepdim))
