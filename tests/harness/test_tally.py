"""From phases to cases to an exit code."""

import pytest

from refgrad.errors import BackendCrashed, BackendTimeout
from refgrad.harness.behaviours import Behaviour
from refgrad.harness.check import Disagreement
from refgrad.harness.expectations import Expectation, Expectations
from refgrad.harness.results import Header, Recorder
from refgrad.harness.tally import FAILED, GREEN, LONGEST, MISADAPTED, Tally, Verdict, judge, op_of, theme_of, worst

BEHAVIOUR = Behaviour("ACC-01", "It adds.", "x", "should")
SMOKE = Behaviour("SMK-01", "It runs.", "x", smoke=True)


def verdict_on(outcome, *, behaviour=BEHAVIOUR, error=None, excused=None, declared=None):
    expected = None if declared is None else Expectation("test_x.py::a", declared, "known")
    return judge(behaviour, outcome=outcome, error=error, excused=excused, expected=expected)


@pytest.mark.parametrize(
    ("outcome", "excused", "declared", "verdict"),
    [
        ("pass", None, None, "pass"),
        ("fail", None, None, "fail"),
        ("fail", ("unsupported", "hooks"), None, "unsupported"),
        ("fail", ("n/a", "no tape"), None, "n/a"),
        ("fail", None, "fail", "xfail"),
        ("pass", None, "fail", "xpass"),
        ("pass", None, "unsupported", "xpass"),
        ("fail", None, "unsupported", "fail"),
        ("fail", ("unsupported", "hooks"), "unsupported", "unsupported"),
        ("fail", ("unsupported", "hooks"), "fail", "unsupported"),
        ("fail", ("n/a", "no tape"), "fail", "n/a"),
    ],
)
def test_verdicts(outcome, excused, declared, verdict):
    """A declared failure is expected, a pass against a declaration is a surprise, and an excuse is never a pass."""
    assert verdict_on(outcome, excused=excused, declared=declared).outcome == verdict


@pytest.mark.parametrize(("outcome", "verdict"), [("pass", "pass"), ("fail", "fail")])
def test_smoke_cannot_be_declared(outcome, verdict):
    """A smoke check that fails, fails, whatever is declared."""
    assert verdict_on(outcome, behaviour=SMOKE, declared="fail").outcome == verdict


@pytest.mark.parametrize(
    ("error", "outcome"), [(BackendCrashed("gone"), "crash"), (BackendTimeout("stuck"), "timeout")]
)
def test_a_process_that_died(error, outcome):
    """A backend whose own process died, or was killed for its time, is no mere failure, and may be declared."""
    assert verdict_on("fail", error=error).outcome == outcome
    assert verdict_on("fail", error=error, declared=outcome).outcome == "xfail"
    assert verdict_on("fail", error=error, declared="fail").outcome == outcome


def test_messages():
    """A disagreement speaks for itself; another error is named; a very long one is cut."""
    assert verdict_on("fail", error=Disagreement("mylib: off")).message == "mylib: off"
    assert verdict_on("fail", error=KeyError("x")).message == "KeyError: 'x'"
    assert len(verdict_on("fail", error=KeyError("x" * 10 * LONGEST)).message) < LONGEST + 10


def tally(*expectations):
    return Tally(Recorder(Header("mylib", "1", "mylib")), Expectations(expectations))


def add_test(to, id, outcome, smoke=False):
    to.add(id, Verdict(outcome, smoke=smoke), 0.25)
    to.planned += 1


@pytest.mark.parametrize(
    ("phases", "place"),
    [
        (("pass", "pass", "pass"), 0),
        (("fail", "pass", "pass"), 0),
        (("pass", "pass", "fail"), 2),
        (("pass (convention)", "pass", "pass"), 0),
        (("unsupported", "pass", "pass"), 0),
        (("unsupported", "fail", "pass"), 1),
        (("xfail", "pass"), 0),
        (("crash", "fail"), 0),
        (("fail", "timeout"), 1),
    ],
)
def test_worst_phase(phases, place):
    """A test comes to the worst of its phases, and of equals to the first."""
    assert worst(phases) == place


def test_case():
    """What a test came to is recorded as it is, with its time."""
    found = tally()
    add_test(found, "test_x.py::a", "unsupported")
    (case,) = found.finish(1).cases
    assert (case.id, case.theme, case.outcome, case.duration) == ("test_x.py::a", "x", "unsupported", 0.25)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["pass"], GREEN),
        (["pass", "fail"], FAILED),
        (["n/a", "unsupported"], FAILED),
        ([], FAILED),
        (["pass", "xpass"], FAILED),
    ],
)
def test_exit_code(outcomes, code):
    """0 is green; 1 is red, and a run that executed nothing is."""
    found = tally()
    for n, outcome in enumerate(outcomes):
        add_test(found, f"test_x.py::{n}", outcome)
    found.finish(1)
    assert found.exit_code() == code


def test_misadapted():
    """A failed smoke check voids the run: exit code 3, and the record says why."""
    found = tally()
    add_test(found, "test_smoke.py::a", "fail", smoke=True)
    add_test(found, "test_x.py::a", "pass")
    assert "misadapted" in found.finish(1).footer.invalid
    assert found.exit_code() == MISADAPTED


def test_case_that_never_ran():
    """A run with fewer cases than were planned is red."""
    found = tally()
    add_test(found, "test_x.py::a", "pass")
    found.planned += 1
    found.finish(1)
    assert found.exit_code() == FAILED


def test_unmet_expectations():
    """An entry that came out otherwise, and one that matches no test, turn a run red."""
    found = tally(Expectation("test_x.py::a", "fail", "known"))
    add_test(found, "test_x.py::a", "n/a")
    add_test(found, "test_x.py::b", "pass")
    found.idle = ("test_x.py::gone",)
    assert found.finish(1).footer.unmet == ("test_x.py::gone", "test_x.py::a (fail: known): no case came out so")
    assert found.exit_code() == FAILED


def test_unmet_needs_the_whole_list():
    """A run that was stopped early does not say which expectations were not met."""
    found = tally(Expectation("test_x.py::*", "fail", "known"))
    add_test(found, "test_x.py::a", "n/a")
    found.planned += 1
    assert found.finish(1).footer.unmet == ()


@pytest.mark.parametrize("id", ["test_retain_graph.py::test_a[test_b.py::c]", "sub/test_retain_graph.py::test_a"])
def test_theme(id):
    """A theme is the name of the suite's file."""
    assert theme_of(id) == "retain_graph"


@pytest.mark.parametrize(
    ("choices", "lacking", "declared", "verdict", "reason"),
    [
        ([], [], None, "pass", ""),
        ([("abs at 0", "1", "0")], [], None, "pass (convention)", "abs at 0: 1, PyTorch's 0"),
        ([], ["1 of 3 samples"], None, "pass", "unsupported for 1 of 3 samples"),
        ([("a", "1", "0")], ["b"], None, "pass (convention)", "a: 1, PyTorch's 0; unsupported for b"),
        ([("a", "1", "0")], [], "fail", "xpass", "known"),
    ],
)
def test_notes(choices, lacking, declared, verdict, reason):
    """What a passing test noted is its reason: other choices than PyTorch's, and what it could not ask."""
    expected = declared and Expectation("t", declared, "known")
    found = judge(
        BEHAVIOUR, outcome="pass", error=None, excused=None, expected=expected, choices=choices, lacking=lacking
    )
    assert (found.outcome, found.reason, found.case("t", 0.0).choices) == (verdict, reason, tuple(choices))


@pytest.mark.parametrize(
    ("id", "op"),
    [
        ("test_ops.py::test_vjp[linalg.svd-complex]", "linalg.svd-complex"),
        ("conformance/test_ops.py::test_vjp[exp]", "exp"),
        ("test_kink.py::test_point[exp]", ""),
    ],
)
def test_op(id, op):
    """The tests of the catalogue name their op; others name none."""
    assert op_of(id) == op
