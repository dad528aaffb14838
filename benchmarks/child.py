"""What runs in a process of its own: ``python -m benchmarks.child '{"task": ...}'`` prints one line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory import ENVIRONMENT

LIMIT = 60.0  # seconds


def ask(task: str, *, limit: float = LIMIT, **arguments: Any) -> dict[str, Any]:
    """The answer of a process of its own, or ``{"why": ...}`` if it had none."""
    command = [sys.executable, "-m", "benchmarks.child", json.dumps({"task": task, **arguments})]
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"why": f"not done in {limit:.0f} s"}
    if done.returncode < 0:
        return {"why": f"died of signal {-done.returncode}"}
    if done.returncode:
        return {"why": reason(done.stderr)}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def environment() -> dict[str, str]:
    """This process's, one thread, and an allocator that gives back what is freed."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, **ENVIRONMENT, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def reason(stderr: str) -> str:
    """The last line of a traceback, shortened."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[-1][:100] if lines else "ended without a word"


def main() -> None:
    request = json.loads(sys.argv[1])
    task = request.pop("task")
    print(json.dumps(TASKS[task](**request)))


def _memory(**arguments: Any) -> dict[str, Any]:
    from benchmarks.memory import measure

    return measure(**arguments)


def _leaks(**arguments: Any) -> dict[str, Any]:
    from benchmarks.endurance import leaks

    return leaks(**arguments)


def _shallow(**arguments: Any) -> dict[str, Any]:
    from benchmarks.endurance import shallow

    return shallow(**arguments)


def _repeat(contestant: str, program: str, size: int, count: int) -> dict[str, Any]:
    """Run a program ``count`` times, for callgrind."""
    from benchmarks.contestants import CONTESTANTS

    run = CONTESTANTS[contestant].programs()[program](size)
    for _ in range(count):
        run()
    return {"count": count}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "memory": _memory,
    "leaks": _leaks,
    "shallow": _shallow,
    "repeat": _repeat,
}

if __name__ == "__main__":
    main()
