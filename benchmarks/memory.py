"""Memory, in a process of its own: the highest resident set of a run, and the bytes that backward keeps alive."""

from __future__ import annotations

import ctypes
import gc
import resource
import time
import tracemalloc
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.programs import PROGRAMS, Run

# Large blocks go back to the system at once, in every library alike, so that the resident set follows what is held.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "NUMPY_MADVISE_HUGEPAGE": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
LONG = 15.0  # seconds: a longer run is not repeated
STATUS = Path("/proc/self/status")


def measure(contestant: str, program: str, size: int) -> dict[str, Any]:
    """Peak growth of the process during a run (the lowest of three), seconds of the first, bytes saved."""
    each = CONTESTANTS[contestant]
    build = each.programs()[program]
    small = build(PROGRAMS[program].small)
    small()  # what a library sets up at its first call is not the program's
    run = build(size)
    start = time.perf_counter()
    peaks = [peak(run)]
    found: dict[str, Any] = {"seconds": time.perf_counter() - start}
    if found["seconds"] < LONG:
        peaks += [peak(run), peak(run)]
    found["peak"] = min(peaks)
    found["allocated"] = None if contestant == "torch" or found["seconds"] > LONG else allocated(run)
    found["saved"] = saved_for_backward(each, run)
    return found


def settle() -> None:
    """Give back what is free."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return  # not glibc: the figures are coarser


def peak(run: Run) -> int:
    """By how many bytes the resident set grew at most."""
    settle()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        before = high_water()
        run()
        return high_water() - before
    except OSError:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def high_water() -> int:
    """The highest resident set since it was last reset, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def allocated(run: Run) -> int:
    """The peak of what Python and NumPy allocate."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# bytes saved for backward: counted when ``backward`` is called, before anything is freed


def saved_for_backward(contestant: Contestant, run: Run) -> int | None:
    """The most bytes that the graph held at any call of ``backward``; None where none is called, or none is seen."""
    if contestant.name not in ("refgrad", "torch"):
        return None
    tensor = __import__(contestant.module).Tensor
    held: list[Any] = []
    counts: list[int] = []
    plain = tensor.backward

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        counts.append(distinct_bytes(held) if contestant.name == "torch" else graph_bytes(self))
        held.clear()
        return plain(self, *args, **kwargs)

    tensor.backward = counting
    try:
        with packing(held) if contestant.name == "torch" else nullcontext():
            run()
    finally:
        tensor.backward = plain
    return max(counts, default=None)


def packing(held: list[Any]) -> AbstractContextManager[None]:
    """torch's hooks see each tensor that is saved; ``held`` keeps it."""
    from torch.autograd.graph import saved_tensors_hooks

    def pack(tensor: Any) -> Any:
        held.append(tensor)
        return tensor

    hooks: AbstractContextManager[None] = saved_tensors_hooks(pack, lambda tensor: tensor)
    return hooks


def distinct_bytes(tensors: list[Any]) -> int:
    """The bytes of the storages behind torch's tensors, each once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def graph_bytes(root: Any) -> int:
    """The bytes of the arrays that refgrad's nodes hold, each once."""
    owners: dict[int, int] = {}
    stack, seen = [root.grad_fn], {root.grad_fn}
    while stack:
        node = stack.pop()
        for value in getattr(node, "saved", ()) or ():
            array = owner(getattr(value, "_array", value))
            if isinstance(array, np.ndarray | np.generic):
                owners[id(array)] = array.nbytes
        fresh = {target for target in node.next_nodes if target is not None} - seen
        seen |= fresh
        stack += fresh
    return sum(owners.values())


def owner(array: Any) -> Any:
    """The array that owns the memory of ``array``."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array
