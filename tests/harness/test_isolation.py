"""Functions in worker processes: whatever they do, there is an answer, and the next one runs."""

import sys
import time
from pathlib import Path

import pytest

from refgrad.harness.isolation import Died, Isolation, Limits, ending

sys.path.append(str(Path(__file__).parent))
import misbehaving

pytest.importorskip("pebble")
posix = pytest.mark.skipif(sys.platform == "win32", reason="has no limits of memory and output")


@pytest.fixture(scope="module")
def pool():
    with Isolation(1, Limits(seconds=20.0, memory=1 << 30, output=1 << 20)) as found:
        yield found


def test_an_answer_comes_back(pool):
    """A function that behaves is called as if it were here."""
    assert pool.run(misbehaving.answer, 41) == 42


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (misbehaving.segfault, "the process was killed by SIGSEGV"),
        (misbehaving.leave, "the process ended with exit status 7"),
        pytest.param(misbehaving.print_without_end, "SIGXFSZ: it printed without end", marks=posix),
        pytest.param(misbehaving.write_without_end, "SIGXFSZ: it printed without end", marks=posix),
        pytest.param(misbehaving.eat_memory, "wanted more than 1,024 MiB of memory", marks=posix),
    ],
)
def test_a_crash_is_an_answer(pool, function, reason):
    """A process that dies is one outcome, and the next task finds another process."""
    died = pool.run(function)
    assert isinstance(died, Died)
    assert died.outcome == "crash"
    assert reason in died.reason
    assert pool.run(misbehaving.answer, 1) == 2


@pytest.mark.parametrize("function", [misbehaving.hang, misbehaving.spin])
def test_a_hang_is_an_answer(pool, function):
    """A task that takes too long is one outcome, in about its time."""
    began = time.perf_counter()
    died = pool.run(function, seconds=0.5)
    assert died == Died("timeout", "no answer within 0.5 s")
    assert time.perf_counter() - began < 15.0
    assert pool.run(misbehaving.answer, 1) == 2


@posix
def test_parts_of_a_task_are_timed(pool):
    """A task may give each of its parts a time of its own."""
    assert pool.run(misbehaving.be_in_time) == "in time"
    assert pool.run(misbehaving.be_late) == Died("timeout", "it took too long", noted="so far, so good")


def test_what_is_printed_does_no_harm(pool, capfd):
    """A library may print; nothing of it reaches the terminal."""
    assert pool.run(misbehaving.print_a_little, 3) == 3
    assert capfd.readouterr() == ("", "")


@posix
def test_a_little_output_often_is_no_flood():
    """The limit of output is of a task, not of a process."""
    with Isolation(1, Limits(output=1 << 10)) as pool:
        assert [pool.run(misbehaving.print_a_little, n) for n in range(60)] == list(range(60))


def test_last_words(pool):
    """What a process said before it died is kept."""
    assert pool.run(misbehaving.last_words).said == "I saw it coming\n"


def test_errors_come_back(pool):
    """What a function raises is raised here, its own TimeoutError included."""
    with pytest.raises(LookupError, match="nowhere"):
        pool.run(misbehaving.raise_error, "nowhere")
    with pytest.raises(TimeoutError, match="the library's own"):
        pool.run(misbehaving.raise_timeout)


def test_jobs_run_side_by_side(tmp_path):
    """Each job has a process of its own: two tasks that wait for each other both end."""
    with Isolation(2) as pool:
        futures = [pool.submit(misbehaving.meet, 2, str(tmp_path)) for _ in range(2)]
        assert [pool.answer(future) for future in futures] == [2, 2]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with exit status 0"),
        (-11, "was killed by SIGSEGV"),
        (-9, "was killed by SIGKILL"),
        (-63, "was killed by signal 63"),
    ],
)
def test_endings(status, words):
    """An exit status is told in words."""
    assert ending(status) == words
