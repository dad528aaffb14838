"""Instruction counts."""

import pytest

from benchmarks import instructions


def test_enough_runs(monkeypatch):
    """Runs are doubled until they take long enough to divide start-up's own noise away."""
    monkeypatch.setattr(instructions, "seconds", lambda run, count: count * 0.01)
    ran = []
    assert instructions.runs_for(lambda: ran.append(1)) == 8
    assert ran == [1]


def test_no_valgrind(monkeypatch, tmp_path):
    """Without valgrind the message says how to get it."""
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    with pytest.raises(instructions.NoValgrind, match="apt install valgrind"):
        instructions.instructions("refgrad", "xor", 1, tmp_path)
