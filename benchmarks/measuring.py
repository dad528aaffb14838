"""One run of the benchmarks: memory and a first try in processes of their own, then time, row by row."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.child import ask
from benchmarks.contestants import Contestant, flat, refusal
from benchmarks.memory import LONG
from benchmarks.programs import PROGRAMS, Program, Run
from benchmarks.timing import BATCH, QUICK_BATCH, interleaved, ratio, spread

Say = Callable[[str], None]
QUICK_SLOW = 0.5  # seconds: in a quick run, a slower one is timed once


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure, and how long."""

    programs: tuple[str, ...]
    contestants: tuple[Contestant, ...]
    rounds: int
    quick: bool
    memory: bool

    def rows(self) -> list[tuple[Program, int]]:
        chosen = [PROGRAMS[name] for name in self.programs]
        return [(program, n) for program in chosen for n in (program.quick if self.quick else program.sizes)]


def measure(settings: Settings, say: Say) -> Iterator[dict[str, Any]]:
    """The rows, each as soon as it is there."""
    tables = {each.name: each.programs() for each in settings.contestants}
    refused = {program: refusals(tables, program) for program in settings.programs}
    for program, size in settings.rows():
        told = partial(saying, say, f"{program.name} {size}")
        found: dict[str, dict[str, Any]] = {name: {"why": why} for name, why in refused[program.name].items()}
        for name in tables:
            if program.name in tables[name] and name not in found:
                found[name] = try_out(name, program.name, size, settings, told)
        sound = [name for name in found if "why" not in found[name] and found[name].get("seconds", 0) <= LONG]
        runs: dict[str, Run] = {name: tables[name][program.name](size) for name in sound}
        batch, slow = (QUICK_BATCH, QUICK_SLOW) if settings.quick else (BATCH, LONG)
        times = interleaved(runs, rounds=settings.rounds, batch=batch, slow=slow, say=told)
        yield row(program.name, size, found, times)


def refusals(tables: dict[str, Any], program: str) -> dict[str, str]:
    """Those that cannot run a program, or run it wrong, with the reason; refgrad's own faults are not caught."""
    small = PROGRAMS[program].small
    expected = flat(tables["refgrad"][program](small)())
    able = {name: table[program] for name, table in tables.items() if name != "refgrad" and program in table}
    found = {name: refusal(build, expected, small) for name, build in able.items()}
    return {name: why for name, why in found.items() if why is not None}


def saying(say: Say, label: str, what: str) -> None:
    say(f"{label}: {what}")


def try_out(name: str, program: str, size: int, settings: Settings, say: Say) -> dict[str, Any]:
    """Memory and a first time; what crashes or takes too long does so here and not in the timing loop."""
    if not settings.memory:
        return {}
    say(f"memory of {name}")
    return ask("memory", contestant=name, program=program, size=size)


def row(program: str, size: int, found: dict[str, dict[str, Any]], times: dict[str, list[float]]) -> dict[str, Any]:
    """All that is known of a program at a size; ratios are refgrad's figure over the other's."""
    contestants = {name: entry(found[name], times.get(name)) for name in found}
    ours = contestants["refgrad"]
    ratios = {name: ratios_to(ours, each) for name, each in contestants.items() if name != "refgrad"}
    return {"program": program, "size": size, "contestants": contestants, "ratios": ratios}


def entry(found: dict[str, Any], times: list[float] | None) -> dict[str, Any]:
    """One contestant's figures; ``first`` is the time of the first run, in a process of its own."""
    first = {"first" if key == "seconds" else key: value for key, value in found.items()}
    if times is None and "first" in first:
        times = [first["first"]]  # too slow to be run again
    return {**first, "seconds": times or [], "noise": spread(times) if times else None}


def ratios_to(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Of time, of peak memory and of what is saved for backward; only those that were measured."""
    found: dict[str, Any] = {}
    if len(ours["seconds"]) > 1 and len(theirs["seconds"]) == 1:
        found["time"] = ratio([median(ours["seconds"])], theirs["seconds"])
    elif ours["seconds"] and theirs["seconds"]:
        found["time"] = ratio(ours["seconds"], theirs["seconds"])
    for what in ("peak", "saved"):
        if ours.get(what) is not None and theirs.get(what):
            found[what] = ours[what] / theirs[what]
    return found


def machine(contestants: Iterable[Contestant]) -> dict[str, Any]:
    """What a reader must know to read the figures; no names of hosts."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {each.name: each.version for each in contestants},
    }
