"""A run's record: what is written is read back, and half a run is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refgrad.errors import InvalidRun
from refgrad.harness.outcomes import OUTCOMES
from refgrad.harness.results import Case, Header, Recorder, count, read

HEADER = Header("mylib", "1.0", "mylib", ("core", "tape"))
CASES = (Case("test_x.py::a", "pass"), Case("test_x.py::b", "fail", message="größer"), Case("test_x.py::c", "n/a"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "results.jsonl"


def record(path, cases=CASES, planned=None, **footer):
    recorder = Recorder(HEADER, path)
    for case in cases:
        recorder.add(case)
    return recorder.finish(len(cases) if planned is None else planned, **footer)


def test_round_trip(path):
    """The run that is read is the run that was written."""
    run = record(path, unmet=("test_x.py::d",), duration=1.5)
    assert read(path) == run
    assert (run.executed, run.applicable, run.counts) == (2, 2, {"pass": 1, "fail": 1, "n/a": 1})
    assert [case.id for case in run.red] == ["test_x.py::b"]


def test_lines(path):
    """The file holds a header, one line a case, and a footer with the planned and the executed counts."""
    record(path)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["header", "case", "case", "case", "footer"]
    assert set(lines[1]) >= {"id", "behaviour", "level", "theme", "outcome", "blame", "reason", "duration", "message"}
    assert (lines[-1]["planned"], lines[-1]["executed"], lines[-1]["counts"]) == (
        3,
        2,
        {"pass": 1, "fail": 1, "n/a": 1},
    )
    assert list(record(path).lines()) == json.loads(json.dumps(lines), object_hook=as_written)


def as_written(line):
    return {name: tuple(value) if isinstance(value, list) else value for name, value in line.items()}


def test_written_as_it_goes(path):
    """Each case is in the file as soon as it is known."""
    recorder = Recorder(HEADER, path)
    recorder.add(CASES[0])
    assert len(path.read_text("utf-8").splitlines()) == 2
    recorder.close()


def without(path, number):
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:number] + lines[number:][1:]), "utf-8")


@pytest.mark.parametrize(
    ("line", "message"), [(0, "no header"), (1, "the list shrank"), (2, "the list shrank"), (4, "no footer")]
)
def test_a_line_that_is_missing(path, line, message):
    """A record without its header, its footer or one of its cases is no run."""
    record(path)
    without(path, line)
    with pytest.raises(InvalidRun, match=message):
        read(path)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"kind": "header"}\n', '{"kind": "head'])
def test_not_a_record(path, text):
    """Any other file is refused with one of our errors."""
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InvalidRun):
        read(path)


def test_no_file(path):
    """A file that is not there is no run."""
    with pytest.raises(InvalidRun, match="cannot be read"):
        read(path)


def test_binary_file(path):
    """A file that is no text is no run."""
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRun, match="cannot be read"):
        read(path)


def test_two_runs_in_one_file(path):
    """Two runs in one file are not one."""
    record(path)
    path.write_text(path.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(InvalidRun, match="several runs"):
        read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "written in format 99"),
        ({"colour": "red"}, "does not understand"),
        ({"counts": {"pass": 3}}, "counts are not those"),
        ({"executed": 3}, "executed count"),
        ({"planned": 2}, "2 cases were planned and 3 are recorded"),
        ({"outcome": "maybe"}, "unknown outcomes: maybe"),
        ({"id": "test_x.py::c"}, "recorded twice"),
    ],
)
def test_changed_by_hand(path, change, message):
    """Fields that contradict one another make no run."""
    record(path)
    field = next(iter(change))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    target = next((line for line in lines if field in line), lines[0])
    target.update(change)
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with pytest.raises(InvalidRun, match=message):
        read(path)


def test_void_run(path):
    """A run that was void from the start says so when it is read."""
    record(path, invalid="misadapted: ...")
    with pytest.raises(InvalidRun, match="misadapted"):
        read(path)


@pytest.mark.parametrize(
    ("outcomes", "footer", "green"),
    [
        (["pass", "xfail", "unsupported", "n/a"], {}, True),
        (["pass", "fail"], {}, False),
        (["pass", "xpass"], {}, False),
        (["pass", "crash"], {}, False),
        (["unsupported", "n/a"], {}, False),
        ([], {}, False),
        (["pass"], {"unmet": ("test_x.py::gone",)}, False),
    ],
)
def test_green(path, outcomes, footer, green):
    """A run is green if something was executed, nothing failed, and every expectation was met."""
    run = record(None, [Case(f"test_x.py::{n}", outcome) for n, outcome in enumerate(outcomes)], **footer)
    assert run.green is green


@given(st.lists(st.sampled_from(OUTCOMES)))
def test_counts_add_up(outcomes):
    """Every case is counted once, and outcomes keep their usual order."""
    found = count(Case(str(n), outcome) for n, outcome in enumerate(outcomes))
    assert sum(found.values()) == len(outcomes)
    assert list(found) == [outcome for outcome in OUTCOMES if outcome in outcomes]


def test_themes():
    """Cases are counted by theme, smoke first and then by name."""
    cases = [Case(str(n), "pass", theme=theme) for n, theme in enumerate(["graph", "smoke", "creation", "graph"])]
    assert record(None, cases).themes() == {"smoke": {"pass": 1}, "creation": {"pass": 1}, "graph": {"pass": 2}}


def test_the_line_that_runs_it_again():
    """The command is quoted for a shell where the id needs it."""
    header = Header("b", "1", "b", reproduce=("pytest", "conformance/{id}", "--backend=./b.py:B"))
    assert header.line("test_x.py::a") == "pytest conformance/test_x.py::a --backend=./b.py:B"
    assert header.line("test_x.py::a[1 2]") == "pytest 'conformance/test_x.py::a[1 2]' --backend=./b.py:B"
