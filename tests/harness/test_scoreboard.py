"""Backends side by side, read from their records."""

import pytest

from refgrad.harness import scoreboard
from refgrad.harness.results import Case, Header, Recorder, close
from refgrad.harness.scoreboard import Choice, Score

MINE = (("", "nan", "0.5"),)
WEIGHED = (("relu at 0", "1", "0"), ("relu at nan", "1", "nan"))


def record(path, *cases, **footer):
    recorder = Recorder(Header(path.stem, "1.0", path.stem), path)
    for case in cases:
        recorder.add(case)
    recorder.finish(footer.pop("planned", len(cases)), **footer)
    return scoreboard.read(path)


def kink(outcome, choices=(), message=""):
    return Case("test_kink.py::test_point[abs_at_0]", outcome, theme="kink", message=message, choices=choices)


def norm_kink(outcome, choices):
    return Case("test_kink_linalg.py::test_matrix_norm", outcome, theme="kink_linalg", choices=choices)


def op_kink(outcome, choices=()):
    return Case("test_ops.py::test_kink[relu]", outcome, theme="ops", choices=choices)


@pytest.fixture
def rows(tmp_path):
    """Four backends: as PyTorch, otherwise and declared, otherwise and not, without such an op."""
    return [
        record(tmp_path / "same.jsonl", kink("pass"), op_kink("pass")),
        record(tmp_path / "other.jsonl", kink("xfail", MINE), op_kink("pass (convention)", WEIGHED)),
        record(tmp_path / "wrong.jsonl", kink("fail", MINE), op_kink("fail")),
        record(tmp_path / "small.jsonl", kink("unsupported"), op_kink("n/a")),
    ]


def test_themes(rows):
    """A theme's score counts what passes, what differs, declared or not, and what is lacking; n/a does not apply."""
    assert scoreboard.themes(rows) == {
        "kink": [Score(1, 0, 0), Score(0, 1, 0), Score(0, 1, 0), Score(0, 0, 1)],
        "ops": [Score(1, 0, 0), Score(1, 0, 0), Score(0, 1, 0), Score(0, 0, 0)],
    }
    assert [each.applicable for each in scoreboard.themes(rows)["ops"]] == [1, 1, 1, 0]


def test_choices(rows):
    """A point at which one chooses otherwise is told with what each of the others does there."""
    assert scoreboard.choices(rows) == [
        Choice("point: abs at 0", "0.5", ("0.5", "nan", "nan", None)),
        Choice("relu at 0", "0", ("0", "1", None, None)),
        Choice("relu at nan", "nan", ("nan", "1", None, None)),
    ]


def test_errors(tmp_path):
    """Where a backend raises an error at a point the table says so; nothing where it gave no gradient."""
    rows = [
        record(tmp_path / "raises.jsonl", kink("xfail", message="ZeroDivisionError: 0.0 cannot be raised")),
        record(tmp_path / "none.jsonl", kink("fail", message="mylib, test_kink.py::test_point: got None")),
        record(tmp_path / "other.jsonl", kink("xfail", MINE)),
    ]
    (choice,) = scoreboard.choices(rows)
    assert choice.chosen == ("raises", None, "nan")


def test_other_cases(tmp_path):
    """Only tests of kinks make rows, whatever else differs."""
    leaf = Case("test_leaf.py::test_a", "fail", theme="leaf", choices=MINE)
    assert scoreboard.choices([record(tmp_path / "wrong.jsonl", leaf)]) == []


def test_choices_of_each_chapter(tmp_path):
    """Each of the suite's files of kinks is looked through."""
    assert scoreboard.choices([record(tmp_path / "other.jsonl", norm_kink("xfail", MINE))]) == [
        Choice("matrix norm", "0.5", ("nan",))
    ]


def test_green(rows):
    """A row is green as its run is."""
    assert [row.green for row in rows] == [True, True, False, False]


def test_runs_that_prove_nothing(tmp_path):
    """A record that is no whole run is a row with the reason."""
    short = record(tmp_path / "short.jsonl", kink("pass"), planned=2)
    assert (short.name, short.run) == ("short 1.0", None)
    assert "the list shrank" in short.reason
    (tmp_path / "empty.jsonl").touch()
    assert scoreboard.read(tmp_path / "empty.jsonl").reason == "no header; this is not a results.jsonl"
    void = record(tmp_path / "void.jsonl", kink("pass"), invalid="misadapted: wrong")
    assert (void.run, void.reason) == (None, "misadapted: wrong")


def test_closed(tmp_path):
    """A record that was cut short, or never begun, is closed with the reason; what it knew of the backend it keeps."""
    recorder = Recorder(Header("cut", "2.0", "./cut.py:Cut"), tmp_path / "cut.jsonl")
    recorder.add(kink("pass"))
    recorder.close()
    for name in ("cut", "never"):
        close(tmp_path / f"{name}.jsonl", f"./{name}.py:X", "killed by SIGSEGV")
    cut, never = (scoreboard.read(tmp_path / f"{name}.jsonl") for name in ("cut", "never"))
    assert (cut.name, cut.reason, cut.run) == ("cut 2.0", "killed by SIGSEGV", None)
    assert (never.name, never.reason, never.run) == ("./never.py:X", "killed by SIGSEGV", None)
    assert never.header.started
