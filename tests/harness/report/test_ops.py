"""The verdict on each op."""

import pytest

from refgrad.harness.report import ops, terminal
from refgrad.harness.results import Case, Footer, Header, Run


def run_of(**outcomes):
    cases = [
        Case(f"test_ops.py::test_{question}[{op}]", outcome, theme="ops", reason="abs([0.0]): 1.0, PyTorch's 0.0; more")
        for op, found in outcomes.items()
        for question, outcome in found.items()
    ]
    other = Case("test_leaf.py::test_a[exp]", "fail", theme="leaf")
    return Run(Header("mylib", "1", "mylib"), (*cases, other), Footer(len(cases) + 1, len(cases) + 1))


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (("pass", "pass"), "pass"),
        (("pass", "n/a"), "pass"),
        (("pass", "unsupported"), "pass"),
        (("pass", "pass (convention)"), "pass (convention)"),
        (("pass (convention)", "xfail"), "xfail"),
        (("xfail", "crash"), "fail"),
        (("xpass", "pass"), "fail"),
        (("unsupported", "n/a"), "unsupported"),
        (("n/a", "n/a"), "n/a"),
    ],
)
def test_verdict(outcomes, verdict):
    """An op is as good as the worst of its answers; unsupported if it gave none."""
    run = run_of(exp=dict(zip("ab", outcomes)))
    assert ops.verdict(ops.by_op(run)["exp"]) == verdict


def test_table():
    """The table counts ops, and tells which questions failed and which choices are not PyTorch's."""
    run = run_of(
        exp={"value": "pass"},
        log={"value": "fail", "vjp": "fail", "jvp": "pass"},
        abs={"kink": "pass (convention)"},
        tile={"vjp": "xfail"},
    )
    assert list(ops.table(run)) == [
        "4 ops: 1 pass, 1 fail, 1 pass (convention), 1 xfail",
        "  log   fail: value, vjp",
        "  abs   pass (convention): abs([0.0]): 1.0, PyTorch's 0.0",
        "  tile  xfail: vjp",
    ]
    assert "  log   fail: value, vjp\n" in terminal.render(run)


def test_no_ops():
    """A run that asked no op has no such table."""
    assert list(ops.table(run_of())) == []
