"""One table for every library that spells its ops as NumPy does: PyTorch's names and keywords, NumPy's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from refgrad.errors import Unsupported
from refgrad.harness.adapters.numpy_rooms import fft_ops, linalg_ops
from refgrad.harness.backend import accepts

__all__ = ["axis_of", "numpy_ops"]

Op = Callable[..., Any]

SAME = """abs ceil cos cosh exp exp2 expm1 floor hypot isfinite isinf isnan log log10 log1p log2 logaddexp logaddexp2
 bitwise_and bitwise_or bitwise_xor logical_and logical_not logical_or logical_xor matmul maximum minimum reciprocal sign sin sinc sinh
 sqrt square tan tanh trunc dot inner outer kron vdot ravel positive fmod remainder floor_divide einsum angle argwhere
 atleast_1d atleast_2d atleast_3d conj copysign corrcoef deg2rad float_power fliplr flipud fmax fmin gcd heaviside i0 imag
 isneginf isposinf isreal lcm rad2deg real rsqrt sigmoid signbit erf erfinv"""
RENAMED = {
    "acos": "arccos", "acosh": "arccosh", "add": "add", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
    "atan2": "arctan2", "atanh": "arctanh", "bmm": "matmul", "clone": "copy", "div": "divide", "eq": "equal",
    "ge": "greater_equal", "gt": "greater", "le": "less_equal", "lt": "less", "mm": "matmul", "mul": "multiply",
    "bitwise_left_shift": "left_shift", "bitwise_not": "invert", "bitwise_right_shift": "right_shift", "mv": "matmul", "ne": "not_equal", "neg": "negative", "pow": "power", "sub": "subtract",
    "t": "transpose", "true_divide": "divide",
}  # fmt: skip
REDUCTIONS = {
    "all": "all", "amax": "max", "amin": "min", "any": "any", "argmax": "argmax", "argmin": "argmin",
    "count_nonzero": "count_nonzero", "logsumexp": "logsumexp", "mean": "mean", "nanmean": "nanmean", "nansum": "nansum",
    "prod": "prod", "sum": "sum",
}  # fmt: skip


class ValuesIndices(NamedTuple):
    """What ``max`` and ``min`` along a dimension return."""

    values: Any
    indices: Any


def numpy_ops(numpy: Any, exceptions: Mapping[str, Op | None] | None = None) -> dict[str, Op]:
    """The ops of ``numpy``, a module that spells as NumPy does, by PyTorch's names; what it lacks is left out.

    ``exceptions`` adds, replaces, or with None takes away.
    """
    spelled = {name: name for name in SAME.split()} | RENAMED
    ops = {name: _plain(getattr(numpy, theirs)) for name, theirs in spelled.items() if hasattr(numpy, theirs)}
    ops |= {name: _reduction(getattr(numpy, theirs)) for name, theirs in REDUCTIONS.items() if hasattr(numpy, theirs)}
    for name, (needs, make) in TRANSLATED.items():
        if all(hasattr(numpy, each) for each in needs.split()):
            ops[name] = make(numpy)
    ops |= linalg_ops(numpy) | fft_ops(numpy) | {name: op for name, op in (exceptions or {}).items() if op is not None}
    return {name: op for name, op in ops.items() if (exceptions or {}).get(name, op) is not None}


def _plain(function: Op) -> Op:
    """The function of tensors alone: NumPy's keywords are not PyTorch's."""
    return lambda *tensors: function(*tensors)


def axis_of(input: Any, dim: Any) -> Any:
    """NumPy's ``axis``; PyTorch lets a number without dimensions pass for a vector of one."""
    if dim in (0, -1) and not tuple(input.shape):
        return None
    return tuple(dim) if isinstance(dim, list) else dim


def _keep(function: Op, keepdim: bool) -> dict[str, bool]:
    """``keepdims``, where it is asked for.

    Errors: ``Unsupported`` where the function does not take it, as not every library's argmax does.
    """
    if keepdim and not accepts(function, "keepdims"):
        raise Unsupported("keepdim")
    return {"keepdims": True} if keepdim else {}


def _reduction(function: Op) -> Op:
    def reduction(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return function(input, axis=axis_of(input, dim), **_keep(function, keepdim))

    return reduction


def _extremum(function: Op, argument: Op) -> Op:
    def extremum(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return function(input)
        axis = axis_of(input, dim)
        values = function(input, axis=axis, **_keep(function, keepdim))
        return ValuesIndices(values, argument(input, axis=axis, **_keep(argument, keepdim)))

    return extremum


def _spread(function: Op) -> Op:
    def spread(input: Any, dim: Any = None, *, correction: float = 1, keepdim: bool = False) -> Any:
        return function(input, axis=axis_of(input, dim), ddof=correction, keepdims=keepdim)

    return spread


def _cumulative(numpy: Any, function: Op) -> Op:
    def cumulative(input: Any, dim: int) -> Any:
        if tuple(input.shape):
            return function(input, axis=dim)
        return numpy.reshape(function(numpy.reshape(input, (1,)), axis=dim), ())

    return cumulative


def _expand(numpy: Any) -> Op:
    def expand(input: Any, size: tuple[int, ...]) -> Any:
        lead = len(size) - len(input.shape)
        return numpy.broadcast_to(input, tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(size)))

    return expand


def _flatten(numpy: Any) -> Op:
    def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
        shape, rank = tuple(input.shape), max(len(input.shape), 1)
        if not all(-rank <= dim < rank for dim in (start_dim, end_dim)):
            raise IndexError(f"Dimension out of range: {start_dim} to {end_dim} of {rank}")
        start, end = start_dim % rank, end_dim % rank
        if start > end:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        return numpy.reshape(input, (*shape[:start], -1, *shape[end + 1 :]))

    return flatten


def _quantile(function: Op) -> Op:
    def quantile(
        input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
    ) -> Any:
        return function(input, q, axis=dim, keepdims=keepdim, method=interpolation)

    return quantile


def _split(numpy: Any) -> Op:
    def split(input: Any, split_size_or_sections: int | list[int], dim: int = 0) -> Any:
        size, total = split_size_or_sections, input.shape[dim]
        sizes = [size] * (total // size) if isinstance(size, int) else size
        seams = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        return tuple(numpy.split(input, [seam for seam in seams if seam < total], axis=dim))

    return split


def _sort(numpy: Any) -> Op:
    def sort(input: Any, dim: int = -1) -> Any:
        if not tuple(input.shape):
            return ValuesIndices(input, numpy.argsort(input, axis=None)[0])
        return ValuesIndices(numpy.sort(input, axis=dim), numpy.argsort(input, axis=dim))

    return sort


def _squeeze(numpy: Any) -> Op:
    def squeeze(input: Any, dim: Any = None) -> Any:
        if dim is None or not tuple(input.shape):
            return numpy.squeeze(input)
        asked = dim if isinstance(dim, list | tuple) else (dim,)
        # torch leaves a dimension that is not 1; NumPy raises
        return numpy.squeeze(input, axis=tuple(each for each in asked if input.shape[each] == 1))

    return squeeze


def _gather(numpy: Any) -> Op:
    def gather(input: Any, dim: int, index: Any) -> Any:
        if not input.shape or len(index.shape) != len(input.shape):
            raise Unsupported("gather", "take_along_axis takes as many dimensions of both, and at least one")
        return numpy.take_along_axis(input, index, axis=dim)

    return gather


def _nan_to_num(numpy: Any) -> Op:
    def nan_to_num(input: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
        given = {"nan": nan, "posinf": posinf, "neginf": neginf}
        return numpy.nan_to_num(input, **{name: value for name, value in given.items() if value is not None})

    return nan_to_num


def _pad(numpy: Any) -> Op:
    def pad(input: Any, pad: tuple[int, ...], mode: str = "constant", value: float | None = None) -> Any:
        pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]  # PyTorch begins with the last dimension
        widths = [(0, 0)] * (len(input.shape) - len(pairs)) + pairs
        return numpy.pad(input, widths, PAD_MODES[mode], **({"constant_values": value} if value else {}))

    return pad


def _take_along(numpy: Any) -> Op:
    def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
        return numpy.take_along_axis(input, indices, axis=dim)

    return take_along_dim


def _transpose(numpy: Any) -> Op:
    def transpose(input: Any, dim0: int, dim1: int) -> Any:
        return numpy.swapaxes(input, dim0, dim1) if tuple(input.shape) else numpy.reshape(input, ())

    return transpose


PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

TRANSLATED: dict[
    str, tuple[str, Callable[[Any], Op]]
] = {  # op -> (what NumPy's namespace must have, how it is made of that)
    "argsort": ("argsort", lambda np: lambda input, dim=-1: np.argsort(input, axis=dim)),
    "bincount": (
        "bincount",
        lambda np: lambda input, weights=None, minlength=0: np.bincount(input, weights, minlength),
    ),
    "broadcast_to": ("broadcast_to", lambda np: lambda input, size: np.broadcast_to(input, tuple(size))),
    "bucketize": ("searchsorted", lambda np: lambda input, boundaries: np.searchsorted(boundaries, input)),
    "cat": ("concatenate", lambda np: lambda tensors, dim=0: np.concatenate(tuple(tensors), axis=dim)),
    "clamp": ("clip", lambda np: lambda input, min=None, max=None: np.clip(input, min, max)),
    "column_stack": ("column_stack", lambda np: lambda tensors: np.column_stack(tuple(tensors))),
    "cov": ("cov", lambda np: lambda input, *, correction=1: np.cov(input, ddof=correction)),
    "cumprod": ("cumprod reshape", lambda np: _cumulative(np, np.cumprod)),
    "cumsum": ("cumsum reshape", lambda np: _cumulative(np, np.cumsum)),
    "diag": ("diag", lambda np: lambda input, diagonal=0: np.diag(input, diagonal)),
    "diagflat": ("diagflat", lambda np: lambda input, offset=0: np.diagflat(input, offset)),
    "diagonal": ("diagonal", lambda np: lambda input, offset=0, dim1=0, dim2=1: np.diagonal(input, offset, dim1, dim2)),
    "diff": ("diff", lambda np: lambda input, n=1, dim=-1: np.diff(input, n, axis=dim)),
    "dsplit": ("dsplit", lambda np: lambda input, indices_or_sections: tuple(np.dsplit(input, indices_or_sections))),
    "dstack": ("dstack", lambda np: lambda tensors: np.dstack(tuple(tensors))),
    "expand": ("broadcast_to", _expand),
    "flatten": ("reshape", _flatten),
    "flip": ("flip", lambda np: lambda input, dims: np.flip(input, tuple(dims))),
    "gather": ("take_along_axis", _gather),
    "hsplit": ("hsplit", lambda np: lambda input, indices_or_sections: tuple(np.hsplit(input, indices_or_sections))),
    "hstack": ("hstack", lambda np: lambda tensors: np.hstack(tuple(tensors))),
    "index_select": ("take", lambda np: lambda input, dim, index: np.take(input, index, axis=dim)),
    "isclose": (
        "isclose",
        lambda np: (
            lambda input, other, rtol=1e-05, atol=1e-08, equal_nan=False: np.isclose(
                input, other, rtol=rtol, atol=atol, equal_nan=equal_nan
            )
        ),
    ),
    "isin": (
        "isin",
        lambda np: lambda elements, test_elements, *, invert=False: np.isin(elements, test_elements, invert=invert),
    ),
    "logcumsumexp": ("logcumsumexp reshape", lambda np: _cumulative(np, np.logcumsumexp)),
    "mT": ("swapaxes", lambda np: lambda input: np.swapaxes(input, -1, -2)),
    "max": ("max argmax", lambda np: _extremum(np.max, np.argmax)),
    "meshgrid": (
        "meshgrid",
        lambda np: lambda *tensors, indexing="ij": tuple(np.meshgrid(*tensors, indexing=indexing)),
    ),
    "min": ("min argmin", lambda np: _extremum(np.min, np.argmin)),
    "movedim": ("moveaxis", lambda np: lambda input, source, destination: np.moveaxis(input, source, destination)),
    "nan_to_num": ("nan_to_num", _nan_to_num),
    "nanquantile": ("nanquantile", lambda np: _quantile(np.nanquantile)),
    "nn.functional.pad": ("pad", _pad),
    "permute": ("transpose", lambda np: lambda input, dims: np.transpose(input, tuple(dims))),
    "quantile": ("quantile", lambda np: _quantile(np.quantile)),
    "repeat": ("tile", lambda np: lambda input, repeats: np.tile(input, tuple(repeats))),
    "reshape": ("reshape", lambda np: lambda input, shape: np.reshape(input, tuple(shape))),
    "roll": ("roll", lambda np: lambda input, shifts, dims=None: np.roll(input, shifts, axis=dims)),
    "rot90": ("rot90", lambda np: lambda input, k=1, dims=(0, 1): np.rot90(input, k, tuple(dims))),
    "round": ("round", lambda np: lambda input, decimals=0: np.round(input, decimals)),
    "searchsorted": (
        "searchsorted",
        lambda np: (
            lambda sorted_sequence, input, *, right=False: np.searchsorted(
                sorted_sequence, input, side="right" if right else "left"
            )
        ),
    ),
    "softmax": ("softmax", lambda np: lambda input, dim: np.softmax(input, axis=axis_of(input, dim))),
    "sort": ("sort argsort", _sort),
    "split": ("split", _split),
    "squeeze": ("squeeze reshape", _squeeze),
    "stack": ("stack", lambda np: lambda tensors, dim=0: np.stack(tuple(tensors), axis=dim)),
    "std": ("std", lambda np: _spread(np.std)),
    "take": ("take", lambda np: lambda input, index: np.take(input, index)),
    "take_along_dim": ("take_along_axis", _take_along),
    "tensor_split": (
        "array_split",
        lambda np: lambda input, sections, dim=0: tuple(np.array_split(input, sections, axis=dim)),
    ),
    "tensordot": ("tensordot", lambda np: lambda a, b, dims=2: np.tensordot(a, b, axes=dims)),
    "tile": ("tile", lambda np: lambda input, dims: np.tile(input, tuple(dims))),
    "trace": ("trace", lambda np: lambda input: np.trace(input)),
    "transpose": ("swapaxes", _transpose),
    "trapezoid": ("trapezoid", lambda np: lambda y, x=None, *, dx=1.0, dim=-1: np.trapezoid(y, x, dx, axis=dim)),
    "tril": ("tril", lambda np: lambda input, diagonal=0: np.tril(input, diagonal)),
    "triu": ("triu", lambda np: lambda input, diagonal=0: np.triu(input, diagonal)),
    "unbind": ("unstack", lambda np: lambda input, dim=0: tuple(np.unstack(input, axis=dim))),
    "unsqueeze": ("expand_dims", lambda np: lambda input, dim: np.expand_dims(input, dim)),
    "var": ("var", lambda np: _spread(np.var)),
    "view": ("reshape", lambda np: lambda input, shape: np.reshape(input, tuple(shape))),
    "vsplit": ("vsplit", lambda np: lambda input, indices_or_sections: tuple(np.vsplit(input, indices_or_sections))),
    "vstack": ("vstack", lambda np: lambda tensors: np.vstack(tuple(tensors))),
    "where": ("where", lambda np: lambda condition, input, other: np.where(condition, input, other)),
}
