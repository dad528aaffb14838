"""Padding: a tensor made larger at its ends, or smaller, with one value or with what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes
from refgrad.engine.ops.resampling import Taps, resampler
from refgrad.engine.primitive import primitive

__all__ = ["pad"]


def _pairs(padding: Any) -> list[tuple[int, int]]:
    """What goes before and after each dimension, the last dimension first, as PyTorch has it."""
    return list(zip(padding[::2], padding[1::2]))


@primitive(name="ConstantPadNdBackward0")
def _constant_pad(input: Any, /, pad: Any, value: Any) -> Any:
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + _pairs(pad)[::-1]
    cut = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(input.shape, pairs))
    kept = tuple(slice(max(b, 0), n + b + a - max(a, 0)) for n, (b, a) in zip(input.shape, pairs))
    shape = tuple(n + b + a for n, (b, a) in zip(input.shape, pairs))
    result = np.full(shape, dtypes.element(value, input.dtype), input.dtype)
    result[kept] = input[cut]
    return result


_constant_pad.defvjp(lambda grad, pad: _constant_pad(grad, tuple(-n for n in pad), 0))
_constant_pad.defjvp(lambda tangent, pad: _constant_pad(tangent, pad, 0))


def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """``input`` with ``value`` around it; negative padding cuts.

    Units: ``pad`` counts elements before and after the last dimension, then the one before it ...
    Errors: RuntimeError for an odd number of counts, or more than the dimensions have.
    """
    pad = tuple(pad)
    _check_length(input, pad)
    sizes = [n + b + a for n, (b, a) in zip(tuple(input.shape)[::-1], _pairs(pad))]
    if min(sizes, default=0) < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    return _constant_pad(input, pad, value)


def _check_length(input: Any, pad: Any) -> None:
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )


# with what the tensor holds -------------------------------------------------------------------------------------------


_REFLECT = {n: resampler(f"ReflectionPad{n}DBackward0", keeps_input=True) for n in (1, 2, 3)}
_REPLICATE = {n: resampler(f"ReplicationPad{n}DBackward0", keeps_input=True) for n in (1, 2, 3)}
_circular = resampler("CopySlices")


def _from(index: Any, size: int) -> Taps:
    return Taps(index[:, None], np.ones((len(index), 1)), size)


def _reflected(before: int, after: int, n: int) -> Any:
    return n - 1 - np.abs(n - 1 - np.abs(np.arange(-before, n + after)))


def _replicated(before: int, after: int, n: int) -> Any:
    return np.clip(np.arange(-before, n + after), 0, n - 1)


def _wrapped(before: int, after: int, n: int) -> Any:
    """What is cut is cut first: around goes only what is left."""
    left = np.arange(max(-before, 0), n - max(-after, 0))
    return left[np.arange(-max(before, 0), len(left) + max(after, 0)) % max(len(left), 1)]


_SOURCES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


def _check_planes(input: Any, ndim: int) -> None:
    shape = list(input.shape)
    if 0 in shape[input.ndim - ndim - 1 :]:
        raise RuntimeError(
            f"Expected {ndim + 1}D or {ndim + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {shape}"
        )


def _check_mode(input: Any, ndim: int, pairs: Any, mode: str) -> None:
    """Refuse padding that the tensor has not enough elements for.

    Errors: RuntimeError; NotImplementedError for bools.
    """
    shape = list(input.shape)
    _check_planes(input, ndim)
    for d, (b, a) in enumerate(pairs):
        if mode == "reflect" and max(b, a) >= shape[-1 - d]:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({b}, {a}) at dimension {input.ndim - 1 - d} of input {shape}"
            )
    sizes = [n + b + a for n, (b, a) in zip(shape[::-1], pairs)][::-1]
    if min(sizes) < 1:
        space = " " if mode == "replicate" and ndim == 2 else ""
        raise RuntimeError(
            f"input ({_listed(shape[-ndim:])}{space}) is too small. Calculated output "
            + " ".join(f"{axis}: {n}" for axis, n in zip("DHW"[-ndim:], sizes))
        )
    if input._array.dtype.kind == "b":
        kernel = f"{'reflection' if mode == 'reflect' else 'replication'}_pad{ndim}d"
        raise NotImplementedError(f"\"{kernel}\" not implemented for 'Bool'")


def _listed(size: list[int]) -> str:
    named = [f"{axis}: {n}" for axis, n in zip("DHW"[-len(size) :], size)]
    return named[0] + " " + ", ".join(named[1:]) if len(size) == 3 else ", ".join(named)


def _check_circular(input: Any, ndim: int, pairs: Any) -> None:
    for n, (b, a) in zip(tuple(input.shape)[::-1][:ndim], pairs):
        if b > n or a > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if n + b + a <= 0 or n + min(b, 0) + min(a, 0) < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")


def _held(input: Any, padding: Any, mode: str) -> Any:
    ndim, pairs = len(padding) // 2, _pairs(padding)
    if not (ndim in (1, 2, 3) and input.ndim in (ndim + 1, ndim + 2)):
        raise NotImplementedError(
            f"Padding size {len(padding)} is not supported for {input.ndim}D input tensor.\n"
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
        )
    size = tuple(input.shape)[-ndim:]
    if mode == "circular":
        _check_circular(input, ndim, pairs)
    else:
        _check_mode(input, ndim, pairs, mode)
    taps = []
    for n, (b, a) in zip(size, pairs[::-1]):
        taps.append(_from(_SOURCES[mode](b, a, n), n))
    record = _circular if mode == "circular" else (_REFLECT if mode == "reflect" else _REPLICATE)[ndim]
    return record(input, tuple(taps))


def _check_ints(pad: Any) -> None:
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad(): argument 'pad' (position 2) must be tuple of ints, not {type(pad).__name__}")
    for i, n in enumerate(pad):
        if isinstance(n, float):
            raise TypeError(
                f"pad(): argument 'pad' (position 2) must be tuple of ints, but found element of type float at pos {i}"
            )


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """``input`` with more elements around it: ``value``, its own reflection, its last ones, or its other end's.

    Units: ``pad`` counts elements before and after the last dimension, then the one before it ...
    Errors: RuntimeError for counts that do not fit; NotImplementedError for another ``mode``, or one that is not for so
    many dimensions.
    """
    _check_ints(pad)
    padding = tuple(pad)
    _check_length(input, padding)
    if mode == "constant":
        return constant_pad_nd(input, padding, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return _held(input, padding, mode)
