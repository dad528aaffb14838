"""The catalogue's records."""

import pytest

from refgrad.harness.behaviours import Behaviour, behaviour, behaviour_of


def a_test():
    """A second backward adds
    to the first.
    """


def test_statement_is_the_docstring():
    """A behaviour's statement is the docstring of the test that checks it, on one line."""
    marked = behaviour("ACC-01", source="the tutorial", level="should", torch=">=2.1", profile="namespace")(a_test)
    assert marked is a_test
    assert behaviour_of(marked) == Behaviour(
        "ACC-01", "A second backward adds to the first.", "the tutorial", "should", ">=2.1", "namespace", False
    )


def test_defaults():
    """By default a behaviour is a must, asked of tapes, for torch 2.0 and later."""
    found = behaviour_of(behaviour("ACC-01", source="x")(lambda_with_docstring()))
    assert (found.level, found.profile, found.torch, found.smoke) == ("must", "tape", ">=2.0", False)


@pytest.mark.parametrize(
    ("id", "options", "message"),
    [
        ("acc1", {}, "not of the form"),
        ("ACC-01", {"level": "shall"}, "level 'shall'"),
        ("ACC-01", {"profile": "eager"}, "profile 'eager'"),
        ("ACC-01", {"source": ""}, "no source"),
    ],
)
def test_malformed(id, options, message):
    """A malformed record is refused where it is written."""
    with pytest.raises(ValueError, match=message):
        behaviour(id, **{"source": "x", **options})(lambda_with_docstring())


@pytest.mark.parametrize(("release", "holds"), [("2.4", False), ("2.5", True), ("2.5.1+cpu", True), ("2.9", False)])
def test_holds_for(release, holds):
    """A behaviour says for which releases of torch it holds."""
    found = behaviour_of(behaviour("ACC-01", source="x", torch=">=2.5,<2.9")(lambda_with_docstring()))
    assert found.holds_for(release) is holds


def test_without_docstring():
    """A test without a docstring states no behaviour."""
    with pytest.raises(ValueError, match="no docstring"):
        behaviour("ACC-01", source="x")(lambda: None)


def test_behaviour_of_a_stranger():
    """A function that was never marked has no behaviour."""
    assert behaviour_of(len) is None


def lambda_with_docstring():
    def test():
        """It holds."""

    return test
