"""Ops that move, repeat or window elements and compute nothing; most are views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as np_as_strided

from refgrad.engine import dims, ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import primitive
from refgrad.engine.views import Geometry, strided, view_primitive

__all__ = [
    "alias", "as_strided", "atleast_1d", "atleast_2d", "broadcast_tensors", "broadcast_to", "cat", "chunk", "concat",
    "concatenate", "contiguous", "diag", "diag_embed", "diagonal", "expand", "flatten", "flip", "fliplr", "flipud",
    "hstack", "meshgrid", "movedim", "narrow", "permute", "place", "ravel", "repeat", "repeat_interleave", "reshape",
    "roll", "select", "slice", "split", "squeeze", "stack", "swapaxes", "swapdims", "t", "tile", "transpose", "tril",
    "triu", "unbind", "unflatten", "unsqueeze", "view", "vstack",
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


def reshape(input: Any, shape: Any) -> Any:
    """The same elements in another shape: a view where the strides allow, else a copy."""
    if not isinstance(input, TensorBase):
        return input.reshape(shape)
    array = input._array
    size = dims.infer(tuple(shape), array.size)
    if type(array) is not np.ndarray or not array.size or np.may_share_memory(array.reshape(size), array):
        return view(input, size)
    return _unsafe_view(ops.clone(input), size)


@view_primitive()
def alias(input: Any, /) -> Any:
    """All of the input, as a view."""
    return input[...]


alias.defvjp(lambda grad: grad)
alias.defjvp(lambda tangent: tangent)


@view_primitive()
def as_strided(input: Any, /, size: Any, stride: Any, storage_offset: int = 0) -> Any:
    """A window of ``size`` and ``stride`` onto the input's memory, ``storage_offset`` elements on."""
    step = input.itemsize
    if type(input) is np.ndarray and not storage_offset:
        return np_as_strided(input, tuple(size), tuple(s * step for s in stride))
    flat = np_as_strided(input, (storage_offset + Geometry(tuple(size), tuple(stride), 0).extent,), (step,))
    return strided(flat, Geometry(tuple(size), tuple(stride), storage_offset))


as_strided.defvjp(
    lambda grad, input_shape, size, stride, storage_offset: ops.as_strided_backward(
        grad, input_shape, size, stride, storage_offset
    )
)


@primitive()
def as_strided_backward(grad: Any, /, shape: Any, size: Any, stride: Any, storage_offset: int) -> Any:
    """The gradient of a window: each element of the whole gets the sum over the window's uses of it."""
    index = storage_offset + sum(
        (np.arange(n) * s).reshape((-1,) + (1,) * (len(size) - 1 - i)) for i, (n, s) in enumerate(zip(size, stride))
    )
    flat = np.zeros(max(int(np.prod(shape)), int(np.max(index, initial=0)) + 1), grad.dtype)
    np.add.at(flat, np.broadcast_to(index, size), grad)
    return flat[: int(np.prod(shape))].reshape(shape)


as_strided_backward.defvjp(
    lambda grad, size, stride, storage_offset: ops.as_strided(ops.contiguous(grad), size, stride, storage_offset)
)


@view_primitive()
def expand(input: Any, /, size: Any) -> Any:
    """The input repeated along new or singleton dimensions, in no memory of its own.

    Errors: RuntimeError where another dimension would have to grow.
    """
    size = _expanded(input.shape, size)
    lead = len(size) - input.ndim
    strides = (0,) * lead + tuple(0 if n != m else s for n, m, s in zip(input.shape, size[lead:], np.asarray(input).strides))
    return np_as_strided(np.asarray(input), size, strides)


def _expanded(shape: tuple[int, ...], size: Sequence[int]) -> tuple[int, ...]:
    lead = len(size) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.FloatTensor{{{list(shape)}}}, size={list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    for i, n in enumerate(shape):
        if size[lead + i] not in (-1, n) and n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({size[lead + i]}) must match the existing size ({n}) at non-singleton "
                f"dimension {lead + i}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}"
            )
    return tuple(size[:lead]) + tuple(n if m == -1 else m for n, m in zip(shape, size[lead:]))


expand.defvjp(lambda grad: grad)  # the traversal sums it back
expand.defjvp(lambda tangent, size: ops.expand(tangent, size))


def broadcast_to(input: Any, size: Any) -> Any:
    """The same as ``expand``."""
    return expand(input, tuple(size))


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors expanded to their common shape."""
    shape: tuple[int, ...] = ()
    for x in tensors:
        shape = dims.broadcast(shape, tuple(x.shape))
    return tuple(expand(x, shape) for x in tensors)


@view_primitive()
def unsqueeze(input: Any, /, dim: int) -> Any:
    """The input with a dimension of size 1 put in at ``dim``."""
    dim = dims.wrap(dim, input.ndim + 1)
    return input.reshape(input.shape[:dim] + (1,) + input.shape[dim:])


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
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
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
    source = dims.axes(source, ndim) if ndim else ()
    destination = dims.axes(destination, ndim) if ndim else ()
    order = [d for d in range(ndim) if d not in source]
    for to, from_ in sorted(zip(destination, source)):
        order.insert(to, from_)
    return permute(input, tuple(order))


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
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    return index


def _at(key: Any, dim: int) -> tuple[Any, ...]:
    return (_ALL,) * dim + (key, Ellipsis)


_ALL: Any = np.s_[:]

select.defvjp(lambda grad, input_shape, dim, index: ops.place(grad, input_shape, _at(index, dims.wrap(dim, len(input_shape)))))
select.defjvp(lambda tangent, dim, index: ops.select(tangent, dim, index))


@view_primitive()
def slice(input: Any, /, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """The elements ``start:end:step`` along ``dim``."""
    return input[_at(np.s_[start:end:step], dims.wrap(dim, input.ndim))]


slice.defvjp(
    lambda grad, input_shape, dim, start, end, step: ops.place(
        grad, input_shape, _at(np.s_[start:end:step], dims.wrap(dim, len(input_shape)))
    )
)
slice.defjvp(lambda tangent, dim, start, end, step: ops.slice(tangent, dim, start, end, step))


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` elements along ``dim`` from ``start`` on."""
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


@view_primitive()
def diagonal(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal over ``dim1`` and ``dim2``, as the last dimension of the result."""
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
        _filled(grad, [input_shape[:d] + input_shape[d + 1 :] for d in [dims.wrap(dim, len(input_shape))]] * len(grad)), dim
    )
)


def _filled(grads: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Gradients of several outputs, zeros for those that got none."""
    some = next(g for g in grads if g is not None)
    return [ops.zeros_as(some, shape) if g is None else g for g, shape in zip(grads, shapes)]


@view_primitive(name="SplitBackward0", outputs=("outputs",))
def _split_even(input: Any, /, split_size: int, dim: int = 0) -> Any:
    return _pieces(input, _even(input.shape[dims.wrap(dim, input.ndim)], split_size), dim)


@view_primitive(name="SplitWithSizesBackward0", outputs=("outputs",))
def _split_sizes(input: Any, /, split_sizes: Any, dim: int = 0) -> Any:
    size = input.shape[dims.wrap(dim, input.ndim)]
    if sum(split_sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {dim}), but got "
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
    return ops.cat(_filled(grad, [shape[:dim] + (n,) + shape[dim + 1 :] for n in sizes]), dim)


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
    return _split_sizes(tensor, tuple(split_size_or_sections), dim)


def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """The input cut along ``dim`` into at most ``chunks`` pieces.

    Errors: RuntimeError for fewer than one.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[dims.wrap(dim, input.ndim)]
    return split(input, max(-(-size // chunks), 1), dim)


# copies ---------------------------------------------------------------------------------------------------------------


@primitive(name="CatBackward0")
def _cat(*tensors: Any, dim: int) -> Any:
    return np.concatenate([x for x in tensors if x.shape != (0,)] or tensors, dim)  # an empty vector fits anything


def _cat_vjp(grad: Any, tensors_shape: Any, dim: int) -> Any:
    sizes = [0 if shape == (0,) else shape[dim] for shape in tensors_shape]
    return [ops.reshape(g, shape) for g, shape in zip(ops.split(grad, sizes, dim), tensors_shape)]


_cat.defvjp(tensors=_cat_vjp)


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """The tensors joined along ``dim``.

    Errors: RuntimeError for sizes that differ elsewhere.
    """
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
    return _cat(*ops.promoted(tensors), dim=dim)


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
    return np.stack(tensors, dim)


_stack.defvjp(tensors=lambda grad, dim: ops.unbind(grad, dim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """The tensors joined along a new dimension ``dim``.

    Errors: RuntimeError for none, or for shapes that differ.
    """
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tuple(tensors[0].shape)
    for i, x in enumerate(tensors):
        if tuple(x.shape) != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(x.shape)} at entry {i}"
            )
    dim = dims.wrap(dim, len(first) + 1)
    if not isinstance(tensors[0], TensorBase):
        return np.stack(tensors, dim)
    return _stack(*ops.promoted(tensors), dim=dim)


@primitive()
def repeat(input: Any, /, repeats: Any) -> Any:
    """The input tiled ``repeats`` times along each dimension."""
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    return np.tile(input, repeats)


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


def repeat_interleave(input: Any, repeats: int, dim: int | None = None) -> Any:
    """Each element repeated ``repeats`` times in place."""
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    wide = expand(unsqueeze(input, dim + 1), shape[: dim + 1] + (repeats,) + shape[dim + 1 :])
    return reshape(ops.clone(wide), shape[:dim] + (shape[dim] * repeats,) + shape[dim + 1 :])


@primitive()
def flip(input: Any, /, dims: Any) -> Any:
    """The input in reverse order along ``dims``."""
    return np.ascontiguousarray(np.flip(input, dims)).reshape(input.shape)


flip.defvjp(lambda grad, dims: ops.flip(grad, dims))
flip.defjvp(lambda tangent, dims: ops.flip(tangent, dims))


def fliplr(input: Any) -> Any:
    """The columns in reverse order."""
    return flip(input, (1,))


def flipud(input: Any) -> Any:
    """The rows in reverse order."""
    return flip(input, (0,))


@primitive()
def roll(input: Any, /, shifts: Any, dims: Any = None) -> Any:
    """The input rolled along ``dims``; without them, over the flattened elements."""
    return np.roll(input, shifts, dims)


roll.defvjp(
    lambda grad, shifts, dims: ops.roll(grad, tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts, dims)
)


@primitive()
def tril(input: Any, /, diagonal: int = 0) -> Any:
    """The lower triangle."""
    return np.tril(input, diagonal)


tril.defvjp(lambda grad, diagonal: ops.tril(grad, diagonal))


@primitive()
def triu(input: Any, /, diagonal: int = 0) -> Any:
    """The upper triangle."""
    return np.triu(input, diagonal)


triu.defvjp(lambda grad, diagonal: ops.triu(grad, diagonal))


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last dimension of ``input`` on their diagonals."""
    size = input.shape[-1] + np.abs(offset)
    ndim = input.ndim + 1
    dim1, dim2 = dims.wrap(dim1, ndim), dims.wrap(dim2, ndim)
    rest = list(input.shape[:-1])
    for d in sorted((dim1, dim2)):
        rest.insert(d, int(size))
    return place_diagonal(input, tuple(rest), offset, dim1, dim2)


def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector as a diagonal matrix, or a matrix's diagonal."""
    return diag_embed(input, diagonal) if input.ndim == 1 else ops.diagonal_copy(input, diagonal)


def diagonal_copy(input: Any, offset: int = 0) -> Any:
    """A copy of the diagonal."""
    return ops.clone(diagonal(input, offset))


__all__.extend(["as_strided_backward", "place_diagonal", "diagonal_copy"])


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
    return reshape(input, shape[:start] + (int(np.prod(shape[start : end + 1])),) + shape[end + 1 :])


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """The dimension ``dim`` as several of ``sizes``."""
    dim = dims.wrap(dim, input.ndim)
    shape = tuple(input.shape)
    return view(input, shape[:dim] + dims.infer(tuple(sizes), shape[dim]) + shape[dim + 1 :])


def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    return reshape(input, (-1,))


def atleast_1d(input: Any) -> Any:
    """The input, with one dimension if it had none."""
    return input if input.ndim else reshape(input, (1,))


def atleast_2d(input: Any) -> Any:
    """The input, with two dimensions if it had fewer."""
    return input if input.ndim >= 2 else reshape(input, (1, -1))


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
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[0], order[1] = 1, 0
    shape = tuple(vectors[i].shape[0] if vectors[i].ndim else 1 for i in order)
    ones = (1,) * len(vectors)
    return tuple(
        expand(view(x, ones[: order.index(i)] + (-1,) + ones[order.index(i) + 1 :]), shape) for i, x in enumerate(vectors)
    )
