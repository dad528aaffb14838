"""PyTorch's own documentation examples, run on both libraries: the same output, or a reason."""

import pytest

pytest.importorskip("torch")

from tests.docs.examples import CHAPTERS
from tests.docs.verdicts import verdicts

SAME = {  # at least so many examples of a chapter run the same; of some the last digit is the machine's
    "torch.autograd.function": 6,
    "torch.autograd.functional": 6,
    "torch.autograd.forward_ad": 3,
    "torch.autograd.graph": 8,
    "torch.autograd.anomaly_mode": 1,
    "torch.autograd.grad_mode": 4,
    "torch.autograd": 1,
    "torch": 285,
    "torch.Tensor": 32,
    "torch.func": 8,
    "torch.nn": 135,
    "torch.nn.functional": 11,
    "torch.nn.init": 13,
    "torch.nn.utils": 4,
    "torch.optim.lr_scheduler": 14,
    "torch.optim": 1,
    "torch.utils.checkpoint": 2,
    "torch.linalg": 33,
    "torch.special": 27,
    "torch.fft": 18,
}
UNSET = "shows memory that nobody has set"
ROUNDING = "what it shows is a rounding error"
MAY_AGREE = {UNSET, ROUNDING}  # the machine and its matrix library decide
DIFFERENT = {
    "torch.cholesky_inverse": ROUNDING,
    "torch.empty_strided": UNSET,
    "torch.Tensor.new_empty_strided": UNSET,
    "torch.vmap": "the repr of a function, which is Python's here and C's there",
    "torch.nn.CrossEntropyLoss": "the repr of a generator, which names the module it lives in",
    "torch.set_default_dtype": "NumPy has no complex numbers of 16-bit floats",
    "torch.set_flush_denormal": "NumPy cannot take subnormal numbers for 0",
    "torch.sort": "the order of equal elements, which PyTorch leaves open unless asked for a stable one",
    "torch.linalg.solve": ROUNDING,
    "torch.linalg.solve_ex": "an argument that the example forgets: Python says argument, PyTorch's parser arguments",
    "torch.fft.hfft2": ROUNDING,
    "torch.fft.hfftn": ROUNDING,
    "torch.fft.ihfft2": "a name that the example forgets to set, which is a function of Python's here and of C's there",
    "torch.fft.ihfftn": "as ihfft2",
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter(chapter, tmp_path):
    """The examples of a chapter show on refgrad what they show on PyTorch, but for those that are listed with a reason."""
    found = list(verdicts(chapter, tmp_path))
    unexplained = {
        v.example.name: v.reason for v in found if v.outcome == "differs" and v.example.name not in DIFFERENT
    }
    agreed = [v.example.name for v in found if v.outcome == "same"]
    assert not unexplained
    surprises = [name for name in agreed if DIFFERENT.get(name, UNSET) not in MAY_AGREE]
    assert not surprises, "listed as different, and the same"
    assert len(agreed) >= SAME.get(chapter, 0)
