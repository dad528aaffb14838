"""Time, interleaved: in each round every contestant runs once, so that what disturbs the machine disturbs them all."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from statistics import median, quantiles
from time import perf_counter, perf_counter_ns

from benchmarks.programs import Run

BATCH = 0.02  # seconds: a batch of runs is repeated until it takes so long
QUICK_BATCH = 0.004
ROW = 45.0  # seconds that a row may take; below three rounds it does not go


def repeats(run: Run, batch: float) -> int:
    """How many runs make a batch; the first run warms up."""
    run()
    count = 1
    while (taken := seconds(run, count)) < batch:
        count = max(count + 1, min(10 * count, int(1.1 * count * batch / taken) if taken else 10 * count))
    return count


def seconds(run: Run, count: int) -> float:
    """The time of one of ``count`` runs in a row, times ``count``."""
    start = perf_counter_ns()
    for _ in range(count):
        run()
    return (perf_counter_ns() - start) / 1e9


def interleaved(
    runs: dict[str, Run], *, rounds: int, batch: float, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds a run, one figure a round, for each contestant; the order turns from round to round."""
    gc.collect()
    gc.freeze()  # what the libraries hold is not traversed again and again in somebody else's turn
    try:
        counts = {}
        for name, run in runs.items():
            say(f"calibrating {name}")
            counts[name] = repeats(run, batch)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for done, order in enumerate(turns(list(runs), rounds)):
            say(f"round {done + 1} of {rounds}")
            start = perf_counter()
            for name in order:
                gc.collect(0)
                times[name].append(seconds(runs[name], counts[name]) / counts[name])
            if done >= 2 and (done + 2) * (perf_counter() - start) > ROW:
                break
        return times
    finally:
        gc.unfreeze()


def turns(names: list[str], rounds: int) -> Iterator[list[str]]:
    """The order of each round: as before, with the first one last."""
    for i in range(rounds):
        at = i % len(names)
        yield names[at:] + names[:at]


def ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """The median of the rounds' ratios, and its quartiles."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    low, middle, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return {"median": middle, "low": low, "high": high, "rounds": len(ratios)}


def spread(times: list[float]) -> float:
    """A contestant's own noise: half the distance of the quartiles, over the median."""
    if len(times) < 2:
        return 0.0
    low, _, high = quantiles(times, n=4, method="inclusive")
    return (high - low) / 2 / median(times)
