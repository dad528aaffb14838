"""Who does the work: this process, isolated workers on this machine, or a Dask cluster; all hand out futures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self

from refgrad.errors import RefgradError
from refgrad.harness.isolation import Died, Isolation, Limits

__all__ = ["Cluster", "Crew", "Here", "Local"]

PRELOAD = ("refgrad.harness.campaign.work", "refgrad.engine.namespace")
SHARD_SECONDS = 600.0  # of a whole task, where its parts have alarms of their own


class Crew(Protocol):
    """Starts tasks, and answers what came of them."""

    @property
    def limit(self) -> float | None:
        """How many seconds a part of a task may take."""
        ...

    @property
    def width(self) -> int:
        """How many tasks keep everybody busy."""
        ...

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start a task."""
        ...

    def answer(self, future: Future[Any]) -> Any:
        """What the task returned, or how it died."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Here:
    """This process: fast, and at the mercy of the backend."""

    limit, width = None, 1

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run the task at once."""
        future = Future[Any]()
        future.set_result(function(*args))
        return future

    def answer(self, future: Future[Any]) -> Any:
        """What the task returned."""
        return future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Local:
    """Isolated workers on this machine."""

    def __init__(self, jobs: int, limits: Limits) -> None:
        self.limit, self.width = limits.seconds, 2 * jobs  # one task waits for each that runs
        self._pool = Isolation(jobs, limits, preload=PRELOAD)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start a task in a worker."""
        return self._pool.submit(function, *args, seconds=SHARD_SECONDS)

    def answer(self, future: Future[Any]) -> Any:
        """What the task returned, or how its process died."""
        return self._pool.answer(future)

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, traceback)


class Cluster:
    """The workers of a Dask cluster, which may come, go and die; each runs its tasks in an isolated process of its own.

    Errors: ``RefgradError`` where there is no scheduler at ``address``, or distributed is not installed.
    """

    def __init__(self, address: str, limits: Limits | None) -> None:
        self.limit, self._limits = None if limits is None else limits.seconds, limits
        self._client = client(address)
        self._executor = self._client.get_executor(pure=False)

    @property
    def width(self) -> int:
        """Two tasks for each thread that there is just now."""
        threads: dict[str, int] = self._client.nthreads()
        return 2 * max(sum(threads.values()), 1)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start a task on the cluster; one whose worker is lost is started again elsewhere."""
        future: Future[Any] = self._executor.submit(remote, self._limits, function, *args)
        return future

    def answer(self, future: Future[Any]) -> Any:
        """What the task returned, or how it died."""
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            return Died("crash", f"it killed every worker that tried ({error})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()


def client(address: str) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise RefgradError("--scheduler needs distributed; mend it with: pip install 'refgrad[dask]'") from error
    make: Any = distributed.Client
    try:
        return make(address, timeout=10)
    except (OSError, ValueError) as error:
        raise RefgradError(f"{address}: no Dask scheduler there ({error})") from error


# -- on the cluster

POOLS: dict[Limits, Isolation] = {}
LOCK = threading.Lock()


def remote(limits: Limits | None, function: Callable[..., Any], *args: Any) -> Any:
    """Run a task in an isolated process of this Dask worker's own, which stays for the next."""
    if limits is None:
        return function(*args)
    return pool(limits).run(function, *args, seconds=SHARD_SECONDS)


def pool(limits: Limits) -> Isolation:
    from distributed import get_worker

    with LOCK:
        if limits not in POOLS:
            POOLS[limits] = Isolation(get_worker().state.nthreads, limits, preload=PRELOAD)
        return POOLS[limits]
