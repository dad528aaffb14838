"""Discrete Fourier transforms."""

from refgrad.harness.op_db.samples import error, integers, op, real, sample
from refgrad.harness.opinfo import ErrorInput, OpInfo

Z = "complex128"
POINTS = "Invalid number of data points (0) specified"


def transform(name: str, *, dtype: str, errors: tuple[ErrorInput, ...] = ()) -> OpInfo:
    """Along one dimension: cut, padded, scaled in each way."""
    x = real(2, 4, dtype=dtype)
    usual = [
        sample(x), sample(x, n=3), sample(x, n=6), sample(x, n=5, dim=0, norm="ortho"), sample(x, dim=-2, norm="forward"),
        sample(x, norm="backward"), sample(real(5, dtype=dtype)), sample(real(2, 4, dtype=dtype, layout="strided")),
        sample(real(3, dtype=dtype), n=1),
    ]  # fmt: skip
    usual += [] if name.startswith(("r", "ih")) else [sample(real(4)), sample(integers(4, below=5))]
    refused = [
        error("RuntimeError", POINTS, x, n=0),
        error("RuntimeError", 'Invalid normalization mode: "x"', x, norm="x"),
        error("IndexError", "Dimension out of range", x, dim=2),
    ]
    return op(f"fft.{name}", *usual, errors=[*refused, *errors])


def transforms(name: str, *, dtype: str, planar: bool = False) -> OpInfo:
    """Along several dimensions."""
    x = real(2, 3, 4, dtype=dtype)
    usual = [
        sample(x),
        sample(x, s=(2, 5)),
        sample(x, dim=(0, -1), norm="ortho"),
        sample(x, s=(3, 3), dim=(0, 2), norm="forward"),
    ]
    errors = [error("RuntimeError", "FFT dims must be unique", x, dim=(1, 1)),
              error("RuntimeError", "When given, dim and shape arguments must have the same length", x, s=(2,), dim=(0, 1))]  # fmt: skip
    return op(f"fft.{name}", *usual, *([] if planar else [sample(real(4, dtype=dtype))]), errors=errors)


OPS = (
    transform("fft", dtype=Z),
    transform("ifft", dtype=Z),
    transform("rfft", dtype="float64", errors=(error("RuntimeError", "rfft expects a real input tensor", real(3, dtype=Z)),)),
    transform("irfft", dtype=Z),
    transform("hfft", dtype=Z),
    transform("ihfft", dtype="float64", errors=(error("RuntimeError", "ihfft expects a real input tensor", real(3, dtype=Z)),)),
    *(transforms(f"{name}{n}", dtype="float64" if name in ("rfft", "ihfft") else Z, planar=n == "2")
      for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for n in ("2", "n")),
    op("fft.fftshift", sample(real(5)), sample(real(2, 3)), sample(real(2, 3), dim=1), sample(real(4, dtype=Z), dim=(0,))),
    op("fft.ifftshift", sample(real(5)), sample(real(2, 3)), sample(real(2, 3), dim=1), sample(real(4, dtype=Z), dim=(0,))),
)  # fmt: skip
