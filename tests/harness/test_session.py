"""What a run knows before its first test."""

from pathlib import Path

import pytest

from refgrad.errors import InvalidExpectations, UnknownRelease
from refgrad.harness.expectations import Expectation, Expectations
from refgrad.harness.session import declared, header, idle, release, reproduce

ENTRY = '[[expect]]\ntest = "test_x.py::a"\noutcome = "fail"\nreason = "known"\n'


class Backend:
    name, version, homepage = "mylib", "1.0", "https://example.org"


def test_header():
    """The header says who is tested, on what, and how a case is run again."""
    found = header(Backend(), "mylib:device=cpu", torch="2.13", selection=("-k", "x"), reproduce=("pytest", "{id}"))
    assert (found.backend, found.version, found.spec, found.torch) == ("mylib", "1.0", "mylib:device=cpu", "2.13")
    assert found.selection == ("-k", "x")
    assert found.started.endswith("+00:00")


def test_reproduce_in_a_checkout(tmp_path):
    """In a checkout a case is run again by pytest, from the folder where the run was started."""
    assert reproduce(tmp_path / "conformance", tmp_path, "torch") == ("pytest", "conformance/{id}", "--backend=torch")
    assert reproduce(tmp_path / "conformance", tmp_path / "conformance", "torch")[1] == "./{id}"


def test_reproduce_for_a_release(tmp_path):
    """A run that asked for a release of torch is repeated for that release."""
    assert reproduce(tmp_path / "conformance", tmp_path, "mylib", "2.5")[-1] == "--spec=2.5"


class Torch(Backend):
    name, version = "torch", "2.9.1+cpu"


@pytest.mark.parametrize(
    ("backend", "asked", "found"),
    [(Backend(), None, "2.13"), (Torch(), None, "2.9.1+cpu"), (Torch(), "2.5", "2.5"), (Backend(), "2.13.0", "2.13.0")],
    ids=["newest", "own", "asked_of_torch", "asked"],
)
def test_release(backend, asked, found):
    """Behaviour is asked for as of the newest release that is known, torch's own for torch, or the one that is named."""
    assert release(backend, asked) == found


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("1.13", "torch 2.0 to 2.13"),
        ("2.14", "torch 2.0 to 2.13"),
        ("3", "torch 2.0 to 2.13"),
        ("new", "is no release of torch"),
    ],
)
def test_unknown_release(asked, text):
    """A release that the catalogue does not know is refused, and so is what is no release."""
    with pytest.raises(UnknownRelease, match=text):
        release(Backend(), asked)


def test_reproduce_from_a_wheel(tmp_path):
    """Where the suite is a part of the package, a case is run again by `refgrad check`."""
    (tmp_path / "__init__.py").touch()
    assert reproduce(tmp_path / "conformance", Path.cwd(), "torch") == ("refgrad", "check", "torch", "{id}")


def test_shipped_expectations(tmp_path, monkeypatch):
    """The file beside the adapter is found, for a class in a module and for anything in a file."""
    (tmp_path / "expectations.toml").write_text(ENTRY)
    (tmp_path / "refgrad_stranger.py").write_text(f"class Stranger:\n    version = {'1.0'!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    import refgrad_stranger

    assert len(declared(refgrad_stranger.Stranger(), "stranger", None).entries) == 1
    assert len(declared(Backend(), f"{tmp_path}/adapter.py:make:k=v", None).entries) == 1
    assert declared(Backend(), "mylib", None) == Expectations()


def test_given_expectations(tmp_path):
    """A given file goes before the shipped one, and must be there."""
    (tmp_path / "mine.toml").write_text(ENTRY)
    assert len(declared(Backend(), "mylib", tmp_path / "mine.toml").entries) == 1
    with pytest.raises(InvalidExpectations, match="no such file"):
        declared(Backend(), "mylib", tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["."], ["test_x.py::gone", "test_z.py::gone"]),
        (["test_x.py"], ["test_x.py::gone"]),
        (["test_x.py::a"], []),
    ],
)
def test_idle(tmp_path, monkeypatch, args, found):
    """An entry matches nothing as far as a run could see: all of the suite, one file of it, or a single test."""
    monkeypatch.chdir(tmp_path)
    entries = (Expectation("test_x.py::gone", "fail", "known"), Expectation("test_z.py::gone", "fail", "known"))
    assert [each.test for each in idle(Expectations(entries), ["test_x.py::a"], args, tmp_path.resolve())] == found
