"""Fourier transforms, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.live import attempt
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Case, differences, observe

torch = pytest.importorskip("torch")

DRAWN = Inputs(7)
normal, integers = DRAWN.normal, DRAWN.integers
REAL, COMPLEX = ("rfft", "ihfft"), ("fft", "ifft", "irfft", "hfft")
LINES = [
    {},
    {"n": 3},
    {"n": 7},
    {"dim": 0},
    {"dim": -2, "norm": "ortho"},
    {"norm": "forward"},
    {"n": 2, "norm": "backward"},
]
PLANES = [
    {},
    {"s": (2, 5)},
    {"dim": (0, 2)},
    {"dim": (-1, 0), "s": (3, 3), "norm": "ortho"},
    {"s": (-1, 3), "norm": "forward"},
]
LEFT_OUT = (".stride", ".view", ".edges")
MATRIX, BLOCK = (lambda d: normal(3, 5, dtype=d)), (lambda d: normal(2, 3, 4, dtype=d))
WRONG = [{"n": 0}, {"norm": "x"}, {"dim": 2}]
WRONG_PLANES = [
    {"dim": (0, 0)},
    {"s": (2,), "dim": (0, 1)},
    {"s": (2, 2, 2, 2)},
    {"s": (0, 2)},
    {"norm": "x"},
    {"dim": ()},
    {"dim": 5},
]


def of(name, **options):
    return lambda xp, x: getattr(xp.fft, name)(x, **options)


def kinds(name):
    return ["float64", "float32"] if name.startswith(REAL) else ["complex128", "float64", "complex64"]


CASES = [
    *(Case(f"{n}-{d}-{i}", of(n, **o), (MATRIX(d),)) for n in (*REAL, *COMPLEX) for d in kinds(n) for i, o in enumerate(LINES)),
    *(Case(f"{n}{m}-{d}-{i}", of(n + m, **o), (BLOCK(d),)) for n in (*REAL, *COMPLEX) for m in ("2", "n") for d in kinds(n) for i, o in enumerate(PLANES)),
    *(Case(f"{n}-wrong-{i}", of(n, **o), (MATRIX(kinds(n)[0]),)) for n in (*REAL, *COMPLEX) for i, o in enumerate(WRONG)),
    *(Case(f"{n}n-wrong-{i}", of(n + "n", **o), (BLOCK(kinds(n)[0]),)) for n in (*REAL, *COMPLEX) for i, o in enumerate(WRONG_PLANES) if (n, o) not in [("fft", {"dim": ()}), ("ifft", {"dim": ()})]),
    *(Case(f"{n}-{what}", of(n), (x,)) for n in (*REAL, *COMPLEX) for what, x in {
        "integers": integers(4), "half": normal(3, dtype="float16"), "0-d": normal(), "none": normal(0), "complex": normal(3, dtype="complex128"), "one": normal(1)}.items()),
    *(Case(f"{n}-{i}", of(n, **o), (normal(3, 4),)) for n in ("fftshift", "ifftshift") for i, o in enumerate([{}, {"dim": 1}, {"dim": (0, 1)}, {"dim": 2}])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A transform gives PyTorch's value, type, maker, gradients and error.

    PyTorch conjugates lazily, and its transforms leave the order of dimensions in memory to MKL: neither is compared.
    """
    mine, theirs = ({k: v for k, v in observe(xp, case).items() if not k.endswith(LEFT_OUT)} for xp in (refgrad, torch))
    found = differences(mine, theirs)
    assert not found, "\n".join(found)


SIGNAL = normal(24)
WINDOWS = {
    "plain": {}, "hop": {"hop_length": 3}, "window": {"window": "hann"}, "short window": {"win_length": 6, "window": 6},
    "not centered": {"center": False}, "normalized": {"normalized": True}, "two-sided": {"onesided": False},
    "constant": {"pad_mode": "constant"}, "aligned": {"center": False, "align_to_window": True, "win_length": 6},
}  # fmt: skip


def made(xp, options):
    window = options.get("window")
    if window is None:
        return options
    values = 0.5 - 0.4 * np.cos(2 * np.pi * np.arange(8 if window == "hann" else window) / 8)
    return options | {"window": xp.from_numpy(values)}


@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize("options", WINDOWS.values(), ids=WINDOWS)
def test_short_time(options):
    """The spectrum of each window, and the signal made of it again, are PyTorch's, with their gradients."""
    found = []
    for xp in (refgrad, torch):
        case = Case("stft", lambda xp, x: xp.stft(x, 8, return_complex=True, **made(xp, options)), (SIGNAL,))
        back = {k: v for k, v in made(xp, options).items() if k not in ("pad_mode", "align_to_window")}
        again = Case(
            "istft",
            lambda xp, x, back=back: xp.istft(xp.stft(x, 8, return_complex=True, **made(xp, options)), 8, **back),
            (SIGNAL,),
        )
        found.append([attempt(lambda c=c, xp=xp: observe(xp, c)) for c in (case, again)])
    for mine, theirs in zip(*found):
        assert mine.get("error") == theirs.get("error")
        for key in theirs:
            if key.endswith(".value") and theirs[key] is not None:
                assert np.allclose(mine[key], theirs[key], atol=1e-9)


@pytest.mark.parametrize("name", [*COMPLEX, *REAL])
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(lambda x: getattr(refgrad.fft, name)(x, n=5), normal(2, 4, dtype=kinds(name)[0]))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize(("n", "d"), [(5, 1.0), (4, 0.5), (1, 2.0), (-1, 1.0)])
def test_frequencies(name, n, d):
    """The frequencies are PyTorch's, to the bit."""
    mine, theirs = (attempt(lambda xp=xp: getattr(xp.fft, name)(n, d).tolist()) for xp in (refgrad, torch))
    assert mine == theirs
