"""``refgrad diff``: what the two sides are called."""

from argparse import Namespace
from types import SimpleNamespace

import pytest

from refgrad.commands.diff import called


@pytest.mark.parametrize(
    ("versions", "names"),
    [
        (("1.0", "2.0"), ("mylib 1.0", "mylib 2.0")),
        (("1.0", "1.0"), ("mylib 1.0, mylib", "mylib 1.0, mylib:jit=1")),
    ],
    ids=["two versions", "one version"],
)
def test_called(versions, names):
    """Two versions are told apart by their numbers, two ways of one version by what was asked for."""
    backends = [SimpleNamespace(name="mylib", version=version) for version in versions]
    assert called(Namespace(one="mylib", other="mylib:jit=1"), *backends) == names
