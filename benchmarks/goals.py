"""The goals, as ratios, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PEERS = ("autograd", "mygrad", "candle")
NODES_SPREAD = 1.3  # time and memory a node may differ by so much between the sizes of a chain
START_UP = 0.15  # seconds beyond numpy


@dataclass(frozen=True, slots=True)
class Goal:
    """refgrad's figure over another's is to be at most ``bound``."""

    program: str
    against: str
    bound: float
    what: str = "time"
    size: int | None = None


GOALS = (
    Goal("scalar_chain", "torch", 0.5),
    Goal("linear_regression", "torch", 0.5),
    Goal("xor", "torch", 0.5),
    Goal("third_derivative", "torch", 0.5),
    Goal("mlp", "torch", 1.0),
    Goal("mlp", "numpy", 1.25),
    Goal("elementwise", "torch", 1.0, size=10**6),
    Goal("mlp", "torch", 1.2, "peak"),
    Goal("long_chain", "torch", 1.2, "peak", size=10**6),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal in words, what was measured, and whether it holds."""

    goal: str
    measured: str
    met: bool


def judge(run: dict[str, Any]) -> list[Verdict]:
    """A verdict on each goal that the run has figures for."""
    rows = run["rows"]
    verdicts = [each for goal in GOALS for row in rows if (each := judged(goal, row)) is not None]
    return [*verdicts, *faster_than_peers(rows), *linear(rows), *at_length(run)]


def judged(goal: Goal, row: dict[str, Any]) -> Verdict | None:
    if row["program"] != goal.program or goal.size not in (None, row["size"]):
        return None
    found = row["ratios"].get(goal.against, {}).get(goal.what)
    if found is None:
        return None
    value = found["median"] if goal.what == "time" else found
    what = "peak memory, " if goal.what == "peak" else ""
    words = f"{row['program']} {row['size']}: {what}at most {goal.bound} x {goal.against}"
    return Verdict(words, f"{value:.3f}", value <= goal.bound)


def faster_than_peers(rows: Iterable[dict[str, Any]]) -> list[Verdict]:
    """One verdict a peer: the rows that are lost, or the one in which it comes closest."""
    rows, found = list(rows), []
    for peer in PEERS:
        timed = [row for row in rows if "time" in row["ratios"].get(peer, {})]
        times = {f"{row['program']} {row['size']}": row["ratios"][peer]["time"]["median"] for row in timed}
        if times:
            worst = max(times, key=times.__getitem__)
            lost = [f"{value:.2f} ({name})" for name, value in times.items() if value >= 1 or name == worst]
            found.append(Verdict(f"every row faster than {peer}", ", ".join(lost), times[worst] < 1))
    return found


def linear(rows: Iterable[dict[str, Any]]) -> list[Verdict]:
    """Whether time and memory a node stay the same as the chain grows."""
    chain = [row for row in rows if row["program"] == "long_chain"]
    found = []
    for what, each in (("time", [per_node(row, "seconds") for row in chain]), ("peak memory", memory_per_node(chain))):
        if len(each) > 1 and all(each):
            growth = max(each) / min(each)
            measured = f"{growth:.2f} x between {chain[0]['size']} and {chain[-1]['size']} nodes"
            words = f"long_chain: {what} a node within {NODES_SPREAD} x"
            found.append(Verdict(words, measured, growth <= NODES_SPREAD))
    return found


def memory_per_node(chain: list[dict[str, Any]]) -> list[float]:
    """What was allocated, which is exact, or the growth of the process where that was not measured at each size."""
    exact = [per_node(row, "allocated") for row in chain]
    return exact if all(exact) else [per_node(row, "peak") for row in chain]


def per_node(row: dict[str, Any], what: str) -> float:
    value = row["contestants"]["refgrad"].get(what) or 0.0
    return (min(value) if isinstance(value, list) else float(value)) / float(row["size"])


def at_length(run: dict[str, Any]) -> list[Verdict]:
    """Leaks, freeing on a short stack, start-up."""
    found = []
    for name, seen in run.get("leaks", {}).items():
        per_step = (seen["late"] - seen["early"]) / (0.9 * seen["steps"])
        measured = f"{per_step:.1f} bytes a step, {seen['cycles']} objects in cycles"
        found.append(
            Verdict(f"{seen['steps']} steps of {name} leak nothing", measured, per_step < 1 and not seen["cycles"])
        )
    if "shallow" in run:
        freed = run["shallow"].get("freed", [])
        words = f"a chain of {run['shallow'].get('nodes', 'many')} nodes is freed without recursion"
        found.append(Verdict(words, run["shallow"].get("why") or " and ".join(freed), len(freed) == 2))
    if "start_up" in run:
        beyond = run["start_up"]["beyond_numpy"]
        found.append(
            Verdict(f"import refgrad: at most {START_UP} s beyond numpy", f"{beyond:.3f} s", beyond <= START_UP)
        )
    return found
