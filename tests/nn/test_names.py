"""What refgrad.nn and refgrad.optim show, and what importing them costs."""

import importlib
import subprocess
import sys

import pytest

import refgrad


@pytest.mark.parametrize(
    "name",
    ["nn", "nn.init", "nn.modules", "nn.parameter", "nn.utils", "optim", "optim.lr_scheduler"],
)
def test_names(name):
    """Every name that is shown is there, and is PyTorch's, at PyTorch's path."""
    torch = pytest.importorskip("torch")
    assert torch
    mine, theirs = importlib.import_module(f"refgrad.{name}"), importlib.import_module(f"torch.{name}")
    assert sorted(mine.__all__) == sorted(set(mine.__all__))
    assert [n for n in mine.__all__ if not hasattr(mine, n)] == []
    assert [n for n in mine.__all__ if not hasattr(theirs, n)] == []


def test_attributes():
    """The packages are there as attributes, so that `import refgrad as torch` is enough."""
    assert refgrad.nn.functional.relu is importlib.import_module("refgrad.nn.functional").relu
    assert refgrad.optim.lr_scheduler.StepLR is importlib.import_module("refgrad.optim.lr_scheduler").StepLR


def test_not_loaded_before_use():
    """`import refgrad` loads neither networks nor optimizers; using a tensor does not either."""
    code = "import sys, refgrad; refgrad.ones(2).sum(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "refgrad.engine.tensor" in loaded
    assert not [m for m in loaded if m.startswith(("refgrad.nn", "refgrad.optim"))]
