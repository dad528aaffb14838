"""What only shows at length: leaks over thousands of training steps, a long graph on a short stack, start-up."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from statistics import median
from typing import Any

from benchmarks.programs import mlp, xor

STEPS = 10_000
STACK = 256 * 1024  # bytes: some hundred frames
SHALLOW = 120


def leaks(steps: int = STEPS) -> dict[str, Any]:
    """Traced bytes after a tenth of the steps and after all, and what the cycle collector then finds."""
    T: Any = importlib.import_module("refgrad")
    found = {}
    for name, step in (("mlp", mlp(T, 8)), ("xor", xor(T, 1))):
        found[name] = watched(step, steps)
    return found


def watched(step: Any, steps: int) -> dict[str, int]:
    """Run ``step`` with the cycle collector off, and look twice; what it then finds, reference counts had left."""
    repeated(step, 10)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        early, found = repeated(step, steps // 10)
        late, more = repeated(step, steps - steps // 10)
    finally:
        tracemalloc.stop()
        gc.enable()
    return {"steps": steps, "early": early, "late": late, "cycles": found + more}


def repeated(step: Any, times: int) -> tuple[int, int]:
    """Bytes held after ``times`` steps, and objects in cycles; collecting empties the interpreter's free lists too."""
    for _ in range(times):
        step()
    cycles = gc.collect()
    return tracemalloc.get_traced_memory()[0], cycles


def shallow(nodes: int) -> dict[str, Any]:
    """Free a chain on a short stack, after backward and without; recursion would end the process, in Python or in C."""
    done: list[str] = []

    def chain(backward: bool) -> None:
        T: Any = importlib.import_module("refgrad")
        x = T.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(nodes):
            y = y * 1.0
        if backward:
            y.backward()
        del y
        done.append("after backward" if backward else "without backward")

    def both() -> None:
        chain(backward=True)
        chain(backward=False)

    on_short_stack(both)
    return {"nodes": nodes, "freed": done}


def on_short_stack(work: Any) -> None:
    """Run ``work`` in a thread with little stack and a low limit of recursion."""
    importlib.import_module("refgrad").tensor(1.0)
    previous, limit = threading.stack_size(STACK), sys.getrecursionlimit()
    thread = threading.Thread(target=work)
    sys.setrecursionlimit(SHALLOW)
    try:
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(previous)


def start_up(times: int = 7) -> dict[str, float]:
    """Seconds of a process that imports numpy, and of one that imports refgrad and asks for its first name."""
    lines = {"numpy": "import numpy", "refgrad": "import refgrad; refgrad.tensor"}
    # as for who has installed it: modules compiled once, and kept
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(times + 1):
        for name, line in lines.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", line], check=True, env=environment)
            taken[name].append(time.perf_counter() - start)
    medians = {name: median(each[1:]) for name, each in taken.items()}  # the first fills the disk's cache
    return {**medians, "beyond_numpy": medians["refgrad"] - medians["numpy"]}
