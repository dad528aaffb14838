"""Views of a run."""

import json
import re
from xml.etree import ElementTree

import pytest

from refgrad.harness.report import badge, html, junit, markdown, terminal
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


HOSTILE = Case(
    "test_graph.py::test_x[<b>]",
    "crash",
    statement='A < B & "C"',
    theme="graph",
    message="\x1b[31m</pre><script>alert(1)</script>",
)


def test_html():
    """One file with the verdict, each failure in full with its command, and every case; nothing comes from elsewhere."""
    pytest.importorskip("jinja2")
    text = html.render(run_of(*OTHERS, FAILURE))
    assert "red: 1 of 4 applicable cases pass; 1 fail, 1 xfail, 1 unsupported, 1 n/a" in text
    assert "got &lt;1&gt;, expected 2" in text
    assert "pytest &#39;conformance/test_graph.py::test_edges[a b]&#39; --backend=mylib" in text
    assert all(case.id in text for case in (*OTHERS, FAILURE))
    assert re.findall(r"<(?:script|link|img|iframe)|url\(|@import", text) == []


def test_html_shows_what_a_library_says_and_does_not_obey_it():
    """Markup in a name or a message is text."""
    pytest.importorskip("jinja2")
    text = html.render(run_of(HOSTILE))
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "test_x[&lt;b&gt;]" in text


def test_html_of_a_green_run():
    """Where nothing failed, nothing is to be looked at."""
    pytest.importorskip("jinja2")
    text = html.render(run_of(OTHERS[0]))
    assert "green: 1 of 1 applicable cases pass" in text
    assert "to look at" not in text


def test_junit():
    """A suite a theme: failures with their message and command, skips with their reason, sums that add up."""
    root = ElementTree.fromstring(junit.render(run_of(*OTHERS, FAILURE, HOSTILE, unmet=("test_x.py::gone (fail: y)",))))
    suites = {each.get("name"): each for each in root}
    assert list(suites) == ["smoke", "graph", "expectations"]
    graph = suites["graph"]
    assert [graph.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "1", "3"]
    failure = graph.find("testcase/failure")
    assert failure.get("message") == FAILURE.statement
    assert failure.text.endswith("\npytest 'conformance/test_graph.py::test_edges[a b]' --backend=mylib")
    assert [each.get("message").partition(":")[0] for each in graph.iter("skipped")] == ["xfail", "unsupported", "n/a"]
    assert graph.find("testcase/error").text.startswith("\ufffd[31m</pre>")
    assert suites["expectations"].find("testcase/failure") is not None
