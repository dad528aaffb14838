"""Short-time Fourier transforms: the spectrum of each window of a signal, and the signal again."""

from __future__ import annotations

from typing import Any

from refgrad.engine import dtypes, ops
from refgrad.engine.modes import warn_once
from refgrad.engine.ops.fourier import _fft_c2c, _fft_c2r, _fft_r2c
from refgrad.engine.ops.matrices import is_complex
from refgrad.engine.ops.padding import constant_pad_nd, pad

__all__ = ["istft", "stft"]

_ONESIDED = "Cannot have onesided output if window or input is complex"
_NO_WINDOW = "A window was not provided. A rectangular window will be applied{}To suppress this warning and use a rectangular window, explicitly set `window=torch.ones(n_fft, device=<device>)`."  # fmt: skip
_LEAKAGE = ",which is known to cause spectral leakage. Other windows such as torch.hann_window or torch.hamming_window are recommended to reduce spectral leakage."  # fmt: skip
_LOSS = ".Please provide the same window used by stft to make the inversion lossless."
_RETURN_COMPLEX = (
    "stft requires the return_complex parameter be given for real inputs, and will further require that "
    "return_complex=True in a future PyTorch release."
)
_REAL_RESULT = (
    "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for all "
    "inputs, and return_complex=False will raise an error.\nNote: you can still call torch.view_as_real on the complex "
    "output to recover the old return format."
)
_TOO_SHORT = (
    "The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. Please "
    "check your center and hop_length settings."
)


def _told(name: str, tensor: str, window: Any, **arguments: Any) -> str:
    """A call as PyTorch tells it in errors."""
    kind = "None" if window is None else f"torch.{dtypes.of(_dtype(window)).tensor_type}{{{list(window.shape)}}}"
    told = {"window": kind} | {k: int(v) if isinstance(v, bool) else v for k, v in arguments.items()}
    order = ("n_fft", "hop_length", "win_length", "window", *arguments)
    return f"{name}({tensor}, {', '.join(f'{k}={told[k]}' for k in dict.fromkeys(order))})"


def _dtype(value: Any) -> Any:
    return getattr(value, "_array", value).dtype


def _framed(window: Any, win_length: int, n_fft: int, like: Any) -> Any:
    """The window in the middle of ``n_fft`` points; of ones where there is none."""
    if window is None and win_length == n_fft:
        return None
    window = ops.abs(ops.ones_as(like, (win_length,))) if window is None else window
    left = (n_fft - win_length) // 2
    return constant_pad_nd(window, (left, n_fft - win_length - left)) if win_length < n_fft else window


def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """The Fourier transforms of the windows of a signal, ``hop_length`` apart: frequencies by windows.

    Errors: RuntimeError for lengths that do not fit, and for a real result that was not asked for.
    """
    if center:
        if align_to_window is not None:
            raise RuntimeError("stft align_to_window should only be set when center = false")
        extended = (1,) * (3 - input.ndim) + tuple(input.shape)
        padded = pad(ops.view(input, extended), (n_fft // 2, n_fft // 2), pad_mode)
        input = ops.view(padded, tuple(padded.shape[-input.ndim :]))
    hop, win = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    kind = dtypes.of(_dtype(input))
    call = _told(
        "stft", f"torch.{kind.tensor_type}{list(input.shape)}", window, n_fft=n_fft, hop_length=hop, win_length=win,
        normalized=normalized, onesided=onesided if onesided is None else int(onesided), return_complex=_flag(return_complex),
        align_to_window=_flag(align_to_window),
    )  # fmt: skip
    complex_ = kind.is_complex or (window is not None and is_complex(window))
    if return_complex is None and not complex_:
        raise RuntimeError(_RETURN_COMPLEX)
    if return_complex is False:
        warn_once(_REAL_RESULT, stacklevel=3)
    _check_signal(call, input, kind, n_fft, hop, win, window)
    if window is None:
        warn_once(_NO_WINDOW.format(_LEAKAGE), stacklevel=3)
    if onesided and complex_:
        raise RuntimeError(_ONESIDED)
    frame = _framed(window, win, n_fft, input)
    signal = ops.unsqueeze(input, 0) if input.ndim == 1 else input
    if align_to_window and win < n_fft:  # the windows, not the points around them, lie within the signal
        signal = constant_pad_nd(signal, ((n_fft - win) // 2, n_fft - win - (n_fft - win) // 2))
    frames = ops.unfold_dim(signal, -1, n_fft, hop)
    frames = frames if frame is None else frames * frame
    norm = "ortho" if normalized else "backward"
    if complex_:
        spectrum = _fft_c2c(frames, (2,), norm, False)
    else:
        spectrum = _fft_r2c(frames, (2,), norm, onesided is None or onesided)
    spectrum = ops.transpose(spectrum, 1, 2)
    spectrum = ops.squeeze(spectrum, 0) if input.ndim == 1 else spectrum
    return ops.view_as_real(spectrum) if return_complex is False else spectrum


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _check_signal(call: str, input: Any, kind: Any, n_fft: int, hop: int, win: int, window: Any) -> None:
    size = input.shape[-1] if input.ndim else 0
    if kind.category < dtypes.FLOATING:
        raise RuntimeError(f"{call} : expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{call} : expected a 1D or 2D tensor")
    if not 0 < n_fft <= size:
        raise RuntimeError(f"{call} : expected 0 < n_fft < {size}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{call} : expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{call} : expected 0 < win_length <= n_fft, but got win_length={win}")
    if window is not None and tuple(window.shape) != (win,):
        raise RuntimeError(
            f"{call} : expected a 1D window tensor of size equal to win_length={win}, but got window with size "
            f"{list(window.shape)}"
        )


def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The signal whose ``stft`` is nearest to ``input``: the windows laid over one another.

    Errors: RuntimeError for a real input, lengths that do not fit, and windows that leave gaps.
    """
    if not is_complex(input):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    hop, win = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    title = dtypes.of(_dtype(input)).tensor_type.removesuffix("Tensor")
    call = _told(
        "istft", f"CPU{title}Type{list(input.shape)}", window, n_fft=n_fft, hop_length=hop, win_length=win, center=center,
        normalized=normalized, onesided=_flag(onesided), length=length, return_complex=return_complex,
    )  # fmt: skip
    _check_spectrum(call, input, n_fft, hop, win, window, onesided)
    if window is None:
        warn_once(_NO_WINDOW.format(_LOSS), stacklevel=3)
    frame = _framed(window, win, n_fft, input)
    frame = ops.abs(ops.ones_as(input, (n_fft,))) if frame is None else frame
    batch = ops.unsqueeze(input, 0) if input.ndim == 2 else input
    frames = _inverted(ops.transpose(batch, 1, 2), n_fft, normalized, onesided, window, return_complex)
    total = n_fft + hop * (frames.shape[1] - 1)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - start
    signal = _laid_over(frames * frame, total, n_fft, hop, start, end)
    squares = ops.expand(ops.unsqueeze(ops.square(frame), 0), (1, frames.shape[1], n_fft))
    envelope = _laid_over(squares, total, n_fft, hop, start, end)
    if not ops.all(ops.abs(envelope) > 1e-11):
        raise RuntimeError(f"{call} window overlap add min: 1\n[ CPUBoolType{{}} ]")
    signal = signal / envelope
    signal = ops.squeeze(signal, 0) if input.ndim == 2 else signal
    if end > total:
        warn_once(_TOO_SHORT, stacklevel=3)
        signal = constant_pad_nd(signal, (0, end - total))
    return signal


def _inverted(frames: Any, n_fft: int, normalized: bool, onesided: Any, window: Any, return_complex: bool) -> Any:
    norm = "ortho" if normalized else "backward"
    half = onesided if onesided is not None else frames.shape[2] != n_fft
    if return_complex:
        if half:
            raise RuntimeError(_ONESIDED)
        return _fft_c2c(frames, (2,), norm, True)
    if window is not None and is_complex(window):
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    return _fft_c2r(frames if half else ops.slice(frames, 2, 0, n_fft // 2 + 1), (2,), norm, n_fft)


def _laid_over(frames: Any, total: int, n_fft: int, hop: int, start: int, end: int) -> Any:
    """The sum of frames, each in its place, from ``start`` to ``end``."""
    return ops.slice(ops.unfold_backward(frames, (frames.shape[0], total), 1, n_fft, hop), 1, start, end)


def _check_spectrum(call: str, input: Any, n_fft: int, hop: int, win: int, window: Any, onesided: bool | None) -> None:
    if not all(input.shape):
        raise RuntimeError(f"{call} : input tensor cannot be empty.")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"{call} : expected a tensor with 3 or 4 dimensions, but got {input.ndim + 1}")
    size = input.shape[-2]
    half = onesided if onesided is not None else size != n_fft
    if size != (n_fft // 2 + 1 if half else n_fft):
        wanted = "n_fft / 2 + 1 when onesided=True" if half else "n_fft when onesided=False"
        raise RuntimeError(
            f"{call} : expected the frequency dimension (3rd to the last) of the input tensor to match {wanted}, but got "
            f"{size}"
        )
    if not 0 < hop <= win:
        raise RuntimeError(f"{call} : expected 0 < hop_length <= win_length")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{call} : expected 0 < win_length <= n_fft")
    if window is not None and tuple(window.shape) != (win,):
        raise RuntimeError(f"{call} : Invalid window shape. window has to be 1D and length of `win_length`")
