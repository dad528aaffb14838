"""Calls out of the catalogue: each runs, and gives one tensor to go on with."""

from random import Random

import pytest

from refgrad.harness import registry
from refgrad.harness.program import dumps, interpret, loads, sampled
from refgrad.harness.program.ir import Program
from refgrad.harness.program.scope import Scope


@pytest.mark.parametrize("name", sampled.names())
def test_runs(name):
    """A sample is a sound program, in either precision, that the reference runs without an error."""
    for seed, dtype in enumerate(("float64", "float32")):
        scope = Scope(Random(seed), dtype)
        total = sampled.call(scope, name)
        program = loads(dumps(Program(tuple(scope.statements))))
        trace = interpret(program, registry.load("refgrad"))
        assert [(step.raised, step.lacking) for step in trace if step.raised or step.lacking] == []
        assert trace[-1].seen[total.name].value.shape == ()


def test_many():
    """The catalogue is no small part of what is drawn."""
    assert len(sampled.names()) > 100
