"""The measuring loop, with programs of known cost."""

import time

import numpy as np
import pytest

import refgrad
from benchmarks.child import ask
from benchmarks.memory import graph_bytes
from benchmarks.timing import interleaved, ratio, turns


def nothing(said):
    """Progress that nobody reads."""


def test_turns():
    """Each contestant is first in its turn."""
    assert list(turns(["a", "b", "c"], 4)) == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_ratio():
    """The median of the rounds' ratios is not the ratio of the medians."""
    found = ratio([1.0, 10.0, 3.0], [1.0, 2.0, 6.0])
    assert (found["median"], found["low"], found["high"], found["rounds"]) == (1.0, 0.75, 3.0, 3)


def test_slow_is_timed_once():
    """What needs more than the limit is run once and no more; the others have all their rounds."""
    ran = []
    runs = {"quick": lambda: None, "slow": lambda: (ran.append(1), time.sleep(0.05))}
    times = interleaved(runs, rounds=3, batch=0.001, slow=0.01, say=nothing)
    assert (len(times["quick"]), len(times["slow"]), len(ran)) == (3, 1, 1)
    assert times["slow"][0] >= 0.05


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: x.exp().sum(), 4000),
        (lambda x: (x + 1).sum(), 0),
        (lambda x: (x * x).sum(), 4000),
        (lambda x: (x * x.exp()).sum(), 8000),
    ],
)
def test_saved_bytes(make, expected):
    """exp saves its result, a sum nothing, a product its factors, and an array that is saved twice counts once."""
    x = refgrad.tensor(np.ones(1000, np.float32), requires_grad=True)
    assert graph_bytes(make(x)) == expected


def test_a_child_that_fails():
    """What a process of its own dies of is an answer."""
    assert "KeyError" in ask("memory", contestant="refgrad", program="no such", size=1)["why"]


def test_memory_of_a_program():
    """The arrays of an element-wise chain are seen, and what it saves is counted."""
    found = ask("memory", contestant="refgrad", program="elementwise", size=100_000)
    assert found["allocated"] > 3 * 400_000
    assert found["saved"] == 4 * 400_000
