"""Who takes part: refgrad, and what a user would pick instead."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.programs import PROGRAMS, Run


@dataclass(frozen=True, slots=True)
class Contestant:
    """A library: its distribution on PyPI, what to import, and the peer's module if it does not speak torch."""

    name: str
    distribution: str
    module: str
    peer: str | None = None

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.distribution)

    def programs(self) -> dict[str, Callable[[int], Run]]:
        """What this library can run, by name; loads the library."""
        if self.peer is not None:
            table: dict[str, Callable[[int], Run]] = importlib.import_module(f"benchmarks.peers.{self.peer}").PROGRAMS
            return table
        namespace = importlib.import_module(self.module)
        if self.name == "torch":
            namespace.set_num_threads(1)
        return {name: partial(program.build, namespace) for name, program in PROGRAMS.items()}


CONTESTANTS = {
    each.name: each
    for each in (
        Contestant("refgrad", "refgrad", "refgrad"),
        Contestant("torch", "torch", "torch"),
        Contestant("numpy", "numpy", "numpy", peer="by_hand"),
        Contestant("autograd", "autograd", "autograd", peer="hips_autograd"),
        Contestant("mygrad", "mygrad", "mygrad", peer="mygrad_tensors"),
        Contestant("candle", "candle-python", "candle"),
    )
}


def present(names: Iterable[str] | None = None) -> list[Contestant]:
    """The contestants that are installed, refgrad first."""
    wanted = set(CONTESTANTS) if names is None else {"refgrad", *names}
    return [each for each in CONTESTANTS.values() if each.name in wanted and each.installed]


def refusal(build: Callable[[int], Run], expected: list[Any], small: int) -> str | None:
    """Why a contestant is not timed on a program: it fails, or computes something else, already at a small size."""
    try:
        found = flat(build(small)())
    except Exception as error:  # another library may fail in any way, and that is a result
        return f"{type(error).__name__}: {error}"[:100]
    return None if alike(found, expected) else "another result"


def alike(found: list[Any], expected: list[Any]) -> bool:
    """Whether the values are the same, up to rounding and to how they are cut into arrays."""
    ours, theirs = (np.concatenate([np.ravel(each) for each in arrays]) for arrays in (found, expected))
    return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, rtol=1e-4, atol=1e-5))


def flat(value: Any) -> list[Any]:
    """What a run returned, as a list of NumPy arrays."""
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in flat(item)]
    if type(value).__module__.startswith("mygrad"):
        return [np.asarray(value.data)]
    return [np.asarray(value.detach().numpy() if hasattr(value, "detach") else value)]
