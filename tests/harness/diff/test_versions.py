"""Two versions on the same random programs."""

import sys
from contextlib import closing

import pytest

from refgrad.harness import registry
from refgrad.harness.diff.versions import changes
from refgrad.harness.oracle.finding import actions
from refgrad.harness.program import generate, interpret
from refgrad.harness.program.trace import first_difference

CANDIDATES = "tests/harness/campaign/candidates.py"
COSINES = [seed for seed in range(400) if "cos" in actions(generate(seed))][:3]


@pytest.fixture
def candidate(request):
    return lambda name: f"{request.config.rootpath / CANDIDATES}:{name}"


def served(spec):
    return closing(registry.load(f"exec:{sys.executable} -m refgrad.harness.wire serve {spec}"))


def test_no_change(candidate):
    """A version and itself do not differ."""
    right = registry.load(candidate("Right"))
    assert changes(right, registry.load("refgrad"), range(10)) == []


def test_a_change_is_named_and_made_small(candidate):
    """What changed is one entry, on a program of a leaf and an op, with both answers and a count."""
    told = []
    found = changes(
        registry.load(candidate("Right")),
        registry.load(candidate("Wrong")),
        COSINES,
        lambda *counts: told.append(counts),
    )
    assert "cos: value at cos" in {change.signature for change in found}
    assert sum(change.count for change in found) == told[-1][0] == 3
    assert told[-1][1] == len(found)


def test_processes_of_two_environments(candidate):
    """Two processes are compared by whole programs, so that nothing of what they show is lost on the wire."""
    program = generate(3)
    with served(candidate("Right")) as one, served("refgrad") as other:
        assert changes(one, other, range(3)) == []
        there, here = interpret(program, other), interpret(program, registry.load("refgrad"))
        assert first_difference(there, here) is None
        assert first_difference(interpret(program, other, watch=False), interpret(program, one, watch=False)) is None
    assert any(seen is not None and seen.version is not None for step in there for seen in step.seen.values())


def test_a_crash_is_a_change(candidate):
    """Where one version answers and the other's process ends, that is what changed."""
    with served(candidate("Right")) as one, served(candidate("Leaves")) as other:
        (change,) = changes(one, other, COSINES[:1])
    assert (change.kind, change.one, change.other) == ("process", "an answer", "crash")
