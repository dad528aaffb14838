"""refgrad's own errors."""

import pytest

from refgrad import errors


def test_one_root():
    """Every error of refgrad's is a RefgradError, so that one except clause catches them all."""
    assert all(issubclass(getattr(errors, name), errors.RefgradError) for name in errors.__all__)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("UnknownBackend", LookupError),
        ("BackendUnavailable", ImportError),
        ("InvalidBackend", TypeError),
        ("Unsupported", NotImplementedError),
        ("InvalidExpectations", ValueError),
    ],
)
def test_builtin_kin(name, builtin):
    """An error is also the built-in error of its kind."""
    assert issubclass(getattr(errors, name), builtin)


def test_the_docstring_draws_every_error():
    """The tree in the module's docstring names every error."""
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


def test_unavailable_says_how_to_mend_it():
    """BackendUnavailable carries the line that installs what is missing, and says it."""
    error = errors.BackendUnavailable("no module 'x'", install="pip install x")
    assert error.install == "pip install x"
    assert str(error) == "no module 'x'; mend it with: pip install x"


def test_unsupported_carries_its_feature():
    """Unsupported carries the feature's name apart from the reason."""
    error = errors.Unsupported("round", "no such op")
    assert (error.feature, str(error)) == ("round", "round: no such op")
