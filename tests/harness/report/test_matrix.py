"""The scoreboard as markdown and as a page."""

import pytest

from refgrad.harness.report import matrix
from refgrad.harness.results import Case, Header, Recorder
from refgrad.harness.scoreboard import Row

CASES = (
    Case("test_kink.py::test_point[abs_at_0]", "xfail", theme="kink", choices=(("", "0.5, -0.5", "0, 0"),)),
    Case("test_smoke.py::a", "pass", theme="smoke"),
    Case("test_smoke.py::b", "unsupported", theme="smoke"),
    Case("test_views.py::a", "n/a", theme="views"),
    Case("test_hooks.py::a", "unsupported", theme="hooks"),
)


@pytest.fixture
def rows():
    """A backend that ran, and one that did not."""
    header = Header(
        "mylib",
        "1.0",
        "mylib",
        ("core", "tape"),
        "https://example.org",
        "2026-05-04T03:02:01",
        refgrad="0.1.0",
        torch="2.13",
    )
    recorder = Recorder(header)
    for case in CASES:
        recorder.add(case)
    return [Row(header, recorder.finish(len(CASES))), Row(Header("<gone>", "", "gone"), None, "killed by SIGSEGV")]


def test_markdown(rows):
    """Three tables: the backends with their verdicts, the themes, the choices at kinks."""
    assert matrix.markdown(rows) == (
        "# Scoreboard\n"
        "\n"
        "2 backends, compared with PyTorch by refgrad 0.1.0.\n"
        "\n"
        "| backend | version | profiles | verdict | asked for torch | on |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| mylib | 1.0 | core, tape | green: 1 of 4 applicable cases pass; 1 xfail, 2 unsupported, 1 n/a | 2.13 | 2026-05-04 |\n"
        "| &lt;gone&gt; |  |  | killed by SIGSEGV |  |  |\n"
        "\n"
        "## By theme\n"
        "\n"
        f"{matrix.LEGEND}\n"
        "\n"
        "| theme | mylib 1.0 |\n"
        "| --- | ---: |\n"
        "| smoke | 1/2 |\n"
        "| hooks | · |\n"
        "| kink | 0/1 ✗1 |\n"
        "| views | n/a |\n"
        "\n"
        "## Conventions at kinks\n"
        "\n"
        f"{matrix.POINTS}\n"
        "\n"
        "| kink | PyTorch | mylib 1.0 |\n"
        "| --- | ---: | ---: |\n"
        "| point: abs at 0 | 0, 0 | **½, -½** |\n"
    )


def test_page(rows):
    """The page has the same tables, escaped, and needs nothing from elsewhere."""
    pytest.importorskip("jinja2")
    page = matrix.page(rows)
    assert "&lt;gone&gt;" in page
    assert '<td class="fail">0/1 ✗1</td>' in page
    assert '<td class="xfail">½, -½</td>' in page
    assert not any(each in page for each in ("<script", "<link", "src=", "@import", "url("))


@pytest.mark.parametrize(
    ("text", "shown"), [("-0.2593", "-0.2593"), ("0.5, -0.3333, 5", "½, -⅓, 5"), ("1+2j", "1+2j"), (None, "")]
)
def test_gradients(text, shown):
    """Simple fractions are shown as such."""
    assert matrix.gradients(text) == shown
