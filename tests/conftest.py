"""What holds for all of the project's tests: they depend neither on chance nor on what ran before."""

import pytest
from hypothesis import settings

from refgrad.engine import modes

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    """A warning that comes once a process comes in each test that causes it, whichever ran before."""
    monkeypatch.setattr(modes, "_given", set())
