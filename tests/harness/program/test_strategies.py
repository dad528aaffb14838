"""Property tests over programs: the strategy, and the assertion."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import refgrad
from refgrad.harness import assert_conforms, programs, registry
from refgrad.harness.program import dumps, loads
from refgrad.harness.program.ir import Leaf

REFERENCE = registry.load("refgrad")
RELAXED = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(programs(dtypes=("float32",)))
def test_round_trip(program):
    """Every drawn program is read as it was written, and in the dtypes asked for."""
    assert repr(loads(dumps(program))) == repr(program)
    assert {each.dtype for each in program.walk() if isinstance(each, Leaf)} <= {"float32", "bool", "int64"}


@RELAXED
@given(programs())
def test_conforms(program):
    """The reference conforms to itself."""
    assert_conforms(REFERENCE, program)


def test_does_not_conform():
    """A wrong backend fails with the smallest program, as a script."""
    module = SimpleNamespace(**{name: getattr(refgrad, name) for name in dir(refgrad)})
    module.exp = refgrad.exp2
    wrong = SimpleNamespace(name="wrong", version="1", homepage="", namespace=module)

    @settings(RELAXED, max_examples=1000, phases=[Phase.generate])  # what fails is shrunk by the assertion itself
    @given(programs())
    def run(program):
        assert_conforms(wrong, program)

    with pytest.raises(AssertionError, match=r"exp: value \(trace, backend\)[^$]*= torch\.exp\("):
        run()
