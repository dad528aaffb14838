"""The suite on the real backends: what their users see."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

BACKENDS = {"refgrad": 1000, "torch": 1000, "mygrad": 150, "autograd": 150}


@pytest.mark.parametrize("backend", BACKENDS)
def test_green(backend, tmp_path):
    """The suite is green on the backend: what fails is declared, with a reason, and enough was executed to mean something."""
    if not entry_points(group="refgrad.backends", name=backend):
        pytest.skip(f"{backend} is not installed: pip install ./plugins/refgrad-{backend}")
    results = tmp_path / "results.jsonl"
    command = [sys.executable, "-m", "refgrad", "check", backend, "--results", str(results)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    counts = json.loads(results.read_text().splitlines()[-1])["counts"]
    assert counts["pass"] >= BACKENDS[backend]
    assert not counts.get("fail")
    if backend in ("refgrad", "torch"):
        assert not counts.get("pass (convention)"), "PyTorch's conventions are the reference's"
