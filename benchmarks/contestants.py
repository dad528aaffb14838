"""Who takes part: refgrad, and what a user would pick instead."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

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


def flat(value: Any) -> list[Any]:
    """What a run returned, as a flat list of NumPy arrays."""
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in flat(item)]
    value = value.detach() if hasattr(value, "detach") else value
    numpy = importlib.import_module("numpy")
    if hasattr(value, "numpy"):
        return [numpy.asarray(value.numpy())]
    return [numpy.asarray(getattr(value, "data", value) if type(value).__module__.startswith("mygrad") else value)]
