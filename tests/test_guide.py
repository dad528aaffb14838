"""``docs/backend-authors.md``: its commands, run in order as they stand, print what is shown."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from refgrad.harness.expectations import load_expectations

pytest.importorskip("hatchling")

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "backend-authors.md").read_text(encoding="utf-8")
WORKFLOW = re.findall(r"^ *- run: (.*)$", TEXT, re.MULTILINE)
REFGRAD = '#!/bin/sh\nexec python -m refgrad "$@"\n'


def blocks():
    """Each block of commands with what is shown of its output, then the commands of the workflow."""
    found = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
    for (kind, text), (next_kind, shown) in zip(found, [*found[1:], ("", "")]):
        if kind == "sh":
            yield text, shown if next_kind == "text" else ""
    yield "\n".join(WORKFLOW), ""


def run(commands, folder, **environment):
    """What each of the commands printed, run by one shell in ``folder``."""
    script = "set -e; exec 2>&1\n" + "\nprintf '\\0'\n".join(commands)
    given = {**os.environ, "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **environment}
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=given, capture_output=True, text=True)
    printed = done.stdout.split("\0")
    assert done.returncode == 0, f"{commands[len(printed) - 1]}\n{printed[-1]}"
    return printed


def told(printed, shown):
    """Each line that is shown is the beginning of one that is printed, in that order."""
    at = 0
    for line in shown.replace("...\n", "").splitlines():
        found = re.search("^ *" + " +".join(map(re.escape, line.split())), printed[at:], re.MULTILINE)
        assert found, f"{line!r} is shown, and was not printed from here on:\n{printed[at:]}"
        at += found.end()


def short(commands):
    """The same, less what wants a network; where the whole suite is run, two of its files are, in one process."""
    kept = "\n".join(line for line in commands.splitlines() if "$REFGRAD" not in line).replace(" -n 2", "")
    return re.sub(r"^refgrad check mylib(?= -|$)", r"\g<0> test_smoke.py test_kink.py", kept, flags=re.MULTILINE)


def environment(folder):
    """A virtual environment that sees all that is installed here."""
    venv.create(folder / ".venv", symlinks=True)
    packages = next((folder / ".venv").glob("lib/python*/site-packages"))
    (packages / "seen.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    script = folder / ".venv" / "bin" / "refgrad"
    script.write_text(REFGRAD)
    script.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_commands(tmp_path):
    """The guide's commands succeed one after the other, and print what is shown."""
    environment(tmp_path)
    (_, *asked), (_, *shown) = zip(*blocks())
    commands = [". .venv/bin/activate", *map(short, asked)]
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for text, expected in zip(run(commands, tmp_path, **offline)[1:], shown, strict=True):
        told(text, expected)
    assert "### refgrad: mylib 1.0" in (tmp_path / "summary.md").read_text()


@pytest.mark.slow
def test_commands_from_nothing(tmp_path):
    """The same in an empty folder, with the network and the whole suite."""
    commands, shown = zip(*blocks())
    for text, expected in zip(run(commands, tmp_path, REFGRAD=ROOT.as_uri()), shown, strict=True):
        told(text, expected)


def test_entry(tmp_path):
    """The entry that is shown is one."""
    (tmp_path / "expectations.toml").write_text(TEXT.partition("```toml\n")[2].partition("```")[0])
    assert load_expectations(tmp_path / "expectations.toml", "1.0").for_case("test_kink.py::test_point[pow_0_at_0]")
    assert load_expectations(tmp_path / "expectations.toml", "2.0").entries == ()
