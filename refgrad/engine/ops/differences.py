"""Differences along a dimension, slopes from samples, and integrals by trapezoids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refgrad.engine import dims, ops
from refgrad.engine.graph import TensorBase

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The ``n``-th differences of neighbours along ``dim``; of bools, whether they differ.

    Errors: RuntimeError for a 0-d tensor, a negative order, or ends that do not fit.
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = dims.wrap(dim, input.ndim)
    for end in (prepend, append):
        _check_end(input, end, dim)
    if n == 0:
        return ops.zeros_like(input).copy_(input)
    whole = _joined(prepend, input, append, dim)
    for _ in range(min(n, int(whole.shape[dim]))):
        size = int(whole.shape[dim]) - 1
        pair = ops.narrow(whole, dim, 1, size), ops.narrow(whole, dim, 0, size)
        whole = ops.logical_xor(*pair) if whole._array.dtype == bool else pair[0] - pair[1]
    return whole


def _check_end(input: Any, end: Any, dim: int) -> None:
    if end is None:
        return
    if end.ndim != input.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for i, (n, m) in enumerate(zip(input.shape, end.shape)):
        if i != dim and n != m:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input except along the "
                f"differencing dimension; input.size({i}) = {n}, but got tensor.size({i}) = {m}"
            )


def _joined(prepend: Any, input: Any, append: Any, dim: int) -> Any:
    parts = [x for x in (prepend, input, append) if x is not None]
    return ops.cat(parts, dim) if len(parts) > 1 else input


# slopes ---------------------------------------------------------------------------------------------------------------


def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The slopes along each of ``dim``, by central differences inside and one-sided ones at the edges.

    ``spacing`` is a number, one a dimension, or the coordinates along each.
    Errors: RuntimeError for an edge order other than 1 or 2, fewer samples than it needs, or spacings that do not fit.
    """
    over = list(range(input.ndim)) if dim is None else list(dims.axes(dim, input.ndim))
    spacings = [1.0 if spacing is None else spacing] * len(over)
    if isinstance(spacing, (tuple, list)):
        _check_spacing(spacing, input.ndim, None if dim is None else over)
        spacings = list(spacing)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if any(input.shape[d] < edge_order + 1 for d in over):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(
        (_by_coordinates if isinstance(step, TensorBase) and step._array.ndim else _by_step)(input, step, d, edge_order)
        for step, d in zip(spacings, over)
    )


def _check_spacing(spacing: Sequence[Any], ndim: int, over: Any) -> None:
    if over is None and len(spacing) != ndim:
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() = "
            f"{ndim}', since dim argument was not given, but got a list of length {len(spacing)}"
        )
    if over is not None and len(spacing) != len(over):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {len(spacing)} and a dim argument of length {len(over)}."
        )


def _by_step(input: Any, step: float, d: int, edge_order: int) -> Any:
    """The slopes of samples that are ``step`` apart."""

    def at(start: int, end: int | None, times: float | None = None) -> Any:
        part = ops.slice(input, d, start, end)
        return part if times is None else ops.mul_scalar(part, times)

    center = ops.div_scalar(ops.div_scalar(at(2, None) - at(0, -2), step), 2)
    if edge_order == 1:
        first, last = at(1, 2) - at(0, 1), at(-1, None) - at(-2, -1)
    else:
        first = at(0, 1, -1.5) + at(1, 2, 2) - at(2, 3, 0.5)
        last = at(-3, -2, 0.5) - at(-2, -1, 2) + at(-1, None, 1.5)
    return ops.cat((ops.div_scalar(first, step), center, ops.div_scalar(last, step)), d)


def _by_coordinates(input: Any, coordinates: Any, d: int, edge_order: int) -> Any:
    """The slopes of samples at ``coordinates``, of parabolas through three of them."""
    dx = diff(coordinates, 1, 0)
    shape = tuple(-1 if i == d else 1 for i in range(input.ndim))

    def at(start: int, end: int | None) -> Any:
        return ops.slice(input, d, start, end)

    before, after = ops.slice(dx, 0, 0, -1), ops.slice(dx, 0, 1)
    left, middle, right = (ops.reshape(w, shape) for w in _weights(before, after))
    center = left * at(0, -2) + middle * at(1, -1) + right * at(2, None)
    if edge_order == 1:
        first, last = (at(1, 2) - at(0, 1)) / dx[0], (at(-1, None) - at(-2, -1)) / dx[-1]
    else:
        a, b, c = _end_weights(dx[0], dx[1])
        first = -a * at(0, 1) + b * at(1, 2) + -c * at(2, 3)
        a, b, c = _end_weights(dx[-1], dx[-2])
        last = c * at(-3, -2) + -b * at(-2, -1) + a * at(-1, None)
    return ops.cat((first, center, last), d)


def _weights(before: Any, after: Any) -> tuple[Any, Any, Any]:
    """Of three samples, what each counts for in the slope at the middle one."""
    both = before + after
    return -after / (before * both), (after - before) / (before * after), before / (after * both)


def _end_weights(near: Any, far: Any) -> tuple[Any, Any, Any]:
    """Of three samples, what each counts for in the slope at the first; signs left out."""
    both = near + far
    return (2.0 * near + far) / (near * both), both / (near * far), near / (far * both)


# integrals ------------------------------------------------------------------------------------------------------------


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of the samples ``y`` along ``dim``, at ``x`` or ``dx`` apart, by trapezoids; 0 of none.

    Errors: RuntimeError for bools, or coordinates that do not fit; TypeError for both ``x`` and ``dx``.
    """
    dim = _checked("trapezoid", y, x, dx, dim)
    if not y.shape[dim]:
        return ops.zeros_as(y, tuple(n for i, n in enumerate(y.shape) if i != dim))
    if x is not None:
        steps, (left, right) = _steps("trapezoid", y, x, dim), _pair(y, dim)
        return ops.div_scalar(ops.sum((left + right) * steps, dim), 2.0)
    ends = ops.mul_scalar(ops.select(y, dim, 0) + ops.select(y, dim, -1), 0.5)
    return ops.mul_scalar(ops.sum(y, dim) - ends, 1.0 if dx is None else float(dx))


trapz = trapezoid


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integrals up to each sample but the first, as ``trapezoid``."""
    dim = _checked("cumulative_trapezoid", y, x, dx, dim)
    if x is not None:
        steps, (left, right) = _steps("cumulative_trapezoid", y, x, dim), _pair(y, dim)
        return ops.div_scalar(ops.cumsum((right + left) * steps, dim), 2.0)
    left, right = _pair(y, dim)
    return ops.cumsum(ops.mul_scalar(right + left, (1.0 if dx is None else float(dx)) / 2.0), dim)


def _checked(name: str, y: Any, x: Any, dx: Any, dim: int) -> int:
    if x is not None and dx is not None:
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got (Tensor, dx={type(dx).__name__}, "
            f"x={type(x).__name__}), but expected one of:"
        )
    if not y.ndim and name == "trapezoid":
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = dims.wrap(dim, y.ndim)
    if y._array.dtype == bool or (x is not None and x._array.dtype == bool):
        which = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{name}: received a bool input for {which}, but bool is not supported")
    return dim


def _pair(y: Any, dim: int) -> tuple[Any, Any]:
    return ops.slice(y, dim, 0, -1), ops.slice(y, dim, 1)


def _steps(name: str, y: Any, x: Any, dim: int) -> Any:
    """The distances between coordinates, in line with ``y``."""
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = ops.view(x, tuple(x.shape[0] if i == dim else 1 for i in range(y.ndim)))
    elif x.ndim < y.ndim:
        x = ops.view(x, (1,) * (y.ndim - x.ndim) + tuple(x.shape))
    left, right = _pair(x, dim)
    return right - left
