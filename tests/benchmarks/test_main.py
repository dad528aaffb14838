"""The command, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import UNUSABLE, main

ROOT = Path(__file__).parents[2]


def call(*args, cwd):
    """Exit code, standard output, standard error."""
    command = [sys.executable, "-m", "benchmarks", *map(str, args)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_help(tmp_path):
    """Help names the programs and gives examples."""
    code, out, err = call("--help", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "examples:" in out
    assert "scalar_chain" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--only", "scalar_chian"], "no program is called 'scalar_chian'; there are: scalar_chain"),
        (["--only", ","], "no program is called ','"),
        (["--against", "jax"], "no contestant is called 'jax'; there are: refgrad, torch"),
        (["--rounds", "0"], "'0' is not a number of rounds"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_bad_usage(args, message, capsys):
    """What is wrong is said in a line with what there is instead; the exit code is 4."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == UNUSABLE == 4
    assert message in capsys.readouterr().err


def test_a_run(tmp_path):
    """A run prints its table, tells how far it is, and writes every round."""
    args = ["--quick", "--only", "third_derivative,xor", "--against", "numpy", "--rounds", "2", "--out", "here"]
    code, out, err = call(*args, cwd=tmp_path)
    assert code == 0, err
    assert "[2/2]" in err
    assert out.startswith("| program")
    run = json.loads((tmp_path / "here" / "results.json").read_text())
    assert [row["program"] for row in run["rows"]] == ["third_derivative", "xor"]
    assert len(run["rows"][1]["contestants"]["refgrad"]["seconds"]) == 2
    assert run["rows"][1]["ratios"]["numpy"]["time"]["median"] > 0
