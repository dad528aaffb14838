"""``refgrad matrix``: several backends run, whatever becomes of each."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from refgrad.__main__ import main

BACKENDS = """
import os, signal
from tiny_tape import TinyTape

class Crashes(TinyTape):
    def backward(self, tensor, gradient=None):
        os.kill(os.getpid(), signal.SIGKILL)"""
SPECS = ["./backends.py:TinyTape", "./backends.py:Crashes", "nosuch"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder in which a backend that works, one that crashes and one that is not were run."""
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "backends.py").write_text(BACKENDS)
    shutil.copy(Path(__file__).parent.parent / "harness" / "tiny_tape.py", folder)
    options = ["-k", "test_smoke or test_two_calls", "--results", "runs", "--html", "page.html"]
    command = [sys.executable, "-m", "refgrad", "matrix", *SPECS, *options]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True)


def rows(printed):
    table = printed.partition("\n\n## By theme")[0].splitlines()[6:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_each_is_a_row(ran):
    """What works is scored; what crashes or is not there is a row with its reason; one that is red makes all red."""
    folder, done = ran
    assert done.returncode == 1, done.stderr
    works, crashes, nosuch = rows(done.stdout)
    assert works[:2] == ["tiny", "1.0"]
    assert works[3].startswith("green: 11 of 11 applicable cases pass")
    assert crashes[:2] == ["tiny", "1.0"]
    assert crashes[3] == "killed by SIGKILL, after 2 cases"
    assert nosuch[3].startswith("no backend 'nosuch'; installed:")
    assert "| smoke | 10/10 |" in done.stdout
    assert "[3/3] nosuch: no backend" in done.stderr
    assert "killed by SIGKILL" in (folder / "page.html").read_text()


def test_from_records(ran, capsys, monkeypatch):
    """The same table comes from the records that were kept, without a run."""
    folder, done = ran
    monkeypatch.chdir(folder)
    assert main(["matrix", "--from", "runs"]) == 1
    assert capsys.readouterr().out == done.stdout
    assert [json.loads(line)["kind"] for line in (folder / "runs" / "03-nosuch.jsonl").read_text().splitlines()] == [
        "header",
        "footer",
    ]


def test_no_end(tmp_path, capsys, monkeypatch):
    """A backend that does not come back in time is ended."""
    monkeypatch.chdir(tmp_path)
    assert main(["matrix", "refgrad", "--timeout", "0.1s"]) == 1
    assert "no end within 0.1 s" in rows(capsys.readouterr().out)[0][3]


@pytest.mark.parametrize(
    ("args", "says"),
    [(["--from", "."], "no *.jsonl there"), (["torch", "--from", "."], "takes no SPEC"), (["--nosuch"], "--nosuch")],
)
def test_bad_usage(args, says, tmp_path, capsys, monkeypatch):
    """What cannot be done is said in a line."""
    monkeypatch.chdir(tmp_path)
    assert main(["matrix", *args]) == 4
    assert says in capsys.readouterr().err


def test_other_records_are_left(tmp_path, capsys, monkeypatch):
    """Records of another table are neither overwritten nor mixed in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "07-old.jsonl").touch()
    assert main(["matrix", "refgrad", "--results", "."]) == 4
    assert "07-old.jsonl is a record of another table: choose an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["07-old.jsonl"]
