"""The command that fuzzes: what it plans."""

from types import SimpleNamespace

import pytest

from refgrad.commands.fuzz import planned


@pytest.mark.parametrize(("said", "dtypes"), [({}, ("float64", "float32")), ({"widest": "float32"}, ("float32",))])
def test_the_dtypes_of_a_plan(said, dtypes):
    """A backend that computes in nothing wider than float32 is given programs in float32 alone."""
    backend = SimpleNamespace(name="mine", version="1", **said)
    assert planned(SimpleNamespace(backend="mine", seed=3), backend).dtypes == dtypes
