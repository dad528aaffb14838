"""What holds for all of the project's tests: property tests draw the same examples in every run."""

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")
