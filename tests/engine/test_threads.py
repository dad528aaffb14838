"""Many threads at once, on one graph and on graphs of their own."""

from benchmarks.hammer import hammer


def test_hammered():
    """64 threads that run backward, half of them on one graph, lose no gradient and never wait for ever."""
    outcome = hammer(seconds=1.0, threads=64)
    assert outcome.passes > 64
    assert not outcome.wrong
    assert outcome.stuck == 0
