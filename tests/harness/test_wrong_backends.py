"""The suite, run on backends that are wrong on purpose: each is caught by the test that should catch it."""

import subprocess
import sys
from pathlib import Path

import pytest

from refgrad.harness import results

HERE = Path(__file__).parent

CAUGHT_BY = {
    "Overwrites": "test_accumulation.py::test_two_calls",
    "IgnoresRetainGraph": "test_retain_graph.py::test_retain_graph",
    "IgnoresNoGrad": "test_grad_mode.py::test_block",
    "ForgetsToSum": "test_derivative.py::test_broadcast",
    "WrongDtype": "test_dtype.py::test_arrays_keep_their_dtype",
}


def outcomes(backend, tests, path):
    """The exit code, and the outcome of each case, of a run of the smoke checks and ``tests``."""
    command = [
        sys.executable,
        "-m",
        "refgrad",
        "check",
        str(HERE / backend),
        "test_smoke.py",
        *tests,
        "--results",
        str(path),
    ]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=120)
    assert path.is_file(), done.stdout + done.stderr
    return done.returncode, {case.id: case.outcome for case in results.read(path).cases}


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What the right backend does in all of those tests."""
    return outcomes("tiny_tape.py:TinyTape", CAUGHT_BY.values(), tmp_path_factory.mktemp("right") / "results.jsonl")


def test_right_backend(right):
    """The tape that the wrong ones are made from passes each of those tests."""
    code, found = right
    assert set(found.values()) <= {"pass", "unsupported"}
    for test in CAUGHT_BY.values():
        assert "pass" in {outcome for id, outcome in found.items() if id.split("[")[0] == test}
    assert code == 0


@pytest.mark.parametrize(("backend", "test"), CAUGHT_BY.items())
def test_wrong_backend(backend, test, right, tmp_path):
    """A backend with one wrong step passes the smoke checks, and fails just where it is asked about that step."""
    code, found = outcomes(f"wrong_backends.py:{backend}", [test], tmp_path / "results.jsonl")
    failed = {id.split("[")[0] for id, outcome in found.items() if outcome == "fail"}
    assert failed == {test}
    assert found.keys() <= right[1].keys()
    assert code == 1
