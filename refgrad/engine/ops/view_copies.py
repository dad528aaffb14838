"""Views that are copies: each looks where its view looks, into memory of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.modes import modes
from refgrad.engine.ops import diagonals, permutation, reshaping, slicing, splitting, striding
from refgrad.engine.ops.complex_numbers import view_as_complex, view_as_real
from refgrad.engine.ops.expansion import expand
from refgrad.engine.ops.windows import unfold_dim
from refgrad.engine.primitive import PrimitiveFunction, primitive

__all__ = [
    "alias_copy", "as_strided_copy", "diagonal_copy", "expand_copy", "narrow_copy", "permute_copy", "select_copy",
    "slice_copy", "split_copy", "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy", "unbind_copy",
    "unfold_copy", "unsqueeze_copy", "view_as_complex_copy", "view_as_real_copy", "view_copy",
]  # fmt: skip


def _fresh(value: Any) -> Any:
    return tuple(map(_fresh, value)) if isinstance(value, tuple) else np.array(value, order="C")


def copy_of(view: PrimitiveFunction) -> PrimitiveFunction:
    """The op that copies what ``view`` looks at, with its rules."""
    op = view.op

    def copied(*args: Any) -> Any:
        return _fresh(op.forward(*args))

    copied.__name__ = op.name + "_copy"
    copied.__doc__ = f"A copy of what ``{op.name.strip('_')}`` looks at."
    copied.__signature__ = op.declared  # type: ignore[attr-defined]
    function = primitive(name=op.node_class.__name__ + "_copy", outputs=op.outputs)(copied)
    function.op.vjps, function.op.jvps = op.vjps, op.jvps
    return function


alias_copy, permute_copy, t_copy, transpose_copy = map(
    copy_of, (striding.alias, permutation.permute, permutation.t, permutation.transpose)
)
select_copy, slice_copy, diagonal_copy = map(copy_of, (slicing.select, slicing.slice, diagonals.diagonal))
unsqueeze_copy, unbind_copy = copy_of(reshaping.unsqueeze), copy_of(splitting.unbind)
unfold_copy = copy_of(unfold_dim)
_complex_copy, view_as_real_copy = copy_of(view_as_complex), copy_of(view_as_real)
_expand_copy, _strided_copy = copy_of(expand), copy_of(striding._as_strided)
_split_even_copy, _split_sizes_copy = copy_of(splitting._split_even), copy_of(splitting._split_sizes)
_squeeze_all_copy, _squeeze_dim_copy, _squeeze_dims_copy = map(
    copy_of, (reshaping._squeeze_all, reshaping._squeeze_dim, reshaping._squeeze_dims)
)


@primitive(name="ViewBackward0_copy")
def _view_copy(input: Any, /, size: Any) -> Any:
    return _fresh(reshaping.view.op.forward(np.ascontiguousarray(input), size))


_view_copy.op.vjps, _view_copy.op.jvps = reshaping.view.op.vjps, reshaping.view.op.jvps


def view_copy(input: Any, size: Any) -> Any:
    """A copy in another shape, or of the same bytes in another type."""
    return _view_copy(input, tuple(size)) if isinstance(size, (tuple, list)) else ops.clone(input.view(size))


def view_as_complex_copy(input: Any) -> Any:
    """A copy of pairs of real numbers as complex ones.

    Errors: RuntimeError where a gradient is wanted.
    """
    if modes.grad_enabled and getattr(input, "requires_grad", False):
        raise RuntimeError(
            "view_as_complex_copy does not support automatic differentiation for outputs with complex dtype."
        )
    return _complex_copy(input)


def expand_copy(input: Any, size: Any, *, implicit: bool = False) -> Any:
    """A copy repeated along new or singleton dimensions."""
    return _expand_copy(input, tuple(size))


def as_strided_copy(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A copy of a window onto the memory that the input shares."""
    return striding.windowed(_strided_copy, input, size, stride, storage_offset)


@primitive()
def narrow_copy(input: Any, /, dim: int, start: int, length: int) -> Any:
    """A copy of ``length`` elements along ``dim`` from ``start`` on."""
    dim, start = slicing.narrowed(input.shape, dim, start, length)
    return _fresh(input[slicing._at(np.s_[start : start + length], dim)])


def _narrow_copy_vjp(grad: Any, input_shape: Any, dim: int, start: int, length: int) -> Any:
    dim, start = slicing.narrowed(input_shape, dim, start, length)
    return ops.place(grad, input_shape, slicing._at(slice(start, start + length), dim))


narrow_copy.defvjp(_narrow_copy_vjp)


def split_with_sizes_copy(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """Copies of pieces of the sizes given."""
    return _split_sizes_copy(input, tuple(split_sizes), dim)


def split_copy(input: Any, split_size: int, dim: int = 0) -> Any:
    """Copies of pieces of one size."""
    return _split_even_copy(input, split_size, dim)


def squeeze_copy(input: Any, dim: Any = None) -> Any:
    """A copy without dimensions of size 1."""
    if dim is None:
        return _squeeze_all_copy(input)
    return _squeeze_dims_copy(input, tuple(dim)) if isinstance(dim, (tuple, list)) else _squeeze_dim_copy(input, dim)
