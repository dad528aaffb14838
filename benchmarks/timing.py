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
    """How many runs make a batch; the first one has warmed up."""
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
    runs: dict[str, Run], *, rounds: int, batch: float, slow: float, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds a run, one figure a round, for each contestant; the order turns from round to round.

    A contestant that needs more than ``slow`` seconds for its first run is not run again.
    """
    gc.collect()
    gc.freeze()  # what the libraries hold is not traversed again and again in somebody else's turn
    try:
        times, counts = first_runs(runs, batch, slow, say)
        for done, order in enumerate(turns(list(counts), rounds)):
            say(f"round {done + 1} of {rounds}")
            start = perf_counter()
            for name in order:
                gc.collect()  # cycles that another one left
                times[name].append(seconds(runs[name], counts[name]) / counts[name])
            if done >= 2 and (done + 2) * (perf_counter() - start) > ROW:
                break
        return times
    finally:
        gc.unfreeze()


def first_runs(
    runs: dict[str, Run], batch: float, slow: float, say: Callable[[str], None]
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """The times of those that are slow, empty lists for the others, and how many runs make a batch of each of these."""
    times: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for name, run in runs.items():
        say(f"calibrating {name}")
        first = seconds(run, 1)
        if slow < first < 4 * slow:
            first = seconds(run, 1)  # a first run may pay for what later ones find done
        times[name] = [first] if first > slow else []
        if first <= slow:
            counts[name] = repeats(run, batch)
    return times, counts


def turns(names: list[str], rounds: int) -> Iterator[list[str]]:
    """The order of each round: as before, with the first one last."""
    for i in range(rounds if names else 0):
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
