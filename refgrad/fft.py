"""Discrete Fourier transforms, as ``torch.fft``."""

from refgrad.engine.frequencies import fftfreq, rfftfreq
from refgrad.engine.ops import fft_fft as fft
from refgrad.engine.ops import fft_fft2 as fft2
from refgrad.engine.ops import fft_fftn as fftn
from refgrad.engine.ops import fft_fftshift as fftshift
from refgrad.engine.ops import fft_hfft as hfft
from refgrad.engine.ops import fft_hfft2 as hfft2
from refgrad.engine.ops import fft_hfftn as hfftn
from refgrad.engine.ops import fft_ifft as ifft
from refgrad.engine.ops import fft_ifft2 as ifft2
from refgrad.engine.ops import fft_ifftn as ifftn
from refgrad.engine.ops import fft_ifftshift as ifftshift
from refgrad.engine.ops import fft_ihfft as ihfft
from refgrad.engine.ops import fft_ihfft2 as ihfft2
from refgrad.engine.ops import fft_ihfftn as ihfftn
from refgrad.engine.ops import fft_irfft as irfft
from refgrad.engine.ops import fft_irfft2 as irfft2
from refgrad.engine.ops import fft_irfftn as irfftn
from refgrad.engine.ops import fft_rfft as rfft
from refgrad.engine.ops import fft_rfft2 as rfft2
from refgrad.engine.ops import fft_rfftn as rfftn

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip
