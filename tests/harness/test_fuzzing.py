"""Fuzzing: distinct findings, each once, at its smallest."""

from types import SimpleNamespace

import pytest

import refgrad
from refgrad.harness import registry
from refgrad.harness.fuzzing import Session, witnesses

RIGHT = registry.load("refgrad")


def twin(**changed):
    """refgrad with some of its functions changed."""
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)} | changed)
    return SimpleNamespace(name="twin", version="1", homepage="", namespace=module)


def test_nothing_to_find():
    """A backend like the reference has no findings."""
    session = Session(RIGHT, RIGHT)
    assert list(session.run(range(60))) == []
    assert session.programs == len(session.covered) == 60


def test_each_once():
    """A wrong op is found, blamed on the backend, shrunk to itself, and reported once however often it is met."""
    session = Session(twin(exp=lambda input: refgrad.exp(input) * 2), RIGHT)
    found = list(session.run(range(150)))
    assert [each.signature for each in found] == ["exp: value (trace, backend)"]
    assert len(found[0].program) == 2
    assert session.counts.total() > 1
    assert session.failures == [session.smallest[found[0].signature]]


def test_witnesses():
    """torch is a witness where it is installed, and of itself never."""
    pytest.importorskip("torch")
    assert [each.name for each in witnesses(RIGHT)] == ["refgrad", "torch"]
    assert witnesses(registry.load("torch"))[1] is None
