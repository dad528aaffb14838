"""Runs functions in worker processes with limits, so that a crash, a hang or a flood is an answer like any other."""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from refgrad.errors import RefgradError

__all__ = ["Died", "Isolation", "Limits", "alarm", "ending", "note"]

ALARM = getattr(signal, "SIGALRM", 0)
TASKS = 200  # that a worker serves before it is replaced: what a library leaks goes with it
LAST_WORDS = 2000  # bytes of a dead worker's output that are kept


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task may take.

    Units: seconds, and bytes of memory and of output.
    """

    seconds: float = 10.0
    memory: int = 8 << 30
    output: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Died:
    """A task whose process did not live to answer; ``said`` is the end of what it had printed."""

    outcome: Literal["crash", "timeout"]
    reason: str
    said: str = ""


class Isolation:
    """A pool of ``jobs`` worker processes, each under ``limits``; one that dies is replaced.

    What the workers print goes to files of their own. Where the platform has no limits of memory and output (Windows),
    only time is limited.
    """

    def __init__(self, jobs: int = 1, limits: Limits | None = None) -> None:
        if importlib.util.find_spec("pebble") is None:
            raise RefgradError(
                "isolation needs pebble; mend it with: pip install 'refgrad[fuzz]', or use --isolate=off"
            )
        if multiprocessing.current_process().daemon:
            raise RefgradError(
                "a daemonic process may have no workers: start Dask's with --no-nanny, or use --isolate=off"
            )
        from pebble import ProcessPool

        self.limits = limits or Limits()
        self._folder = tempfile.TemporaryDirectory(prefix="refgrad-")
        how = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._pool: Any = ProcessPool(
            jobs, TASKS, confine, (self.limits, self._folder.name), context=multiprocessing.get_context(how)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close() if kind is None else self._pool.stop()
        self._pool.join()
        self._folder.cleanup()

    def submit(self, function: Callable[..., Any], *args: Any, seconds: float | None = None) -> Future[Any]:
        """Start ``function`` in a worker; it, what it is given and what it returns are pickled."""
        limit = self.limits.seconds if seconds is None else seconds
        future: Future[Any] = self._pool.schedule(task, (function, args), timeout=limit)
        return future

    def answer(self, future: Future[Any]) -> Any:
        """What the function returned, or how its process died.

        Errors: what the function raised.
        """
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError as error:
            if future.exception() is not error or len(error.args) != 2:  # the function's own
                raise
            return Died("timeout", f"no answer within {error.args[1]:g} s")
        except ProcessExpired as error:
            if error.exitcode == -ALARM:
                return Died("timeout", "it took too long", self._said(error.pid))
            return Died("crash", f"the process {ending(error.exitcode)}", self._said(error.pid))
        except MemoryError:
            return Died("crash", f"more than {self.limits.memory >> 20:,} MiB of memory")

    def run(self, function: Callable[..., Any], *args: Any, seconds: float | None = None) -> Any:
        """``submit`` and ``answer`` at once."""
        return self.answer(self.submit(function, *args, seconds=seconds))

    def _said(self, pid: int) -> str:
        with contextlib.suppress(OSError), output_of(self._folder.name, pid).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_WORDS, 0))
            return file.read().decode(errors="replace")
        return ""


# -- in the worker


def confine(limits: Limits, folder: str) -> None:
    """Set the limits of this process, and send what it prints to a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who interrupts speaks to the run, which ends its workers
    file = os.open(output_of(folder, os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output, limits.output))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would go on printing, and failing


def task(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Run one task with its output file empty."""
    with contextlib.suppress(OSError):
        os.ftruncate(1, 0)
    return function(*args)


def alarm(seconds: float) -> None:
    """Let this process be killed unless it says so again, with 0 for never, within ``seconds``.

    A part of a task is timed so; where the platform has no alarms (Windows), the whole task's time is what limits it.
    """
    if ALARM:
        signal.signal(ALARM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def note(text: str) -> None:
    """Write a line where it is found if this process dies next."""
    os.write(2, f"{text}\n".encode())


def output_of(folder: str, pid: int) -> Path:
    return Path(folder) / f"{pid}.txt"


def ending(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    names = {each.value: each.name for each in signal.Signals}
    said = {"SIGXFSZ": "was killed by SIGXFSZ: it printed without end"}
    name = names.get(-status, f"signal {-status}")
    return said.get(name, f"was killed by {name}")
