"""A suite of a few lines under the real conftest and pytest.ini, run in a process of its own."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from refgrad.commands.suite import suite as real_suite
from refgrad.harness import results

BACKEND = """
class Stub:
    name, version, homepage = "stub", "1.5", "https://example.org"
    def asarray(self, array): return array
    def to_numpy(self, value): return value
    def ops(self): return {}
    def vjp(self, fn, primals, cotangent): return fn(*primals), primals
class Tape(Stub):
    def leaf(self, array, requires_grad=True): return array
    def backward(self, tensor, gradient=None): pass
    def grad_of(self, tensor): return None
class Incomplete:
    name, version, homepage = "incomplete", "1", ""
class Module(Stub):
    recording = True
    def __init__(self, *, wrong=False):
        import types
        self.namespace = types.ModuleType("lookalike")
        self.namespace.Tensor, self.namespace.tensor = list, list
        self.namespace.is_grad_enabled = lambda: self.recording
        self.namespace.set_grad_enabled = lambda mode: setattr(self, "recording", mode)
class Broken:
    def __init__(self): raise OSError("no such device")
"""

HEAD = """
import warnings
import pytest
from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness.behaviours import behaviour
def core(number, **options): return behaviour(f"TST-{number:02}", source="x", **{"profile": "core", **options})
"""


@dataclass
class MiniSuite:
    folder: Path

    def write(self, name, text):
        (self.folder / "suite" / name).write_text(HEAD + text)

    def run(self, *args, backend="Stub"):
        """Exit code, output, and the record's path."""
        record = self.folder / "results.jsonl"
        record.unlink(missing_ok=True)
        spec = backend if ":" in backend or not backend[:1].isupper() else f"./stub.py:{backend}"
        options = [f"--backend={spec}", f"--results={record}", *args]
        command = [sys.executable, "-m", "pytest", "suite", *options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr, record

    def outcomes(self, *args, backend="Stub"):
        code, output, record = self.run(*args, backend=backend)
        assert record.is_file(), output
        return code, {case.id: case.outcome for case in results.read(record).cases}

    def expect(self, text):
        (self.folder / "expectations.toml").write_text(text)


@pytest.fixture
def suite(tmp_path):
    """An empty suite with a backend beside it."""
    (tmp_path / "suite").mkdir()
    for name in ("conftest.py", "pytest.ini"):
        shutil.copy(real_suite() / name, tmp_path / "suite" / name)
    (tmp_path / "stub.py").write_text(BACKEND)
    return MiniSuite(tmp_path)
