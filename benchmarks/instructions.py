"""Instruction counts under ``valgrind --tool=callgrind``: nearly free of noise, hence good for small changes.

A program is run ``FEW`` times in one process and many times in another; the difference of their counts, over the
difference of the runs, is what one run costs without imports and warming up. How many is a power of two that makes a
twentieth of a second, so that what start-up varies by (some ten thousand instructions) is divided away.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.child import environment
from benchmarks.contestants import CONTESTANTS
from benchmarks.programs import Run
from benchmarks.timing import seconds

FEW = 3
ENOUGH = 0.05  # seconds, without valgrind


class NoValgrind(RuntimeError):
    """valgrind is not installed."""


def instructions(contestant: str, program: str, size: int, folder: Path) -> float:
    """Instructions of one run; callgrind's files stay in ``folder``, for ``callgrind_annotate``.

    Errors: NoValgrind; RuntimeError if the program fails under it.
    """
    if shutil.which("valgrind") is None:
        raise NoValgrind(
            "--instructions needs valgrind; install it with your system's package manager (apt install valgrind)"
        )
    more = runs_for(CONTESTANTS[contestant].programs()[program](size))
    few, many = (counted(contestant, program, size, count, folder) for count in (FEW, FEW + more))
    return (many - few) / more


def runs_for(run: Run) -> int:
    """The smallest power of two of runs that takes ``ENOUGH``."""
    run()
    count = 1
    while seconds(run, count) < ENOUGH:
        count *= 2
    return count


def counted(contestant: str, program: str, size: int, count: int, folder: Path) -> int:
    """Instructions of a whole process with ``count`` runs."""
    request = {"task": "repeat", "contestant": contestant, "program": program, "size": size, "count": count}
    out = folder / f"callgrind.{contestant}.{program}.{size}.{count}.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-m", "benchmarks.child"]
    done = subprocess.run([*command, json.dumps(request)], env=environment(), capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{program} on {contestant} failed under valgrind: {done.stderr[-300:]}")
    return int(found[1])
