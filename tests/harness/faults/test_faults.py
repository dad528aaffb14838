"""Planted faults: each is found within a minute, shrunk to a few statements, and blamed on the backend."""

from __future__ import annotations

import time
from itertools import count

import pytest

from refgrad.harness import registry
from refgrad.harness.oracle import judge, minimal
from refgrad.harness.oracle.finding import HARMLESS
from refgrad.harness.program import generate
from tests.harness.faults.faulty import FAULTS, SOURCE, faulty

QUICK = ("version", "detach", "stale")
SECONDS = 60.0


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the copies lie."""
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize("name", FAULTS)
def test_can_be_planted(name):
    """The text that a fault changes is in the engine, once."""
    fault = FAULTS[name]
    assert (SOURCE / fault.file).read_text(encoding="utf-8").count(fault.right) == 1


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAULTS]
)
def test_found(name, folder):
    """A fault is found, and what is left of the program that shows it is short and blames the right one."""
    backend, reference = faulty(name, folder), registry.load("refgrad")
    started = time.process_time()
    for seed in count():
        found = judge(generate(seed), backend, reference)
        if found is not None and found.blame not in HARMLESS:
            break
        assert time.process_time() - started < SECONDS, f"not found in {seed} programs"
    small = minimal(found, backend, reference)
    assert small.blame == "backend"
    assert len(small.program) <= 6, str(small)
    assert judge(small.program, reference, reference) is None
