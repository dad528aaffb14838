"""How the suite judges, what its exit codes say, and what it refuses."""

import json

import pytest

from refgrad.harness import results

KINDS = '''
@core(1)
def test_pass(check):
    """It passes."""
    check.close(1.0, 1.0)

@core(2)
def test_unsupported():
    """It is lacking."""
    raise Unsupported("hooks", "none here")

@core(3)
def test_applies():
    """It cannot be asked."""
    raise NotApplicable("no tape")

@core(4, profile="tape")
def test_tape():
    """Only of a tape."""
    raise AssertionError("must not run")

@core(5)
def test_facade(xp):
    """A facade needs a tape."""
    raise AssertionError("must not run")

@core(6)
@pytest.mark.parametrize("n", [1, 2])
def test_even(check, n):
    """Even."""
    check.equal(n % 2, 0)
'''
PASS = '@core(1)\ndef test_pass():\n    """It passes."""\n'
FAIL = '@core(2)\ndef test_fail():\n    """It fails."""\n    raise ValueError("no")\n'
EXPECT = '[[expect]]\ntest = "{}"\noutcome = "{}"\nreason = "known"\n'


@pytest.fixture
def kinds(suite):
    suite.write("test_a.py", KINDS)
    return suite


def test_outcomes(kinds):
    """Each way of not passing has its own outcome, and none of them is a pass."""
    code, found = kinds.outcomes()
    assert found == {
        "test_a.py::test_pass": "pass",
        "test_a.py::test_unsupported": "unsupported",
        "test_a.py::test_applies": "n/a",
        "test_a.py::test_tape": "n/a",
        "test_a.py::test_facade": "n/a",
        "test_a.py::test_even[1]": "fail",
        "test_a.py::test_even[2]": "pass",
    }
    assert code == 1


RANGES = '''
@core(1)
def test_always():
    """In every release."""

@core(2, torch="<2.13")
def test_once():
    """In older ones."""

@core(3, torch=">=2.13")
def test_now():
    """In newer ones."""
'''


@pytest.mark.parametrize(
    ("options", "held"),
    [((), "now"), (("--spec=2.13",), "now"), (("--spec=2.5",), "once")],
    ids=["default", "2.13", "2.5"],
)
def test_release(suite, options, held):
    """Only the behaviours of the release of torch that is asked for are asked of a backend; the record names it."""
    suite.write("test_a.py", RANGES)
    _, found = suite.outcomes(*options)
    passed = {id.split("::test_")[1] for id, outcome in found.items() if outcome == "pass"}
    assert passed == {"always", held}
    assert results.read(suite.folder / "results.jsonl").header.torch == {"now": "2.13", "once": "2.5"}[held]


def test_unknown_release(suite):
    """A release that is not known is bad usage."""
    suite.write("test_a.py", PASS)
    code, output, _ = suite.run("--spec=1.0")
    assert code == 4
    assert "torch 1.0: the catalogue knows the behaviour of torch 2.0 to 2.13" in output


def test_same_cases_in_two_processes(kinds):
    """With pytest-xdist the same ids come out the same."""
    pytest.importorskip("xdist")
    alone, together = kinds.outcomes(), kinds.outcomes("-n", "2")
    assert alone == together


def test_record(kinds):
    """The record says what was asked of whom, and how to ask it again."""
    _, output, path = kinds.run()
    run = results.read(path)
    case = next(case for case in run.cases if case.outcome == "fail")
    assert (run.header.backend, run.header.version, run.header.profiles) == ("stub", "1.5", ("core",))
    assert (run.footer.planned, run.footer.executed) == (7, 3)
    assert (case.behaviour, case.statement, case.level, case.theme) == ("TST-06", "Even.", "must", "a")
    assert case.message.startswith("stub, test_a.py::test_even[1]: the value: got 1, expected 0 (dtype int64)")
    again = "pytest 'suite/test_a.py::test_even[1]' --backend=./stub.py:Stub"
    assert run.header.line(case.id) == again
    assert again in output
    assert "stub 1.5: red: 2 of 4 applicable cases pass; 1 fail, 1 unsupported, 3 n/a" in output
    assert next(case for case in run.cases if case.outcome == "unsupported").reason == "hooks: none here"


def test_command_that_runs_it_again(kinds):
    """The command printed under a failure does run that case."""
    code, found = kinds.outcomes("--deselect=test_a.py::test_pass", "-k", "test_even and 1")
    assert (code, found) == (1, {"test_a.py::test_even[1]": "fail"})


ALL_NA = '@core(1, profile="tape")' + PASS.removeprefix("@core(1)")


@pytest.mark.parametrize(
    ("text", "args"), [(PASS, ["-k", "nothing"]), ("", []), (ALL_NA, []), (ALL_NA, ["-n", "2"]), ("", ["-n", "2"])]
)
def test_nothing_executed(suite, text, args):
    """A run in which nothing was executed is red, and says so."""
    if "-n" in args:
        pytest.importorskip("xdist")
    suite.write("test_a.py", text)
    code, output, _ = suite.run(*args)
    assert code == 1, output
    assert "nothing was executed" in output


def test_green(suite):
    """A run in which all passed exits with 0."""
    suite.write("test_a.py", PASS)
    assert suite.outcomes() == (0, {"test_a.py::test_pass": "pass"})


# -- expectations


def test_declared_failure(suite):
    """A failure that the file beside the adapter declares leaves the run green."""
    suite.write("test_a.py", PASS + FAIL)
    suite.expect(EXPECT.format("test_a.py::test_fail", "fail"))
    assert suite.outcomes() == (0, {"test_a.py::test_pass": "pass", "test_a.py::test_fail": "xfail"})


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (("test_a.py::test_pass", "fail"), "XPASS test_a.py::test_pass"),
        (("test_a.py::test_pass", "unsupported"), "XPASS test_a.py::test_pass"),
        (("test_a.py::test_gone", "fail"), "no such test"),
        (("test_a.py::test_fail", "unsupported"), "FAIL test_a.py::test_fail"),
    ],
)
def test_strict(suite, entry, word):
    """A surprise pass, an entry that matches nothing, and a failure of another kind are red."""
    suite.write("test_a.py", PASS + FAIL)
    known = "" if entry[0] == "test_a.py::test_fail" else EXPECT.format("test_a.py::test_fail", "fail")
    (suite.folder / "known.toml").write_text(known + EXPECT.format(*entry))
    code, output, _ = suite.run("--expectations=known.toml")
    assert code == 1, output
    assert word in output


def test_strict_in_two_processes(suite):
    """With pytest-xdist an entry that matches nothing is red too, and is named once."""
    pytest.importorskip("xdist")
    suite.write("test_a.py", PASS)
    suite.expect(EXPECT.format("test_a.py::test_gone", "fail"))
    code, output, _ = suite.run("-n", "2")
    assert (code, output.count("test_gone (fail: known): no such test")) == (1, 1), output


def test_entry_of_another_file(suite):
    """A run of one file does not miss the tests of another."""
    suite.write("test_a.py", PASS)
    suite.write("test_b.py", FAIL)
    suite.expect(EXPECT.format("test_b.py::test_fail", "fail"))
    code, output, _ = suite.run("--deselect=test_b.py")
    assert code == 0, output


def test_missing_reason(suite):
    """An entry without a reason is bad usage: one message, exit code 4, nothing run."""
    suite.write("test_a.py", PASS)
    suite.expect('[[expect]]\ntest = "test_a.py::test_pass"\noutcome = "fail"\n')
    code, output, record = suite.run()
    assert code == 4
    assert "expectations.toml, entry 1 (test_a.py::test_pass): no reason" in output
    assert not record.exists()


# -- smoke

SMOKE = '''
@core(1, smoke=True)
def test_wrong():
    """It fails."""
    assert False
@core(2, smoke=True)
def test_right():
    """It passes."""
'''


@pytest.mark.parametrize("parallel", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_misadapted(suite, parallel):
    """A smoke check that fails voids the run: exit code 3, and a record that says so."""
    if parallel:
        pytest.importorskip("xdist")
    suite.write("test_a.py", PASS)
    suite.write("test_smoke.py", SMOKE)
    suite.expect(EXPECT.format("test_smoke.py::test_wrong", "fail"))
    code, output, record = suite.run(*parallel)
    assert code == 3, output
    assert "misadapted: 1 of the smoke checks failed" in output
    assert "Traceback" not in output
    with pytest.raises(results.InvalidRun, match="misadapted"):
        results.read(record)


def test_smoke_goes_first(suite):
    """The smoke checks run first, all of them, and after a failure nothing else does."""
    suite.write("test_a.py", PASS)
    suite.write("test_smoke.py", SMOKE)
    ids = [line.get("id") for line in map(json.loads, suite.run()[2].read_text().splitlines())]
    assert ids[1:-1] == ["test_smoke.py::test_wrong", "test_smoke.py::test_right"]


# -- bad usage


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("nosuch", "no backend 'nosuch'"),
        ("./gone.py:Stub", "no such file"),
        ("./stub.py:Stab", "did you mean 'Stub'"),
        ("nosuch.module:Stub", "no module 'nosuch'"),
        ("Incomplete", "lacks"),
        ("Broken", "no such device"),
        ("./stub.py:Module:colour=red", "no option 'colour'"),
    ],
)
def test_unusable_backend(suite, backend, message):
    """A backend that cannot be had is one message and exit code 4."""
    suite.write("test_a.py", PASS)
    code, output, _ = suite.run(backend=backend)
    assert (code, "Traceback" in output) == (4, False), output
    assert message in output
    assert len(output.strip().splitlines()) == 1


def test_unusable_backend_in_two_processes(suite):
    """With pytest-xdist too it is one message and exit code 4."""
    pytest.importorskip("xdist")
    code, output, _ = suite.run("-n", "2", backend="nosuch")
    assert (code, len(output.strip().splitlines())) == (4, 1), output


def test_test_without_a_behaviour(suite):
    """A test that names no behaviour is refused."""
    suite.write("test_a.py", "def test_a(): pass\n")
    code, output, _ = suite.run()
    assert (code, "tests without @behaviour: test_a.py::test_a" in output) == (4, True)


def test_help_needs_no_backend(suite):
    """--help explains the options whatever the backend."""
    code, output, _ = suite.run("--help", backend="nosuch")
    assert (code, "--expectations=PATH" in output) == (0, True)


def test_collecting_records_nothing(suite):
    """--collect-only lists the tests, writes no record, and is no red run."""
    suite.write("test_a.py", PASS)
    code, output, record = suite.run("--collect-only", "-q")
    assert (code, record.exists()) == (0, False)
    assert "test_a.py::test_pass" in output


# -- runs cut short


def test_stopped_early(suite):
    """With -x the cases that never ran are missed: the record is refused."""
    suite.write("test_a.py", FAIL + PASS)
    code, output, record = suite.run("-x")
    assert code == 1
    assert "stopped early: 1 of 2 cases ran" in output
    with pytest.raises(results.InvalidRun, match="the list shrank"):
        results.read(record)


def test_broken_file(suite):
    """A suite's file that cannot be imported leaves no record that could be taken for a run."""
    suite.write("test_a.py", PASS)
    suite.write("test_b.py", "import nosuchmodule\n")
    code, _, record = suite.run()
    assert code == 2
    with pytest.raises(results.InvalidRun, match="no footer"):
        results.read(record)


def test_process_that_dies(suite):
    """With pytest-xdist a test that kills its process is a crash of that case, and the rest still runs."""
    pytest.importorskip("xdist")
    suite.write("test_a.py", PASS + '@core(3)\ndef test_dies():\n    """It dies."""\n    import os; os._exit(9)\n')
    code, found = suite.outcomes("-n", "2")
    assert (code, found) == (1, {"test_a.py::test_pass": "pass", "test_a.py::test_dies": "crash"})
    (suite.folder / "known.toml").write_text(EXPECT.format("test_a.py::test_dies", "crash"))
    code, found = suite.outcomes("-n", "2", "--expectations=known.toml")
    assert (code, found) == (0, {"test_a.py::test_pass": "pass", "test_a.py::test_dies": "xfail"})


# -- backends that speak torch


def test_name_that_a_lookalike_lacks(suite):
    """A name that a torch look-alike does not have is unsupported; an error of its own is not."""
    suite.write("test_a.py", '@core(1)\ndef test_a(xp):\n    """It is there."""\n    xp.hypot\n')
    assert suite.outcomes(backend="Module") == (1, {"test_a.py::test_a": "unsupported"})


RAISES = '''
@core(1)
def test_class(check):
    """Of this class."""
    with check.raises("RuntimeError", "stale"): raise ValueError("other")
@core(2)
def test_warning(check):
    """With a warning."""
    with check.warns("UserWarning", "leaf"): warnings.warn("not a leaf")
'''


def test_classes_and_texts(suite):
    """Classes and texts are asked only of a backend that speaks torch."""
    suite.write("test_a.py", RAISES)
    assert suite.outcomes(backend="Module")[1] == {"test_a.py::test_class": "fail", "test_a.py::test_warning": "pass"}
    assert suite.outcomes(backend="Tape")[1] == {"test_a.py::test_class": "pass", "test_a.py::test_warning": "n/a"}


LEAK = '''
@core(1)
def test_leaks(xp):
    """It leaves grad mode off."""
    xp.set_grad_enabled(False)
@core(2)
def test_next(xp):
    """It finds grad mode on."""
    assert xp.is_grad_enabled()
'''


def test_grad_mode_does_not_leak(suite):
    """A test that leaves grad mode off does not make the next one fail."""
    suite.write("test_a.py", LEAK)
    assert suite.outcomes(backend="Module") == (0, {"test_a.py::test_leaks": "pass", "test_a.py::test_next": "pass"})


OPS = (
    PASS
    + """
@core(3, smoke=True)
def test_smoke():
    "It is adapted."

@core(4)
@pytest.mark.parametrize("op", ["exp", "exp-complex", "log"])
def test_value(op):
    "It has a value."
"""
)


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "together"])
def test_ops(suite, processes):
    """With --ops the smoke checks run, and what asks about these ops; an unknown op is refused with those near it."""
    suite.write("test_ops.py", OPS)
    assert suite.outcomes("--ops=exp")[1] == {
        "test_ops.py::test_smoke": "pass",
        "test_ops.py::test_value[exp]": "pass",
        "test_ops.py::test_value[exp-complex]": "pass",
    }
    code, output, _ = suite.run("--ops=expp", *processes)
    assert code == 4
    assert "no op is called 'expp'; do you mean exp" in output


def test_expectation_of_another_op(suite):
    """With --ops an entry about an op that is not asked for is not missed."""
    suite.write("test_ops.py", OPS)
    suite.expect(EXPECT.format("test_ops.py::test_value[log]", "fail"))
    code, output, _ = suite.run("--ops=exp")
    assert code == 0, output
