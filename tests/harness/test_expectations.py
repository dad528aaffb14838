"""Declared gaps are strict."""

import pytest

from refgrad.errors import InvalidExpectations
from refgrad.harness.expectations import Expectation, Expectations, in_range, load_expectations


def load(tmp_path, text, version="2.0"):
    path = tmp_path / "expectations.toml"
    path.write_text(text)
    return load_expectations(path, version)


WHOLE = """
[[expect]]
test = "test_x.py::test_y"
outcome = "fail"
reason = "known"
url = "https://example.org/1"
when = ">=2"
"""


def test_whole_entry(tmp_path):
    """An entry has a test, an outcome and a reason, and may have a url and a range of versions."""
    found = load(tmp_path, WHOLE).entries
    assert found == (Expectation("test_x.py::test_y", "fail", "known", "https://example.org/1", ">=2"),)


def test_other_versions(tmp_path):
    """An entry for other versions of the library is as if it were not there."""
    assert load(tmp_path, WHOLE, version="1.9").entries == ()


def test_empty_file(tmp_path):
    """A file may declare nothing."""
    assert load(tmp_path, "").entries == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reason = "known"', "", "no reason"),
        ('reason = "known"', 'reason = " "', "no reason"),
        ('test = "test_x.py::test_y"', "", "no test"),
        ('outcome = "fail"', 'outcome = "pass"', "outcome 'pass' is not one of"),
        ("url", "link", "unknown field link"),
        ('when = ">=2"', 'when = "new"', "cannot tell whether '2.0' is in 'new'"),
        ('when = ">=2"', "when = 2", "fields are strings"),
        ("[[expect]]", "[[expects]]", "only .* tables and include are understood"),
        ("[[expect]]", "[[expect]", "cannot be read"),
        (WHOLE, WHOLE + WHOLE, "declared twice"),
        (WHOLE, 'include = "other.toml"', "include is a list of files"),
        (WHOLE, 'include = ["other.toml"]', "other.toml: cannot be read"),
        (WHOLE, 'include = ["expectations.toml"]', "includes itself"),
    ],
)
def test_malformed(tmp_path, old, new, message):
    """A malformed file is refused, naming what is wrong with it."""
    with pytest.raises(InvalidExpectations, match=message):
        load(tmp_path, WHOLE.replace(old, new))


def test_included(tmp_path):
    """What another file declares is declared, too, and once."""
    (tmp_path / "other.toml").write_text(WHOLE.replace("test_y", "test_z"))
    tests = [each.test for each in load(tmp_path, 'include = ["other.toml"]' + WHOLE).entries]
    assert tests == ["test_x.py::test_z", "test_x.py::test_y"]
    (tmp_path / "other.toml").write_text(WHOLE)
    with pytest.raises(InvalidExpectations, match="declared twice"):
        load(tmp_path, 'include = ["other.toml"]' + WHOLE)


def test_missing_file(tmp_path):
    """A file that is not there is not an empty one."""
    with pytest.raises(InvalidExpectations, match="cannot be read"):
        load_expectations(tmp_path / "no.toml", "1")


@pytest.mark.parametrize(
    ("test", "covered"),
    [
        ("test_x.py::test_y[a-1]", {"test_x.py::test_y[a-1]"}),
        ("test_x.py::test_y", {"test_x.py::test_y", "test_x.py::test_y[a-1]"}),
        ("test_x.py::test_y[*-1]", {"test_x.py::test_y[a-1]"}),
        ("test_x.py::{test_y,test_yy}", {"test_x.py::test_y", "test_x.py::test_y[a-1]", "test_x.py::test_yy"}),
        ("test_x.py::test_y[{a,b}-{1,2}]", {"test_x.py::test_y[a-1]"}),
        ("test_{x,z}.py::*y", {"test_x.py::test_y", "test_x.py::test_yy", "test_z.py::test_y"}),
        ("test_x.py::*", {"test_x.py::test_y", "test_x.py::test_y[a-1]", "test_x.py::test_yy"}),
        ("test_*", {"test_x.py::test_y", "test_x.py::test_y[a-1]", "test_x.py::test_yy", "test_z.py::test_y"}),
    ],
)
def test_covers(test, covered):
    """A test's name covers its parametrizations; only * is a wildcard, for brackets are part of ids."""
    ids = ["test_x.py::test_y", "test_x.py::test_y[a-1]", "test_x.py::test_yy", "test_z.py::test_y"]
    entry = Expectation(test, "fail", "known")
    assert {id for id in ids if entry.covers(id)} == covered


def test_exact_before_glob():
    """Where both an exact entry and a glob cover a test, the exact one speaks."""
    glob, exact = Expectation("test_x.py::*", "fail", "all"), Expectation("test_x.py::test_y", "unsupported", "one")
    declared = Expectations((glob, exact))
    assert declared.for_case("test_x.py::test_y") is exact
    assert declared.for_case("test_x.py::test_z") is glob
    assert declared.for_case("test_z.py::test_z") is None


def test_matching_nothing():
    """An entry that no test answers to is found, unless its file was not looked at."""
    stale = Expectation("test_x.py::test_gone", "fail", "known")
    declared = Expectations((stale, Expectation("test_x.py::test_y", "fail", "known")))
    assert declared.matching_nothing(["test_x.py::test_y"]) == [stale]
    assert declared.matching_nothing(["test_x.py::test_y"], {"test_x.py"}) == [stale]
    assert declared.matching_nothing([], {"test_z.py"}) == []


def test_the_suite_passes_over_findings_on_programs():
    """An entry that declares a finding of random programs is none of the suite's tests."""
    declared = Expectations((Expectation("program::mul: grad (trace, backend)", "fail", "known"),))
    assert declared.matching_nothing(["test_x.py::test_y"]) == []
    assert declared.for_case("program::mul: grad (trace, backend)") is not None


def test_not_borne_out():
    """An entry whose tests all came out otherwise is found; a glob needs one that came out as declared."""
    entry = Expectation("test_x.py::*", "fail", "known")
    declared = Expectations((entry,))
    assert declared.not_borne_out({"test_x.py::a": "n/a", "test_x.py::b": "xfail"}) == []
    assert declared.not_borne_out({"test_x.py::a": "n/a", "test_x.py::b": "unsupported"}) == [entry]
    assert declared.not_borne_out({"test_z.py::a": "pass"}) == []


@pytest.mark.parametrize(
    ("version", "when", "inside"),
    [
        ("2.13.0+cpu", ">=2.5,<3", True),
        ("2.4", ">=2.5", False),
        ("3.0a1", ">=2.5", True),
        ("0.9.0-alpha.1", "<0.9", False),
    ],
)
def test_in_range(version, when, inside):
    """Version ranges are those of Python's packages; local builds and pre-releases count."""
    assert in_range(version, when) is inside
