"""Ops that move, repeat or window elements and compute nothing; most are views."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import PRIMITIVES, primitive, wrap
from refgrad.engine.views import Geometry, address, geometry, own_array, strided, view_primitive

__all__ = [
    "alias", "as_strided", "atleast_1d", "atleast_2d", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "cat",
    "chunk", "concat", "concatenate", "contiguous", "diag", "diag_embed", "diagonal", "expand", "flatten", "flip",
    "fliplr", "flipud", "hstack", "meshgrid", "movedim", "narrow", "permute", "place", "ravel", "repeat",
    "repeat_interleave", "reshape", "roll", "select", "slice", "split", "split_with_sizes", "squeeze", "stack",
    "swapaxes", "swapdims", "t", "tile", "transpose", "tril", "triu", "unbind", "unflatten", "unsqueeze", "view",
    "view_as_complex", "view_as_real", "vstack",
]  # fmt: skip


# views ----------------------------------------------------------------------------------------------------------------


@view_primitive()
def view(input: Any, /, size: Any) -> Any:
    """The same elements in another shape, in the same memory.

    Errors: RuntimeError where the strides do not allow it.
    """
    shape = dims.infer(size, input.size)
    result = input.reshape(shape)
    if type(input) is np.ndarray and input.size and not np.may_share_memory(result, input):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return result


view.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))
view.defjvp(lambda tangent, size: ops.reshape(tangent, size))


@primitive()
def _unsafe_view(input: Any, /, size: Any) -> Any:
    """As ``view``, of a tensor that nobody else holds."""
    return input.reshape(size)


_unsafe_view.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


@view_primitive(name="ReshapeAliasBackward0")
def _reshape_alias(input: Any, /, size: Any) -> Any:
    """As ``view``, of a tensor that is not contiguous."""
    return input.reshape(size)


_reshape_alias.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


def reshape(input: Any, shape: Any) -> Any:
    """The same elements in another shape: a view where the strides allow, else a copy."""
    if not isinstance(input, TensorBase):
        return input.reshape(shape)
    array = input._array
    size = dims.infer(tuple(shape), array.size)
    if type(array) is not np.ndarray or array.flags.c_contiguous:
        return view(input, size)
    if np.may_share_memory(array.reshape(size), array):
        return _reshape_alias(input, size)
    return _unsafe_view(clone_contiguous(input), size)


@view_primitive()
def alias(input: Any, /) -> Any:
    """All of the input, as a view."""
    return input[...]


alias.defvjp(lambda grad: grad)
alias.defjvp(lambda tangent: tangent)


@view_primitive(name="AsStridedBackward0")
def _as_strided(input: Any, /, size: Any, stride: Any, storage_offset: int) -> Any:
    """A window of ``size`` and ``stride``, ``storage_offset`` elements from the input's first."""
    return _window(input, size, stride, storage_offset)


def _as_strided_vjp(
    grad: Any, input_shape: Any, input_strides: Any, input_dtype: Any, size: Any, stride: Any, storage_offset: int
) -> Any:
    frame = Geometry(input_shape, tuple(s // input_dtype.itemsize for s in input_strides), 0)
    return ops.as_strided_backward(grad, frame, Geometry(size, stride, storage_offset))


_as_strided.defvjp(_as_strided_vjp)
PRIMITIVES["as_strided"] = _as_strided.op


def _window(input: Any, size: Any, stride: Any, offset: int) -> Any:
    step = input.itemsize
    if offset < 0:  # before the input's first element, in its storage still
        input, offset = _storage(input, offset)
    if type(input) is np.ndarray and not offset:
        return np_as_strided(input, size, tuple(s * step for s in stride))
    flat = np_as_strided(input, (offset + Geometry(size, stride, 0).extent,), (step,))
    return strided(flat, Geometry(size, stride, offset))


def _storage(array: Any, offset: int) -> tuple[Any, int]:
    """The array that owns the memory of ``array``, and the offset from its first element."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root, offset + (address(array) - address(root)) // array.itemsize


def _contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous array. Units: elements."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A window of ``size`` and ``stride`` onto the memory that the input shares, wherever the input lies in it.

    Units: the offset counts elements from the start of the storage; without one, from the input's first element.
    Errors: RuntimeError for negative strides, or a window that leaves the storage.
    """
    size, stride = tuple(size), tuple(stride)
    if not isinstance(input, TensorBase):
        return _window(input, size, stride, storage_offset or 0)
    base = own_array(input._view.base if input._view is not None else input)
    at = geometry(own_array(input), base)
    offset = at.offset if storage_offset is None else storage_offset
    _check_window(Geometry(size, stride, offset), geometry(base, base).extent, base.itemsize)
    return _as_strided(input, size, stride, offset - at.offset)


def _check_window(at: Geometry, available: int, itemsize: int) -> None:
    if len(at.shape) != len(at.strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(at.strides, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"[{', '.join(map(str, at.strides))}]"
        )
    if at.offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {at.offset}")
    if at.extent and at.offset + at.extent > available:
        raise RuntimeError(
            f"setStorage: sizes {list(at.shape)}, strides {list(at.strides)}, storage offset {at.offset}, and "
            f"itemsize {itemsize} "
            f"requiring a storage size of {(at.offset + at.extent) * itemsize} are out of bounds for storage of size "
            f"{available * itemsize}"
        )


@primitive()
def as_strided_backward(grad: Any, /, frame: Geometry, window: Geometry) -> Any:
    """The gradient of a window onto a frame: each element gets the sum over the window's uses of it."""
    shift = max(0, -window.offset)
    flat = np.zeros(max(frame.extent + shift, window.offset + shift + window.extent), grad.dtype)
    np.add.at(flat, _places(window, shift), grad)
    whole = _places(frame, shift)
    if 0 in frame.strides:  # an element that is several of the input's: each gets its share
        uses = np.zeros(flat.size, grad.dtype)
        np.add.at(uses, whole, grad.dtype.type(1))
        flat = np.divide(flat, uses, out=flat, where=uses != 0)
    return flat[whole]


def _places(at: Geometry, shift: int) -> Any:
    """For each element of a window, where it lies in memory."""
    index: Any = np.asarray(at.offset + shift)
    for n, stride in zip(at.shape, at.strides):
        index = index[..., None] + np.arange(n) * stride
    return index


as_strided_backward.defvjp(
    lambda grad, frame, window: _as_strided(
        _laid_out(grad, frame, window), window.shape, window.strides, max(window.offset, 0)
    )
)


def _laid_out(grad: Any, frame: Geometry, window: Geometry) -> Any:
    """``grad`` in memory as its frame lies, with the window's elements around it."""
    within = window.offset >= 0 and window.offset + window.extent <= frame.extent
    if within and frame.strides == _contiguous_strides(frame.shape):
        return ops.contiguous(grad)
    return _lay_out(grad, frame, window)


@primitive()
def _lay_out(grad: Any, /, frame: Geometry, window: Geometry) -> Any:
    shift = max(0, -window.offset)
    flat = np.zeros(max(frame.extent + shift, window.offset + shift + window.extent), grad.dtype)
    flat[_places(frame, shift)] = grad
    return flat


_lay_out.defvjp(lambda grad, frame, window: _picked(grad, frame, window))


@primitive()
def _picked(flat: Any, /, frame: Geometry, window: Geometry) -> Any:
    return flat[_places(frame, max(0, -window.offset))]


_picked.defvjp(lambda grad, frame, window: _lay_out(grad, frame, window))


@view_primitive()
def expand(input: Any, /, size: Any) -> Any:
    """The input repeated along new or singleton dimensions, in no memory of its own.

    Errors: RuntimeError where another dimension would have to grow.
    """
    if (
        not input.shape and input.dtype.kind != "V" and (not size or min(size) >= 0)
    ):  # most often: the gradient of a sum; 4 times faster than as_strided
        return np.ndarray(size, input.dtype, np.asarray(input), 0, (0,) * len(size))
    size = _expanded(input, size)
    lead = len(size) - input.ndim
    strides = (0,) * lead + tuple(
        0 if n != m else s for n, m, s in zip(input.shape, size[lead:], np.asarray(input).strides)
    )
    return np_as_strided(np.asarray(input), size, strides)


def _expanded(input: Any, size: Sequence[int]) -> tuple[int, ...]:
    shape = input.shape
    lead = len(size) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{dtypes.of(input.dtype).tensor_type}{{{list(shape)}}}, size={list(size)}): the number of "
            f"sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    for i, n in reversed(list(enumerate(shape))):
        if size[lead + i] not in (-1, n) and n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({size[lead + i]}) must match the existing size ({n}) at "
                f"non-singleton "
                f"dimension {lead + i}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}"
            )
    for i, n in enumerate(size[:lead]):
        if n < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {i}"
            )
    return tuple(size[:lead]) + tuple(n if m == -1 else m for n, m in zip(shape, size[lead:]))


expand.defvjp(lambda grad: grad)  # the traversal sums it back
expand.defjvp(lambda tangent, size: ops.expand(tangent, size))


def broadcast_to(input: Any, size: Any) -> Any:
    """The same as ``expand``."""
    return expand(input, tuple(size))


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that the shapes broadcast to.

    Errors: RuntimeError where they do not.
    """
    result: tuple[int, ...] = ()
    for at, shape in enumerate(shapes):
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        held = (1,) * (len(sizes) - len(result)) + result
        for i in range(-1, -len(sizes) - 1, -1):
            if sizes[i] != held[i] and 1 not in (sizes[i], held[i]):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {sizes[i]} at {i}! Mismatching argument at index "
                    f"{at} had "
                    f"{sizes}; but expected shape should be broadcastable to {list(result)}"
                )
        result = dims.broadcast(result, sizes)
    return dims.Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors expanded to their common shape."""
    shape: tuple[int, ...] = ()
    for x in tensors:
        shape = dims.broadcast(shape, tuple(x.shape))
    return tuple(x if tuple(x.shape) == shape else expand(x, shape) for x in tensors)


@view_primitive()
def view_as_real(input: Any, /) -> Any:
    """Complex numbers as pairs of real ones, in a last dimension of size 2.

    Errors: RuntimeError for a real tensor.
    """
    if input.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    real = np.asarray(input).real
    return np_as_strided(real, (*real.shape, 2), (*real.strides, real.itemsize))


@view_primitive()
def view_as_complex(input: Any, /) -> Any:
    """Pairs of real numbers, the last dimension, as complex ones.

    Errors: RuntimeError for another size or stride of the last dimension.
    """
    if input.dtype not in (np.float32, np.float64, np.float16):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{dtypes.scalar_title(input.dtype)}"
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.strides[-1] != input.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    return input.view(np.result_type(input, np.complex64))[..., 0]


view_as_real.defvjp(lambda grad: ops.view_as_complex(ops.contiguous(grad)))
# the plan conjugates, as if the view were holomorphic; undone here
view_as_complex.defvjp(lambda grad: ops.view_as_real(ops.contiguous(ops.conj(grad))))


@view_primitive()
def unsqueeze(input: Any, /, dim: int) -> Any:
    """The input with a dimension of size 1 put in at ``dim``."""
    dim = dims.wrap(dim, input.ndim + 1)
    return input.reshape((*input.shape[:dim], 1, *input.shape[dim:]))


unsqueeze.defvjp(lambda grad, dim, input_shape: ops.reshape(grad, input_shape))
unsqueeze.defjvp(lambda tangent, dim: ops.unsqueeze(tangent, dim))


@view_primitive(name="SqueezeBackward0")
def _squeeze_all(input: Any, /) -> Any:
    return input.squeeze()


@view_primitive(name="SqueezeBackward1")
def _squeeze_dim(input: Any, /, dim: int) -> Any:
    dim = dims.wrap(dim, input.ndim)
    return input.squeeze(dim) if input.ndim and input.shape[dim] == 1 else input[...]


@view_primitive(name="SqueezeBackward2")
def _squeeze_dims(input: Any, /, dim: Any) -> Any:
    return input.squeeze(tuple(d for d in dims.axes(dim, input.ndim) if input.shape[d] == 1) if dim else ())


for _op in (_squeeze_all, _squeeze_dim, _squeeze_dims):
    _op.defvjp(lambda grad, input_shape: ops.reshape(grad, input_shape))


def squeeze(input: Any, dim: Any = None) -> Any:
    """The input without its dimensions of size 1, or without those of ``dim`` that are."""
    if dim is None:
        return _squeeze_all(input)
    return _squeeze_dims(input, tuple(dim)) if isinstance(dim, (tuple, list)) else _squeeze_dim(input, dim)


@view_primitive()
def transpose(input: Any, /, dim0: int, dim1: int) -> Any:
    """The input with two dimensions exchanged."""
    dim0, dim1 = dims.wrap(dim0, input.ndim), dims.wrap(dim1, input.ndim)
    return input.swapaxes(dim0, dim1) if input.ndim else input[...]


transpose.defvjp(lambda grad, dim0, dim1: ops.transpose(grad, dim0, dim1))
transpose.defjvp(lambda tangent, dim0, dim1: ops.transpose(tangent, dim0, dim1))


@view_primitive()
def t(input: Any, /) -> Any:
    """The transpose of a matrix; vectors stay as they are.

    Errors: RuntimeError beyond two dimensions.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


t.defvjp(lambda grad: ops.t(grad))
t.defjvp(lambda tangent: ops.t(tangent))


@view_primitive(name="PermuteBackward0")
def permute(input: Any, /, dims: Any) -> Any:
    """The input with its dimensions in the order ``dims``."""
    return input.transpose(_order(dims, input.ndim))


def _order(order: Sequence[int], ndim: int) -> tuple[int, ...]:
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            "ordering "
            f"of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    wrapped = tuple(dims.wrap(d, ndim) for d in order)
    if len(set(wrapped)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return wrapped


permute.defvjp(lambda grad, dims: ops.permute(grad, _inverse(dims)))
permute.defjvp(lambda tangent, dims: ops.permute(tangent, dims))


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    return dims.permutation_inverse(_order(order, len(order)))


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """The input with dimensions ``source`` moved to ``destination``."""
    ndim = input.ndim
    source, destination = (tuple(d) if isinstance(d, (tuple, list)) else (d,) for d in (source, destination))
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same "
            f"number of dims as "
            f"destination ({list(destination)} dims)"
        )
    source, destination = _distinct("source", source, ndim), _distinct("destination", destination, ndim)
    order = [d for d in range(ndim) if d not in source]
    for to, from_ in sorted(zip(destination, source)):
        order.insert(to, from_)
    return permute(input, tuple(order))


def _distinct(name: str, order: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    wrapped = tuple(dims.wrap(d, ndim) for d in order)
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(order)})")
    return wrapped if ndim else ()


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """The same as ``transpose``."""
    return transpose(input, axis0, axis1)


swapdims = swapaxes


@view_primitive()
def select(input: Any, /, dim: int, index: int) -> Any:
    """The slice at ``index``, without the dimension ``dim``.

    Errors: IndexError out of range or for a 0-d tensor.
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    return input[_at(_wrap_index(input.shape, dim, index), dims.wrap(dim, input.ndim))][...]


def _wrap_index(shape: tuple[int, ...], dim: int, index: int) -> int:
    size = shape[dims.wrap(dim, len(shape))]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return index


def _at(key: Any, dim: int) -> tuple[Any, ...]:
    return (_ALL,) * dim + (key, Ellipsis)


_ALL: Any = np.s_[:]

select.defvjp(
    lambda grad, input_shape, dim, index: ops.place(grad, input_shape, _at(index, dims.wrap(dim, len(input_shape))))
)
select.defjvp(lambda tangent, dim, index: ops.select(tangent, dim, index))


@view_primitive()
def slice(input: Any, /, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """The elements ``start:end:step`` along ``dim``.

    Errors: IndexError for a 0-d tensor.
    """
    if not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    return input[_at(np.s_[start:end:step], dims.wrap(dim, input.ndim))]


slice.defvjp(
    lambda grad, input_shape, dim, start, end, step: ops.place(
        grad, input_shape, _at(np.s_[start:end:step], dims.wrap(dim, len(input_shape)))
    )
)
slice.defjvp(lambda tangent, dim, start, end, step: ops.slice(tangent, dim, start, end, step))


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` elements along ``dim`` from ``start`` on."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    size = input.shape[dims.wrap(dim, input.ndim)]
    start = int(start)
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start += size if start < 0 else 0
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return slice(input, dim, start, start + length, 1)


@primitive()
def place(input: Any, /, shape: Any, key: Any) -> Any:
    """Zeros of ``shape`` with ``input`` at ``key``: the gradient of a window."""
    result = np.zeros(shape, input.dtype)
    result[key] = input
    return result


place.defvjp(lambda grad, key: grad[key])


def _plane(dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    at = dims.wrap(dim1, ndim), dims.wrap(dim2, ndim)
    if at[0] == at[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return at


@view_primitive()
def diagonal(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal over ``dim1`` and ``dim2``, as the last dimension of the result.

    Errors: RuntimeError where they are one.
    """
    _plane(dim1, dim2, input.ndim)
    result = np.diagonal(input, offset, dim1, dim2)
    result.flags.writeable = True
    return result


diagonal.defvjp(lambda grad, input_shape, offset, dim1, dim2: ops.place_diagonal(grad, input_shape, offset, dim1, dim2))


@primitive(name="DiagonalBackwardBackward0")
def place_diagonal(input: Any, /, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    """Zeros of ``shape`` with ``input`` on a diagonal."""
    result = np.zeros(shape, input.dtype)
    window = np.diagonal(result, offset, dim1, dim2)
    window.flags.writeable = True
    window[...] = input
    return result


place_diagonal.defvjp(lambda grad, offset, dim1, dim2: ops.diagonal(grad, offset, dim1, dim2))


@view_primitive(outputs=("outputs",))
def unbind(input: Any, /, dim: int = 0) -> Any:
    """The slices along ``dim``, as a tuple."""
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    moved = np.moveaxis(input, dims.wrap(dim, input.ndim), 0)
    return tuple(moved[i, ...] for i in range(moved.shape[0]))


unbind.defvjp(
    lambda grad, input_shape, input_dtype, dim: ops.stack(
        _filled(
            grad,
            [input_shape[:d] + input_shape[d + 1 :] for d in [dims.wrap(dim, len(input_shape))]] * input_shape[dim],
        ),
        dim,
    )
)


def _filled(grad: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Gradients of several outputs, zeros for those that got none; the gradient of a single output comes alone."""
    grads = grad if isinstance(grad, (list, tuple)) else [grad]
    some = next(g for g in grads if g is not None)
    return [ops.zeros_as(some, shape) if g is None else g for g, shape in zip(grads, shapes)]


@view_primitive(name="SplitBackward0", outputs=("outputs",))
def _split_even(input: Any, /, split_size: int, dim: int = 0) -> Any:
    if not input.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    return _pieces(input, _even(input.shape[dims.wrap(dim, input.ndim)], split_size), dim)


@view_primitive(name="SplitWithSizesBackward0", outputs=("outputs",))
def _split_sizes(input: Any, /, split_sizes: Any, dim: int = 0) -> Any:
    if not input.ndim:
        raise RuntimeError("split_with_sizes expects at least a 1-dimensional tensor")
    size = input.shape[dims.wrap(dim, input.ndim)]
    if any(n < 0 for n in split_sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(split_sizes)}"
        )
    if sum(split_sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
            f"{dim}), but got "
            f"split_sizes={list(split_sizes)}"
        )
    return _pieces(input, split_sizes, dim)


def _even(size: int, split_size: int) -> list[int]:
    if split_size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={split_size}")
    if split_size == 0:
        if size:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
        return [0]
    return [min(split_size, size - i) for i in range(0, size, split_size)] or [0]


def _pieces(input: Any, sizes: Sequence[int], dim: int) -> tuple[Any, ...]:
    dim = dims.wrap(dim, input.ndim)
    ends = np.cumsum(sizes).tolist()
    return tuple(input[_at(np.s_[end - n : end], dim)] for n, end in zip(sizes, ends))


def _unsplit(grad: Sequence[Any], shape: tuple[int, ...], sizes: Sequence[int], dim: int) -> Any:
    dim = dims.wrap(dim, len(shape))
    return ops.cat(_filled(grad, [(*shape[:dim], n, *shape[dim + 1 :]) for n in sizes]), dim)


_split_even.defvjp(
    lambda grad, input_shape, split_size, dim: _unsplit(
        grad, input_shape, _even(input_shape[dims.wrap(dim, len(input_shape))], split_size), dim
    )
)
_split_sizes.defvjp(lambda grad, input_shape, split_sizes, dim: _unsplit(grad, input_shape, split_sizes, dim))


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    """The input cut along ``dim`` into pieces of one size, or of the sizes given."""
    if isinstance(split_size_or_sections, int):
        return _split_even(tensor, split_size_or_sections, dim)
    return split_with_sizes(tensor, split_size_or_sections, dim)


def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> Any:
    """The input cut along ``dim`` into pieces of the sizes given."""
    if not isinstance(split_sizes, (tuple, list)):
        name = type(split_sizes).__name__
        raise TypeError(f"split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, not {name}")
    return _split_sizes(input, tuple(split_sizes), dim)


def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """The input cut along ``dim`` into at most ``chunks`` pieces.

    Errors: RuntimeError for fewer than one.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    size = input.shape[dims.wrap(dim, input.ndim)]
    if not size:
        return split_with_sizes(input, (0,) * chunks, dim)
    return split(input, max(-(-size // chunks), 1), dim)


# copies ---------------------------------------------------------------------------------------------------------------


def _dense(array: Any) -> Any:
    """``array`` with its elements in order, copied only if they are not."""
    return array if array.flags.c_contiguous else np.array(array, order="C")


@primitive(name="CatBackward0")
def _cat(*tensors: Any, dim: int) -> Any:
    kind = dtypes.result_type(tensors).numpy
    parts = [x for x in tensors if x.shape != (0,)] or tensors  # an empty vector fits anything
    return _dense(np.concatenate([x.astype(kind, copy=False) for x in parts], dim))


def _cat_vjp(grad: Any, tensors_shape: Any, dim: int) -> Any:
    sizes = [0 if shape == (0,) else shape[dim] for shape in tensors_shape]
    return [ops.reshape(g, shape) for g, shape in zip(ops.split(grad, sizes, dim), tensors_shape)]


_cat.defvjp(tensors=_cat_vjp)


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """The tensors joined along ``dim``.

    Errors: ValueError for none, RuntimeError for sizes that differ elsewhere, TypeError for no tensors.
    """
    dim = dim if axis is None else axis
    _check_list("cat", tensors)
    if not isinstance(tensors[0], TensorBase):
        return np.concatenate(tensors, dim)
    shapes = [tuple(x.shape) for x in tensors]
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    dim = dims.wrap(dim, len(first))
    for i, shape in enumerate(shapes):
        if shape != (0,):
            _check_cat(first, shape, dim, i)
    return _cat(*tensors, dim=dim)


def _check_list(name: str, tensors: Any) -> None:
    if not isinstance(tensors, (tuple, list)):
        kind = type(tensors).__name__
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}")
    if not tensors and name == "cat":
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")


def _check_cat(first: tuple[int, ...], shape: tuple[int, ...], dim: int, i: int) -> None:
    if len(first) != len(shape):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    for d, (n, m) in enumerate(zip(first, shape)):
        if d != dim and n != m:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for tensor "
                f"number {i} in the list."
            )


concat = concatenate = cat


@primitive(name="StackBackward0")
def _stack(*tensors: Any, dim: int) -> Any:
    kind = dtypes.result_type(tensors).numpy
    return _dense(np.stack([x.astype(kind, copy=False) for x in tensors], dim))


_stack.defvjp(tensors=lambda grad, dim: ops.unbind(grad, dim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """The tensors joined along a new dimension ``dim``.

    Errors: RuntimeError for none, or for shapes that differ.
    """
    _check_list("stack", tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tuple(tensors[0].shape)
    for i, x in enumerate(tensors):
        if tuple(x.shape) != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(x.shape)} "
                f"at entry {i}"
            )
    dim = dims.wrap(dim, len(first) + 1)
    if not isinstance(tensors[0], TensorBase):
        return np.stack(tensors, dim)
    return _stack(*tensors, dim=dim)


@primitive()
def repeat(input: Any, /, repeats: Any) -> Any:
    """The input tiled ``repeats`` times along each dimension."""
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    negative = [n * k for n, k in zip((1,) * (len(repeats) - input.ndim) + input.shape, repeats)]
    if any(n < 0 for n in repeats):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {next(n for n in negative if n < 0)}: {negative}"
        )
    return _dense(np.tile(input, repeats))


def _repeat_vjp(grad: Any, input_shape: Any, repeats: Any) -> Any:
    padded = (1,) * (len(repeats) - len(input_shape)) + tuple(input_shape)
    if 0 in repeats or 0 in padded:
        return ops.zeros_as(grad, input_shape)
    folded = ops.reshape(grad, tuple(k for pair in zip(repeats, padded) for k in pair))
    return ops.reshape(ops.sum(folded, tuple(range(0, 2 * len(repeats), 2))) if repeats else folded, input_shape)


repeat.defvjp(_repeat_vjp)


def tile(input: Any, dims: Any) -> Any:
    """The same as ``repeat``, with missing repeats taken as 1."""
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Any:
    """Each element repeated ``repeats`` times in place; a tensor gives each its own number.

    Errors: RuntimeError for negative numbers, or too many or few.
    """
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    if isinstance(repeats, TensorBase):
        return ops.index_select(input, dim, _sources(repeats._array, input.shape[dim], dim))
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    wide = expand(unsqueeze(input, dim + 1), (*shape[: dim + 1], repeats, *shape[dim + 1 :]))
    return view(clone_contiguous(wide), (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


def _sources(repeats: Any, size: int, dim: int) -> Any:
    """For each element of the result, the position that it comes from."""
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.size not in (1, size):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.size} and "
            f"input.size({dim}) = {size}"
        )
    if np.any(repeats < 0):
        raise RuntimeError("repeats can not be negative")
    return wrap(np.repeat(np.arange(size), np.broadcast_to(repeats.reshape(-1), (size,))))


@primitive()
def flip(input: Any, /, dims: Any) -> Any:
    """The input in reverse order along ``dims``."""
    return np.flip(input, _axes(dims, input.ndim)).copy("K")


def _axes(order: Any, ndim: int) -> tuple[int, ...]:
    """``order``, checked; empty for none, and for a 0-d tensor."""
    order = tuple(order) if isinstance(order, (tuple, list)) else (order,)
    return dims.axes(order, ndim) if order else ()


flip.defvjp(lambda grad, dims: ops.flip(grad, dims))
flip.defjvp(lambda tangent, dims: ops.flip(tangent, dims))


def fliplr(input: Any) -> Any:
    """The columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


def flipud(input: Any) -> Any:
    """The rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


@primitive(name="RollBackward0")
def _roll(input: Any, /, shifts: Any, dims: Any) -> Any:
    return _dense(np.asarray(np.roll(input, shifts, dims or None)))


_roll.defvjp(lambda grad, shifts, dims: _roll(grad, tuple(-s for s in reversed(shifts)), tuple(reversed(dims))))


def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    """The input rolled along ``dims``; without them, over the flattened elements.

    Errors: RuntimeError for shifts and dims of different length.
    """
    shifts = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,)
    if not shifts:
        raise RuntimeError("`shifts` required")
    order = _unique(dims, input.ndim) if dims is not None and dims != () else ()
    if len(shifts) != len(order) and (order or len(shifts) != 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(order)}")
    return _roll(input, shifts, order)


def _unique(order: Any, ndim: int) -> tuple[int, ...]:
    return tuple(dims.wrap(d, ndim) for d in (order if isinstance(order, (tuple, list)) else (order,)))


@primitive()
def tril(input: Any, /, diagonal: int = 0) -> Any:
    """The lower triangle."""
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return _dense(np.tril(input, diagonal))


tril.defvjp(lambda grad, diagonal: ops.tril(grad, diagonal))


@primitive()
def triu(input: Any, /, diagonal: int = 0) -> Any:
    """The upper triangle."""
    if input.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return _dense(np.triu(input, diagonal))


triu.defvjp(lambda grad, diagonal: ops.triu(grad, diagonal))


@primitive()
def diag_embed(input: Any, /, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last dimension of ``input`` on their diagonals.

    Errors: RuntimeError where ``dim1`` and ``dim2`` are one.
    """
    at = _plane(dim1, dim2, input.ndim + 1)
    shape = list(input.shape[:-1])
    for d in sorted(at):
        shape.insert(d, input.shape[-1] + (offset if offset > 0 else -offset))
    return place_diagonal.op.forward(input, tuple(shape), offset, *at)


diag_embed.defvjp(lambda grad, offset, dim1, dim2: ops.diagonal(grad, offset, dim1, dim2))


def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector as a diagonal matrix, or a matrix's diagonal.

    Errors: RuntimeError for other dimensions.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal) if input.ndim == 1 else diagonal_copy(input, diagonal)


@primitive(name="DiagonalBackward0_copy")
def diagonal_copy(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of the diagonal."""
    return np.diagonal(input, offset, dim1, dim2).copy()


diagonal_copy.defvjp(
    lambda grad, input_shape, offset, dim1, dim2: ops.place_diagonal(grad, input_shape, offset, dim1, dim2)
)
__all__.extend(["as_strided_backward", "diagonal_copy", "place_diagonal"])


# compositions ---------------------------------------------------------------------------------------------------------


def contiguous(input: Any) -> Any:
    """The input, copied only if its elements do not lie in order."""
    array = input._array if isinstance(input, TensorBase) else input
    return input if type(array) is not np.ndarray or array.flags.c_contiguous else ops.clone_contiguous(input)


@primitive(name="CloneBackward0")
def clone_contiguous(input: Any, /) -> Any:
    """A copy with its elements in order."""
    return np.array(input, order="C")


clone_contiguous.defvjp(lambda grad: grad)
__all__.append("clone_contiguous")


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from ``start_dim`` to ``end_dim`` as one.

    Errors: RuntimeError where they are in the wrong order.
    """
    start, end = dims.wrap(start_dim, input.ndim), dims.wrap(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not input.ndim:
        return reshape(input, (1,))
    if start == end:
        return input
    shape = tuple(input.shape)
    return reshape(input, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """The dimension ``dim`` as several of ``sizes``."""
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        inner = dims.infer(tuple(sizes), shape[dim])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[dim]}) in "
            f"the input tensor"
        ) from None
    return view(input, shape[:dim] + inner + shape[dim + 1 :])


def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    return view(contiguous(input), (-1,))


def atleast_1d(input: Any) -> Any:
    """The input, with one dimension if it had none."""
    return input if input.ndim else reshape(input, (1,))


def atleast_2d(input: Any) -> Any:
    """The input, with two dimensions if it had fewer."""
    if input.ndim >= 2:
        return input
    return unsqueeze(input, 0) if input.ndim else reshape(input, (1, 1))


def hstack(tensors: Sequence[Any]) -> Any:
    """The tensors joined side by side."""
    tensors = [atleast_1d(x) for x in tensors]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """The tensors joined on top of each other."""
    return cat([atleast_2d(x) for x in tensors], 0)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Grids of coordinates, one a vector."""
    vectors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if indexing not in ("xy", "ij"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in vectors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x!r}")
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[0], order[1] = 1, 0
    shape = tuple(vectors[i].shape[0] if vectors[i].ndim else 1 for i in order)
    ones = (1,) * len(vectors)
    return tuple(
        expand(view(x, (*ones[: order.index(i)], -1, *ones[order.index(i) + 1 :])), shape)
        for i, x in enumerate(vectors)
    )
