"""The device in NumPy: its memory, its views, its refusals, and two themes of the suite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", minversion="2.10")

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
THEMES = ["test_smoke.py", "test_views.py", "test_inplace.py"]

# at once to the end: now and then the engine's thread for a device in Python is not done when the interpreter ends, which aborts
FACTS = """
import os
import numpy as np, torch
import refgrad_privateuse1_example.memory as memory
import refgrad_privateuse1_example

array = np.arange(6.0).reshape(2, 3)
x = memory.tensor(array)
assert x.device.type == "npy" and x.data_ptr() == array.ctypes.data

x.t()[1] = 9.0  # a view of a view, written to
assert array.tolist() == [[0, 9, 2], [3, 9, 5]]

z = torch.tensor([1 + 1j, 2 - 1j], device="npy")
assert z.conj().is_conj() and z.conj().cpu().tolist() == [1 - 1j, 2 + 1j]
assert torch.vdot(z, z).item() == 7

out = torch.empty(0, device="npy")
torch.add(torch.ones(2, device="npy"), 1, out=out)
assert out.cpu().tolist() == [2, 2]

w = torch.tensor([1.0, 2.0], device="npy", requires_grad=True)
(w.exp() @ torch.tensor([1, 2], device="npy").float()).backward()
assert np.allclose(w.grad.cpu(), [np.e, 2 * np.e**2])

try:
    torch.linalg.svd(x)
except NotImplementedError as error:
    assert "the device 'npy' has no kernel for aten::_linalg_svd" in str(error), error
else:
    raise AssertionError("svd ran")
os._exit(0)
"""


def call(*command):
    """What a process prints; PyTorch's spare device, once named, stays so for the process."""
    paths = [str(ROOT), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_facts():
    """Memory is shared with NumPy, views write through, lazy conjugates are resolved, what is lacking is named."""
    call("-c", FACTS)


def test_suite():
    """The smoke checks, and what the suite asks of views and of in-place ops."""
    spec = "refgrad_privateuse1_example:Npy"
    printed = call("-m", "pytest", "-q", *(f"conformance/{theme}" for theme in THEMES), f"--backend={spec}")
    assert "privateuse1-example" in printed
    assert ": green: " in printed
