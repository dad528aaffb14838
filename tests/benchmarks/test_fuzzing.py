"""The measurement of fuzzing: it adds up, and says what was reached."""

from benchmarks.fuzzing import measure, told


def test_measured():
    """The rate and the share follow from the seconds, and the report names each."""
    seeds = range(40)
    found = measure(seeds, "refgrad")
    whole = found.seconds["generation"] + found.seconds["verdict"]
    assert found.rate * whole == 40
    assert 0 < found.share < 1
    assert sum(found.ops.values()) > 40
    text = told(found, seeds)
    assert f"{found.rate:.0f} programs a second" in text
    assert "40 of " in text
