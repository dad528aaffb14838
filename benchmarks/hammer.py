"""Many threads on one graph and on graphs of their own: ``python -m benchmarks.hammer --seconds 10 --threads 64``."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import refgrad as T

LENGTH = 64
PATIENCE = 30.0  # seconds beyond the time given, after which a thread counts as stuck


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many passes ran, what each thread reported, and how many threads did not come back."""

    passes: int
    wrong: tuple[str, ...]
    stuck: int


def hammer(seconds: float, threads: int) -> Outcome:
    """Half of the threads run backward on one shared graph, half on graphs of their own, for ``seconds``.

    All numbers are whole, and small enough for float64 to add them exactly in any order.
    """
    leaf, root = shared_graph()
    works = [shared_work(root) if i % 2 else own_work(i) for i in range(threads)]
    counts, wrong, until = [0] * threads, list[str](), time.perf_counter() + seconds

    def call(index: int) -> None:
        while time.perf_counter() < until:
            try:
                works[index]()
            except Exception as error:  # a thread's death must be told, not lost
                wrong.append(f"thread {index}, pass {counts[index]}: {error!r}")
                return
            counts[index] += 1

    stuck = run(call, threads, seconds + PATIENCE)
    expected = float(sum(counts[1::2])) * derivative(leaf)
    if not T.equal(leaf.grad, expected):
        wrong.append(f"the shared leaf: off by {(leaf.grad - expected).abs().max().item()}")
    return Outcome(sum(counts), tuple(wrong), stuck)


def run(call: Callable[[int], None], threads: int, patience: float) -> int:
    """Call in each thread at once; how many have not come back in time."""
    started = [threading.Thread(target=call, args=(i,), daemon=True) for i in range(threads)]
    for thread in started:
        thread.start()
    deadline = time.perf_counter() + patience
    for thread in started:
        thread.join(max(0.0, deadline - time.perf_counter()))
    return sum(thread.is_alive() for thread in started)


def function(x: Any) -> Any:
    """Products, views, a sum: ops that save tensors and ops that do not."""
    return (x * x * 3 + x.view(8, -1).t().reshape(-1) * 0 + x[::1] * 2).sum()


def derivative(x: Any) -> Any:
    """The gradient of ``function``."""
    return 6 * x.detach() + 2


def shared_graph() -> tuple[Any, Any]:
    leaf = T.arange(LENGTH, dtype=T.float64).requires_grad_()
    return leaf, function(leaf)


def shared_work(root: Any) -> Callable[[], None]:
    return lambda: root.backward(retain_graph=True)


def own_work(seed: int) -> Callable[[], None]:
    """A pass through a fresh graph, whose gradient must be exact each time."""
    x = (T.arange(LENGTH, dtype=T.float64) + seed).requires_grad_()

    def work() -> None:
        x.grad = None
        function(x).backward()
        if not T.equal(x.grad, derivative(x)):
            raise AssertionError(f"wrong gradient {x.grad}")

    return work


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--threads", type=int, default=64)
    given = options.parse_args()
    outcome = hammer(given.seconds, given.threads)
    print(f"{given.threads} threads, {given.seconds} s: {outcome.passes} passes, {outcome.stuck} threads stuck")
    print("\n".join(outcome.wrong) or "every gradient exact")


if __name__ == "__main__":
    main()
