"""Discrete Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from refgrad.engine import dims, dtypes, ops
from refgrad.engine.ops.padding import constant_pad_nd
from refgrad.engine.primitive import primitive

__all__ = [
    "fft_fft", "fft_fft2", "fft_fftn", "fft_fftshift", "fft_hfft", "fft_hfft2", "fft_hfftn", "fft_ifft", "fft_ifft2",
    "fft_ifftn", "fft_ifftshift", "fft_ihfft", "fft_ihfft2", "fft_ihfftn", "fft_irfft", "fft_irfft2", "fft_irfftn",
    "fft_rfft", "fft_rfft2", "fft_rfftn",
]  # fmt: skip

Size = int | None
Dims = Sequence[int]
Norm = Literal["backward", "ortho", "forward"]


# the three transforms that all others are made of ---------------------------------------------------------------------

_NORMS: tuple[Norm, ...] = ("backward", "ortho", "forward")  # which direction divides by the number of points


def _kind(input: Any) -> Any:
    """The complex type of as much precision; the transforms are computed in it."""
    return dtypes.of(input.dtype).to_complex().numpy


@primitive()
def _fft_c2c(input: Any, /, dim: Dims, norm: Norm, inverse: bool) -> Any:
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return transform(input, axes=dim, norm=norm).astype(input.dtype, copy=False) if dim else input.copy()


@primitive(name="FftR2CBackward0", saves=("input",))
def _fft_r2c(input: Any, /, dim: Dims, norm: Norm, onesided: bool) -> Any:
    transform = np.fft.rfftn if onesided else np.fft.fftn
    return transform(input, axes=dim, norm=norm).astype(_kind(input), copy=False)


@primitive(name="FftC2RBackward0")
def _fft_c2r(input: Any, /, dim: Dims, norm: Norm, size: int) -> Any:
    sizes = [input.shape[d] for d in dim[:-1]] + [size]
    return np.fft.irfftn(input, sizes, axes=dim, norm=norm).astype(input.real.dtype, copy=False)


def _opposite(norm: Norm) -> Norm:
    """The scale of the transposed transform: that of the other direction."""
    return _NORMS[2 - _NORMS.index(norm)]


# plain derivatives: the matrix of a transform is symmetric, so it is its own transpose
_fft_c2c.defvjp(lambda grad, dim, norm, inverse: _fft_c2c(grad, dim, norm, inverse))
_fft_c2c.defjvp(lambda tangent, dim, norm, inverse: _fft_c2c(tangent, dim, norm, inverse))


def _r2c_vjp(grad: Any, input_shape: Any, dim: Dims, norm: Norm, onesided: bool) -> Any:
    last, size = dim[-1], input_shape[dim[-1]]
    if onesided and grad.shape[last] < size:  # what the half left out
        shape = tuple(size - grad.shape[last] if d == last % len(input_shape) else n for d, n in enumerate(grad.shape))
        grad = ops.cat((grad, ops.zeros_as(grad, shape)), last)
    return _fft_c2c(grad, dim, norm, False)


def _c2r_vjp(grad: Any, input_shape: Any, dim: Dims, norm: Norm, size: int) -> Any:
    """What stands for itself and its mirror image counts twice."""
    half = _fft_r2c(grad, dim, _opposite(norm), True)
    last = dim[-1]
    count = half.shape[last]
    twice = size - count
    parts = [ops.narrow(half, last, 0, 1), 2 * ops.narrow(half, last, 1, twice)]
    return ops.cat([*parts, ops.narrow(half, last, 1 + twice, count - 1 - twice)], last) if twice > 0 else half


_fft_r2c.defvjp(_r2c_vjp)
_fft_r2c.defjvp(lambda tangent, dim, norm, onesided: _fft_r2c(tangent, dim, norm, onesided))
_fft_c2r.defvjp(_c2r_vjp)
_fft_c2r.defjvp(lambda tangent, dim, norm, size: _fft_c2r(tangent, dim, norm, size))


# what all transforms check and prepare --------------------------------------------------------------------------------


def _norm(norm: Any) -> Norm:
    if norm not in (None, *_NORMS):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return norm or "backward"


def _array(input: Any) -> Any:
    return getattr(input, "_array", input)


def _promoted(input: Any, *, to_complex: bool = False) -> Any:
    """The input in a floating type, or a complex one."""
    kind = dtypes.of(_array(input).dtype)
    if kind.itemsize == 2 and kind.category == dtypes.FLOATING:
        raise RuntimeError(f"Unsupported dtype {dtypes.scalar_title(kind.numpy)}")
    wanted = kind if kind.category >= dtypes.FLOATING else dtypes.get_default_dtype()
    wanted = wanted.to_complex() if to_complex else wanted
    return input if wanted is kind else ops.to_copy(input, wanted.numpy)


def _real(name: str, input: Any, told: str) -> Any:
    kind = _array(input).dtype
    if kind.kind == "c":
        raise RuntimeError(f"{name} expects a {told} input tensor, but got {dtypes.scalar_title(kind)}")
    return _promoted(input)


def _axis(input: Any, dim: int) -> int:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return dims.wrap(dim, input.ndim)


def _resized(input: Any, axes: Dims, sizes: Dims) -> Any:
    """The input cut, or with zeros behind it, to ``sizes``."""
    for n in sizes:
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
    for d, n in zip(axes, sizes):
        held = input.shape[d]
        if held > n:
            input = ops.slice(input, d, 0, n)
        elif held < n:
            input = constant_pad_nd(input, (0, 0) * (input.ndim - 1 - d) + (0, n - held))
    return input


def _axes(input: Any, s: Any, dim: Any) -> tuple[list[int], list[int]]:
    """The dimensions to transform and the sizes to bring them to; -1 leaves one alone."""
    ndim = input.ndim
    dim = [dim] if isinstance(dim, int) else dim
    s = [s] if isinstance(s, int) else s
    axes = [dims.wrap(d, ndim) for d in dim] if dim is not None else list(range(ndim))
    if len(set(axes)) != len(axes):
        raise RuntimeError("FFT dims must be unique")
    if s is None:
        return axes, [input.shape[d] for d in axes]
    if dim is not None and len(s) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    if len(s) > ndim:
        raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions.")
    axes = axes if dim is not None else list(range(ndim - len(s), ndim))
    return axes, [input.shape[d] if n == -1 else n for n, d in zip(s, axes)]


# along one dimension --------------------------------------------------------------------------------------------------


def _complex_transform(input: Any, n: Size, dim: int, norm: str | None, inverse: bool) -> Any:
    axis, scale = _axis(input, dim), _norm(norm)
    real = _array(input).dtype.kind != "c"
    input = _promoted(input)
    input = _resized(input, [axis], [input.shape[axis] if n is None else n])
    if not real:
        return _fft_c2c(input, (axis,), scale, inverse)
    if not inverse:
        return _fft_r2c(input, (axis,), scale, False)
    return ops.conj(_fft_r2c(input, (axis,), _opposite(scale), False))


def fft_fft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The Fourier transform along ``dim``, of ``n`` points."""
    return _complex_transform(input, n, dim, norm, False)


def fft_ifft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``fft``."""
    return _complex_transform(input, n, dim, norm, True)


def _half(name: str, input: Any, n: Size, dim: int, scale: Norm) -> Any:
    input = _real(name, input, "real")
    axis = _axis(input, dim)
    input = _resized(input, [axis], [input.shape[axis] if n is None else n])
    return _fft_r2c(input, (axis,), scale, True)


def _whole(input: Any, n: Size, dim: int, scale: Norm) -> Any:
    axis = _axis(input, dim)
    size = 2 * (input.shape[axis] - 1) if n is None else n
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return _fft_c2r(_resized(input, [axis], [size // 2 + 1]), (axis,), scale, size)


def fft_rfft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The half of the transform of a real signal that says all."""
    return _half("rfft", input, n, dim, _norm(norm))


def fft_irfft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``rfft``."""
    return _whole(_promoted(input, to_complex=True), n, dim, _norm(norm))


def fft_hfft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The transform, which is real, of half a Hermitian signal."""
    return _whole(ops.conj(_promoted(input, to_complex=True)), n, dim, _opposite(_norm(norm)))


def fft_ihfft(input: Any, n: Size = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``hfft``."""
    return ops.conj(_half("ihfft", input, n, dim, _opposite(_norm(norm))))


# along several dimensions ---------------------------------------------------------------------------------------------


def _complex_transforms(input: Any, s: Any, dim: Any, norm: str | None, inverse: bool) -> Any:
    scale = _norm(norm)
    axes, sizes = _axes(input, s, dim)
    return _fft_c2c(_resized(_promoted(input, to_complex=True), axes, sizes), tuple(axes), scale, inverse)


def fft_fftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The Fourier transform along several dimensions, of ``s`` points."""
    return _complex_transforms(input, s, dim, norm, False)


def fft_ifftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``fftn``."""
    return _complex_transforms(input, s, dim, norm, True)


def _check_some(name: str, axes: list[int]) -> None:
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")


def _whole_axes(name: str, input: Any, s: Any, dim: Any) -> tuple[list[int], list[int], int]:
    """Dimensions, the sizes of the half signal, and the last size of the whole."""
    axes, sizes = _axes(input, s, dim)
    _check_some(name, axes)
    given = s is not None and (s if isinstance(s, int) else s[-1]) != -1
    size = sizes[-1] if given else 2 * (input.shape[axes[-1]] - 1)
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified")
    return axes, [*sizes[:-1], size // 2 + 1], size


def fft_rfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """As ``rfft``, along several dimensions; the last one is halved."""
    scale = _norm(norm)
    input = _real("rfftn", input, "real-valued")
    axes, sizes = _axes(input, s, dim)
    _check_some("rfftn", axes)
    return _fft_r2c(_resized(input, axes, sizes), tuple(axes), scale, True)


def fft_irfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``rfftn``."""
    scale = _norm(norm)
    axes, sizes, size = _whole_axes("irfftn", input, s, dim)
    return _fft_c2r(_resized(_promoted(input, to_complex=True), axes, sizes), tuple(axes), scale, size)


def fft_hfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """As ``hfft``, along several dimensions; the last one was halved."""
    scale = _norm(norm)
    axes, sizes, size = _whole_axes("hfftn", input, s, dim)
    input = _resized(_promoted(input, to_complex=True), axes, sizes)
    *others, last = axes
    input = _fft_c2c(input, tuple(others), scale, False) if others else input
    return _fft_c2r(ops.conj(input), (last,), _opposite(scale), size)


def fft_ihfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``hfftn``."""
    scale = _norm(norm)
    input = _real("ihfftn", input, "real-valued")
    axes, sizes = _axes(input, s, dim)
    _check_some("ihfftn", axes)
    *others, last = axes
    half = ops.conj(_fft_r2c(_resized(input, axes, sizes), (last,), _opposite(scale), True))
    return _fft_c2c(half, tuple(others), scale, True) if others else half


def fft_fft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The Fourier transform along two dimensions."""
    return fft_fftn(input, s, dim, norm)


def fft_ifft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``fft2``."""
    return fft_ifftn(input, s, dim, norm)


def fft_rfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """As ``rfft``, along two dimensions."""
    return fft_rfftn(input, s, dim, norm)


def fft_irfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``rfft2``."""
    return fft_irfftn(input, s, dim, norm)


def fft_hfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """As ``hfft``, along two dimensions."""
    return fft_hfftn(input, s, dim, norm)


def fft_ihfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``hfft2``."""
    return fft_ihfftn(input, s, dim, norm)


# order ----------------------------------------------------------------------------------------------------------------


def _shifted_axes(input: Any, dim: Any) -> list[int]:
    if dim is None:
        return list(range(input.ndim))
    return [dims.wrap(d, input.ndim) for d in ([dim] if isinstance(dim, int) else dim)]


def fft_fftshift(input: Any, dim: Any = None) -> Any:
    """The frequencies reordered, so that zero is in the middle."""
    axes = _shifted_axes(input, dim)
    return ops.roll(input, tuple(input.shape[d] // 2 for d in axes), tuple(axes))


def fft_ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of ``fftshift``."""
    axes = _shifted_axes(input, dim)
    return ops.roll(input, tuple((input.shape[d] + 1) // 2 for d in axes), tuple(axes))
