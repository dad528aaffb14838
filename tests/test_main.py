"""The command line, as a user calls it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from refgrad.commands.check import chosen, isolated
from refgrad.commands.suite import suite
from refgrad.errors import InvalidRun
from refgrad.harness.campaign import Plan
from refgrad.harness.program import Program, write
from refgrad.harness.program.ir import Leaf, Op, Ref
from refgrad.harness.results import Case, Header, Recorder, read

TESTS = Path(__file__).parent
PACKAGE = suite().parent if suite().parent.name == "refgrad" else suite().parent / "refgrad"
ELEVEN = ["test_smoke.py", "test_accumulation.py::test_two_calls"]


def call(*args, cwd, **environment):
    """Exit code, standard output, standard error."""
    command = [sys.executable, "-m", "refgrad", *map(str, args)]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path):
    """Another project's folder, with a backend of its own in it."""
    shutil.copy(TESTS / "harness" / "tiny_tape.py", tmp_path / "adapter.py")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [[], ["check"], ["backends"], ["report"], ["record"], ["check-protocol"], ["fuzz"], ["diff"], ["new"], ["matrix"]],
)
def test_help(command, tmp_path):
    """Every command explains itself; those that take arguments give examples."""
    code, out, err = call(*command, "--help", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "usage: refgrad" in out
    assert "examples:" in out or command == ["backends"]


def test_start_up_is_light(tmp_path):
    """The command line starts without numpy, pytest or torch."""
    heavy = "{'numpy', 'pytest', 'torch', 'rich'}"
    code = f"import sys, refgrad.__main__ as m; m.parser(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "required: COMMAND"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["check"], "required: NAME"),
        (["backends", "extra"], "unrecognized arguments: extra"),
        (["new", "mylib"], "required: --style"),
        (["new", "my-lib", "--style", "tape"], "as my_lib"),
        (["report", "results.jsonl", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["check", "nosuch"], "no backend 'nosuch'"),
        (["fuzz"], "required: --backend"),
        (["fuzz", "--backend", "nosuch"], "no backend 'nosuch'"),
        (["fuzz", "--backend", "refgrad", "--time", "soon"], "'soon' is no time"),
        (["fuzz", "--backend", "refgrad", "--jobs", "0"], "'0' is no number of at least 1"),
        (["fuzz", "--backend", "refgrad", "--out", "campaign"], "another campaign (version '0', not "),
        (["diff", "refgrad"], "required: B"),
        (["diff", "refgrad", "nosuch"], "no backend 'nosuch'"),
        (["diff", "refgrad", "refgrad", "--program", "nosuch.json"], "nosuch.json"),
        (["diff", "refgrad", "refgrad", "--program", "adapter.py"], "adapter.py: no JSON"),
        (["check-protocol", "nosuch"], "a process is named exec:COMMAND"),
        (["check-protocol", "exec:no-such-program"], "cannot be started"),
        (["check", "./nosuch.py:Backend"], "no such file"),
        (["check", "./adapter.py:TinyTape", "--expectations", "nosuch.toml"], "nosuch.toml: no such file"),
        (["check", "./adapter.py:TinyTape", "test_nosuch.py"], "test_nosuch.py"),
        (["check", "./adapter.py:TinyTape", "--nosuch"], "--nosuch"),
    ],
)
def test_bad_usage(args, message, folder):
    """What a user did wrong is said in a line or two, with exit code 4 and no traceback."""
    other_campaign(folder / "campaign")
    code, out, err = call(*args, cwd=folder)
    assert code == 4
    assert message in err
    assert "Traceback" not in out + err


def other_campaign(folder):
    folder.mkdir()
    (folder / "campaign.json").write_text(json.dumps(Plan("refgrad", "0").record()))


def test_fuzz(tmp_path):
    """A campaign ends in a short list and an exit code; asked again, it has nothing to do, and says the same."""
    backend = f"{TESTS / 'harness' / 'campaign' / 'candidates.py'}:Wrong"
    asked = ["fuzz", "--backend", backend, "--programs", 100, "--seed", 7, "--out", tmp_path / "found"]
    code, out, err = call(*asked, cwd=tmp_path)
    assert (code, err) == (1, "")
    assert "cos" in out
    assert "in 100 programs of seed 7" in out
    script = next((tmp_path / "found" / "findings").glob("*.torch.py"))
    assert "import torch" in script.read_text()
    again = call(*asked, cwd=tmp_path)
    assert (again[0], again[1].splitlines()[-1]) == (1, out.splitlines()[-1])


def test_fuzz_finds_nothing(tmp_path):
    """A right backend is green."""
    backend = f"{TESTS / 'harness' / 'campaign' / 'candidates.py'}:Right"
    code, out, err = call("fuzz", "--backend", backend, "--programs", 100, "--isolate", "off", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "0 findings" in out


@pytest.mark.parametrize(
    ("other", "code", "says", "in_finding"),
    [("Right", 0, "no difference", False), ("Wrong", 1, "value of b", False), ("Wrong", 1, "value of b", True)],
)
def test_diff_of_a_program(other, code, says, in_finding, tmp_path):
    """One program on two backends: the exit code says whether they differ, the last lines where."""
    file = tmp_path / "program.json"
    write(Program((Leaf("a", (), (0.0,)), Op("b", "cos", (Ref("a"),)))), file)
    if in_finding:
        file.write_text(json.dumps({"signature": "cos", "program": json.loads(file.read_text())}))
    backend = f"{TESTS / 'harness' / 'campaign' / 'candidates.py'}:{other}"
    found, out, err = call("diff", "refgrad", backend, "--program", file, cwd=tmp_path)
    assert (found, err) == (code, "")
    assert says in out


def test_diff_of_runs(tmp_path):
    """Two records: the exit code says whether the second is worse."""
    for name, outcome in (("old", "pass"), ("new", "fail")):
        recorder = Recorder(Header("mylib", "1", "mylib"), tmp_path / f"{name}.jsonl")
        recorder.add(Case("test_x.py::a", outcome))
        recorder.finish(1)
    assert call("diff", "old.jsonl", "old.jsonl", cwd=tmp_path)[0] == 0
    code, out, err = call("diff", "old.jsonl", "new.jsonl", cwd=tmp_path)
    assert (code, err) == (1, "")
    assert "test_x.py::a: pass -> fail" in out


@pytest.mark.parametrize(
    ("fault", "code", "says"), [("", 0, "the protocol is spoken"), ("dies", 1, "BROKEN  An op that")]
)
def test_check_protocol(fault, code, says, tmp_path):
    """A process that speaks the protocol is told so; another is told what to mend."""
    server = TESTS / "harness" / "wire" / "tiny_server.py"
    found, out, err = call("check-protocol", f"exec:{sys.executable} {server} {fault}", cwd=tmp_path)
    assert (found, err) == (code, "")
    assert says in out


def test_backends(tmp_path):
    """`refgrad backends` lists at least the reference."""
    code, out, _ = call("backends", cwd=tmp_path)
    assert (code, "refgrad" in {line.split()[0] for line in out.splitlines()}) == (0, True)


# -- check


def test_check(folder):
    """A check ends in a table, and leaves its record where it was asked to."""
    code, out, err = call("check", "./adapter.py:TinyTape", *ELEVEN, "--results", "deep/results.jsonl", cwd=folder)
    assert (code, err) == (0, "")
    assert "tiny 1.0: green: 11 of 11 applicable cases pass" in out
    assert len(read(folder / "deep" / "results.jsonl").cases) == 11


STRANGE_CONFTEST = """
import warnings
def pytest_addoption(parser):
    parser.addoption("--backend", default="mine")
def pytest_collection_modifyitems(items):
    raise SystemExit("the stranger's conftest was loaded")
"""


@pytest.mark.parametrize("extra", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_strange_project(folder, extra):
    """A project's own --backend, warnings filters, options and plugins do not reach the suite."""
    if extra:
        pytest.importorskip("xdist")
    (folder / "conftest.py").write_text(STRANGE_CONFTEST)
    (folder / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --nosuch\npython_files = *.nothing\n"
    )
    with (folder / "adapter.py").open("a") as adapter:
        adapter.write(
            "\nimport warnings\nwarnings.warn('old', DeprecationWarning)\nwarnings.warn('slow', UserWarning)\n"
        )
    strange = {"PYTEST_ADDOPTS": "--nosuch", "PYTEST_PLUGINS": "nosuch", "PYTHONWARNINGS": "error"}
    code, out, err = call("check", "./adapter.py:TinyTape", *ELEVEN, *extra, cwd=folder, **strange)
    assert code == 0, out + err
    assert "11 of 11 applicable cases pass" in out


def collected(command, cwd, **environment):
    command = [sys.executable, "-m", *map(str, command), "--collect-only", "-q", "--backend=./adapter.py:TinyTape"]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_same_ids(folder):
    """`refgrad check` runs the very tests that pytest runs on the suite's folder."""
    direct = collected(["pytest", suite()], folder)
    _, out, _ = call("check", "./adapter.py:TinyTape", "--collect-only", "-q", cwd=folder)
    assert len(direct) > 100
    assert [line for line in out.splitlines() if "::" in line] == direct


def test_from_an_installed_package(folder):
    """Where the suite is a part of the package, as in a wheel, ids are the same; `refgrad check` runs a case again."""
    site = folder / "site"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, site / "refgrad", ignore=ignore)
    shutil.copytree(suite(), site / "refgrad" / "conformance", ignore=ignore, dirs_exist_ok=True)
    shutil.copy(TESTS / "harness" / "wrong_backends.py", folder / "wrong_backends.py")
    shutil.copy(folder / "adapter.py", folder / "tiny_tape.py")
    args = ["check", "./wrong_backends.py:Overwrites", *ELEVEN, "--results", "results.jsonl"]
    code, out, err = call(*args, cwd=folder, PYTHONPATH=str(site))
    assert code == 1, out + err
    assert "again: refgrad check ./wrong_backends.py:Overwrites test_accumulation.py::test_two_calls" in out
    assert {case.id for case in read(folder / "results.jsonl").red} == {"test_accumulation.py::test_two_calls"}


SLOW = """
import time
from adapter import TinyTape
class Slow(TinyTape):
    def backward(self, tensor, gradient=None):
        print("waiting", file=open("begun", "w"))
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupt(folder):
    """Ctrl-C ends a run at once, without a traceback, and leaves a record that nobody takes for a whole one."""
    (folder / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "refgrad", "check", "./slow.py:Slow", *ELEVEN, "--results", "results.jsonl"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a background job of a shell ignores SIGINT, and so would its children
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, cwd=folder, start_new_session=True, preexec_fn=heard, **pipes) as process:
        while not (folder / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in out + err) == (2, False)
    with pytest.raises(InvalidRun, match="no footer"):
        read(folder / "results.jsonl")


def test_other_pytest_options(folder):
    """What `refgrad check` does not know goes to pytest."""
    code, out, _ = call("check", "./adapter.py:TinyTape", "-k", "smoke", "--durations=1", "-v", cwd=folder)
    assert (code, "slowest 1 durations" in out) == (0, True)


def test_named_tests():
    """Arguments that name tests of the suite are found there; everything else is pytest's."""
    folder = suite()
    args = ["-x", "test_smoke.py::test_chain_rule", "test_nosuch.py", "test_smoke.py"]
    assert chosen(args, folder) == (
        [str(folder / "test_smoke.py::test_chain_rule"), str(folder / "test_smoke.py")],
        ["-x", "test_nosuch.py"],
    )


def test_environment():
    """What steers the user's own pytest is taken out of the environment; the rest stays."""
    assert isolated({"HOME": "/", "PYTEST_ADDOPTS": "-x"}) == {"HOME": "/", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


# -- report


@pytest.fixture
def record(tmp_path):
    recorder = Recorder(Header("mylib", "1.0", "mylib"), tmp_path / "results.jsonl")
    recorder.add(Case("test_x.py::a", "pass", theme="x"))
    recorder.add(Case("test_x.py::b", "fail", theme="x"))
    recorder.finish(2)
    return tmp_path / "results.jsonl"


@pytest.mark.parametrize("format", ["terminal", "markdown", "badge"])
def test_report(record, format):
    """A record is shown in each format, and the exit code is the run's."""
    code, out, err = call("report", record, "--format", format, cwd=record.parent)
    assert (code, err) == (1, "")
    assert "1 of 2" in out


def test_badge_is_json(record):
    """A badge can be written straight to a file."""
    assert json.loads(call("report", record, "--format=badge", cwd=record.parent)[1])["color"] == "red"


def test_report_of_half_a_run(record):
    """Half a run is refused in one line, and is red."""
    record.write_text(record.read_text().rpartition('{"kind": "footer"')[0])
    code, out, err = call("report", record, cwd=record.parent)
    assert (code, out) == (1, "")
    assert err.startswith("refgrad: ")
    assert err.count("\n") == 1
    assert "no footer" in err
