"""Drawn programs: repeatable, sound, and reaching every corner."""

import subprocess
import sys

import pytest

from refgrad.harness.program import dumps, generate, loads
from refgrad.harness.program.actions import ACTIONS
from refgrad.harness.program.generator import DTYPES, catalogue, focus
from refgrad.harness.program.grammar import OPS
from refgrad.harness.program.scope import CLASSES


def test_repeatable_in_another_process():
    """A seed gives the same program, bit for bit, whatever the hashes of the process."""
    code = "from refgrad.harness.program import *; print(*map(dumps, map(generate, range(40))), sep='\\n')"
    runs = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, text=True,
                       capture_output=True, check=True).stdout for seed in "12"
    }  # fmt: skip
    assert runs == {"".join(dumps(generate(seed)) + "\n" for seed in range(40))}


@pytest.mark.parametrize("seed", range(0, 2000, 20))
def test_sound(seed):
    """Every program passes its own schema and checks."""
    loads(dumps(generate(seed)))


def test_every_corner():
    """Consecutive seeds have each op with each action, each class of shapes and each dtype as their focus."""
    corners = (len(OPS) + len(catalogue())) * len(ACTIONS) * len(CLASSES) * len(DTYPES)
    assert len({focus(seed) for seed in range(1000, 1000 + corners)}) == corners


def test_length():
    """Programs have about twelve statements, and none is out of bounds."""
    lengths = [len(generate(seed)) for seed in range(300)]
    assert 9 < sum(lengths) / len(lengths) < 18
    assert max(lengths) < 60
