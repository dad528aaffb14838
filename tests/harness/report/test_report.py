"""Views of a run."""

import json

import pytest

from refgrad.harness.report import badge, markdown, terminal
from refgrad.harness.results import Case, Header, Recorder

FAILURE = Case(
    "test_graph.py::test_edges[a b]",
    "fail",
    behaviour="GR-01",
    statement="Edges lead to the inputs.",
    theme="graph",
    message="mylib, test_graph.py::test_edges[a b]: got <1>, expected 2",
)
OTHERS = (
    Case("test_smoke.py::a", "pass", theme="smoke"),
    Case("test_graph.py::b", "xfail", theme="graph"),
    Case("test_graph.py::c", "unsupported", theme="graph"),
    Case("test_graph.py::d", "n/a", theme="graph"),
)


def run_of(*cases, planned=None, **footer):
    recorder = Recorder(Header("mylib", "1.0", "mylib", reproduce=("pytest", "conformance/{id}", "--backend=mylib")))
    for case in cases:
        recorder.add(case)
    return recorder.finish(len(cases) if planned is None else planned, **footer)


def test_terminal():
    """The table counts by theme; each failure comes with the line that runs it again; the last line sums up."""
    assert terminal.render(run_of(*OTHERS, FAILURE)) == (
        "theme  pass  fail  xfail  unsupported   n/a\n"
        "smoke     1     .      .            .     .\n"
        "graph     .     1      1            1     1\n"
        "total     1     1      1            1     1\n"
        "\n"
        "FAIL test_graph.py::test_edges[a b]  [GR-01, must]\n"
        "  Edges lead to the inputs.\n"
        "  got <1>, expected 2\n"
        "  again: pytest 'conformance/test_graph.py::test_edges[a b]' --backend=mylib\n"
        "\n"
        "mylib 1.0: red: 1 of 4 applicable cases pass; 1 fail, 1 xfail, 1 unsupported, 1 n/a"
    )


@pytest.mark.parametrize(
    ("cases", "options", "verdict"),
    [
        (OTHERS[:1], {}, "green: 1 of 1 applicable cases pass"),
        (OTHERS[2:], {}, "nothing was executed"),
        ((), {}, "nothing was executed"),
        (OTHERS[:1], {"planned": 2}, "stopped early: 1 of 2 cases ran"),
        (OTHERS[:1], {"invalid": "misadapted: wrong"}, "misadapted: wrong"),
        (OTHERS[:1], {"unmet": ("test_x.py::gone",)}, "UNMET EXPECTATION test_x.py::gone"),
    ],
)
def test_verdict(cases, options, verdict):
    """What a run is worth is said in words."""
    assert verdict in terminal.render(run_of(*cases, **options))


def test_long_message():
    """A long message is cut in the table."""
    shown = terminal.render(run_of(Case("a", "fail", message="\n".join("x" * 20))))
    assert shown.count("x\n") == terminal.SHOWN_LINES
    assert "  ...\n" in shown


def test_many_cases_of_one_test():
    """A test that fails in many cases has one entry: the first case in full, the names of some others, one command."""
    shown = terminal.render(run_of(*(Case(f"test_x.py::a[{n}]", "fail", message="off") for n in range(9))))
    assert shown.count("FAIL ") == shown.count("again: ") == 1
    assert "and 8 more of its cases: [1] [2] [3] [4] [5] [6] ...\n" in shown
    assert "all of them: pytest conformance/test_x.py::a --backend=mylib\n" in shown


def test_markdown():
    """The markdown holds the verdict, the counts, and each failure folded away, with nothing that HTML swallows."""
    text = markdown.render(run_of(*OTHERS, FAILURE, unmet=("test_x.py::gone",)))
    assert text.startswith("### refgrad: mylib 1.0\n\nred: 1 of 4 applicable cases pass")
    assert "| graph |  | 1 | 1 | 1 | 1 |" in text
    assert "<summary>fail: <code>test_graph.py::test_edges[a b]</code></summary>" in text
    assert "pytest 'conformance/test_graph.py::test_edges[a b]' --backend=mylib" in text
    assert "- test_x.py::gone" in text


@pytest.mark.parametrize(
    ("cases", "message", "colour"),
    [
        (OTHERS[:1], "1 of 1 pass", "brightgreen"),
        ((*OTHERS[:2], OTHERS[3]), "1 of 2 pass", "yellowgreen"),
        ((OTHERS[0], FAILURE), "1 of 2 pass", "red"),
        (OTHERS[2:], "nothing executed", "red"),
    ],
)
def test_badge(cases, message, colour):
    """A badge counts what passes among what applies, and is red where the run is."""
    found = json.loads(badge.render(run_of(*cases)))
    assert (found["schemaVersion"], found["message"], found["color"]) == (1, message, colour)
