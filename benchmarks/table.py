"""The table of a run, as markdown that also reads well in a terminal."""

from __future__ import annotations

from typing import Any

from benchmarks.goals import judge

MISSING = "—"
SEEN = 2**20  # bytes: a process that grew by less tells nothing
NOT_REFGRAD = ("torch", "numpy", "autograd", "mygrad", "candle")


def render(run: dict[str, Any]) -> str:
    """The ratios, then the goals."""
    return "\n\n".join(part for part in (ratios(run), remarks(run), goals(run)) if part)


def ratios(run: dict[str, Any]) -> str:
    """One line a program and size; each cell is refgrad's figure over the other's."""
    names = [name for name in NOT_REFGRAD if name in run["machine"]["versions"]]
    head = ["program", "size", "refgrad", *(f"/ {name}" for name in names), "peak memory / torch", "saved / torch"]
    lines = [
        [r["program"], short(r["size"]), own_time(r), *(time_cell(r, n) for n in names), *memory_cells(r)]
        for r in run["rows"]
    ]
    return grid(head, lines)


def own_time(row: dict[str, Any]) -> str:
    times = sorted(row["contestants"]["refgrad"]["seconds"])
    return duration(times[len(times) // 2]) if times else MISSING


def time_cell(row: dict[str, Any], name: str) -> str:
    """Median and quartiles; ``~`` where it was timed once."""
    found = row["ratios"].get(name, {}).get("time")
    if found is None:
        return "fails" if "why" in row["contestants"].get(name, {}) else MISSING
    if found["rounds"] == 1:
        return f"~{found['median']:.2f}"
    return f"{found['median']:.2f} ({found['low']:.2f}-{found['high']:.2f})"


def memory_cells(row: dict[str, Any]) -> list[str]:
    found = dict(row["ratios"].get("torch", {}))
    if row["contestants"].get("torch", {}).get("peak", 0) < SEEN:
        found.pop("peak", None)
    return [f"{found[what]:.2f}" if what in found else MISSING for what in ("peak", "saved")]


def remarks(run: dict[str, Any]) -> str:
    """Why a contestant has no figure where it should have one."""
    failures = [(r, n, c["why"]) for r in run["rows"] for n, c in r["contestants"].items() if "why" in c]
    return "\n".join(f"{name} fails at {row['program']} {short(row['size'])}: {why}" for row, name, why in failures)


def goals(run: dict[str, Any]) -> str:
    verdicts = judge(run)
    return (
        grid(["goal", "measured", "met"], [[v.goal, v.measured, "yes" if v.met else "no"] for v in verdicts])
        if verdicts
        else ""
    )


def grid(head: list[str], lines: list[list[str]]) -> str:
    """A markdown table with columns of even width."""
    table = [head, *lines]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths)) + " |" for line in (head, rule, *lines)
    )


def short(size: int) -> str:
    """``1e6`` for a million, other numbers as they are."""
    exponent = len(str(size)) - 1
    return f"1e{exponent}" if size == 10**exponent and exponent > 1 else str(size)


def duration(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError(seconds)


def described(machine: dict[str, Any]) -> str:
    """The line below a table: on what it was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    system = f"{machine['architecture']}, {machine['system']}"
    return (
        f"{machine['cores']} cores ({system}), one thread, Python {machine['python']}; {versions}. "
        f"Load at the start: {machine['load']}."
    )
