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
NO_MEMORY = 86  # the exit status of a worker that ran out of it
LAST_WORDS = 2000  # bytes of a dead worker's output that are kept
NOTE, OUTPUT = "note", "output"  # the files of a worker

notebook = -1  # in a worker: where it notes what it is about to do


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
    """A task whose process did not live to answer: what it had noted last, and the end of what it had printed."""

    outcome: Literal["crash", "timeout"]
    reason: str
    noted: str = ""
    said: str = ""


class Isolation:
    """A pool of ``jobs`` worker processes, each under ``limits``; one that dies is replaced.

    The modules of ``preload`` are imported once for all workers, before any is under limits: no candidate's.
    What the workers print goes to files of their own. Where the platform has no limits of memory and output (Windows),
    only time is limited.
    """

    def __init__(self, jobs: int = 1, limits: Limits | None = None, *, preload: tuple[str, ...] = ()) -> None:
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
        self._pool: Any = ProcessPool(jobs, TASKS, confine, (self.limits, self._folder.name), context=starter(preload))

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
            noted, said = (self._read(error.pid, kind) for kind in (NOTE, OUTPUT))
            if error.exitcode == -ALARM:
                return Died("timeout", "it took too long", noted, said)
            return Died("crash", f"the process {self._ending(error.exitcode)}", noted, said)

    def _ending(self, status: int) -> str:
        return f"wanted more than {self.limits.memory >> 20:,} MiB of memory" if status == NO_MEMORY else ending(status)

    def run(self, function: Callable[..., Any], *args: Any, seconds: float | None = None) -> Any:
        """``submit`` and ``answer`` at once."""
        return self.answer(self.submit(function, *args, seconds=seconds))

    def _read(self, pid: int, kind: str) -> str:
        with contextlib.suppress(OSError), file_of(self._folder.name, pid, kind).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LAST_WORDS, 0))
            return file.read().decode(errors="replace")
        return ""


def starter(preload: tuple[str, ...]) -> Any:
    """How workers are started: forked from a clean server where the platform has that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


# -- in the worker


def confine(limits: Limits, folder: str) -> None:
    """Set the limits of this process, and send what it prints to a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who interrupts speaks to the run, which ends its workers
    global notebook
    notebook = opened(folder, NOTE)
    output = opened(folder, OUTPUT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output, limits.output))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would go on printing, and failing


def task(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Run one task with its output file empty; one that runs out of memory is not to be trusted any more."""
    os.ftruncate(1, 0)
    try:
        return function(*args)
    except MemoryError:
        os._exit(NO_MEMORY)


def alarm(seconds: float) -> None:
    """Let this process be killed unless it says so again, with 0 for never, within ``seconds``.

    A part of a task is timed so; where the platform has no alarms (Windows), the whole task's time is what limits it.
    """
    if ALARM:
        signal.signal(ALARM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def note(text: str) -> None:
    """Write down, over the last note, what is to be known if this process dies next."""
    os.ftruncate(notebook, 0)
    os.write(notebook, text.encode())


def opened(folder: str, kind: str) -> int:
    return os.open(file_of(folder, os.getpid(), kind), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def file_of(folder: str, pid: int, kind: str) -> Path:
    return Path(folder) / f"{pid}.{kind}"


def ending(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    names = {each.value: each.name for each in signal.Signals}
    said = {"SIGXFSZ": "was killed by SIGXFSZ: it printed without end"}
    name = names.get(-status, f"signal {-status}")
    return said.get(name, f"was killed by {name}")
