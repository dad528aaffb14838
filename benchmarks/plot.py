"""The plot of a run: ratios on the left, growth with size on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.goals import GOALS
from benchmarks.table import NOT_REFGRAD, short

COLORS = {
    "refgrad": "black",
    "torch": "#d1495b",
    "numpy": "#8d99ae",
    "autograd": "#edae49",
    "mygrad": "#00798c",
    "candle": "#8e5ea2",
}


class NoMatplotlib(RuntimeError):
    """matplotlib is not installed."""


def draw(run: dict[str, Any], path: Path) -> None:
    """Save the picture.

    Errors: NoMatplotlib.
    """
    try:
        import matplotlib
    except ImportError:
        raise NoMatplotlib("no plot: it needs matplotlib; mend it with: pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, max(4.5, 0.42 * len(run["rows"]) + 1.8)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    draw_ratios(left, run)
    draw_growth(right, run)
    figure.savefig(path, dpi=110)


def draw_ratios(axes: Any, run: dict[str, Any]) -> None:
    """A dot a contestant, its quartiles as a bar, the goals against torch as a mark."""
    rows = run["rows"]
    names = [name for name in NOT_REFGRAD if name in run["machine"]["versions"]]
    for name in names:
        points = [(y, r["ratios"][name]["time"]) for y, r in enumerate(rows) if "time" in r["ratios"].get(name, {})]
        if points:
            middle = [t["median"] for _, t in points]
            bars = [[t["median"] - t["low"] for _, t in points], [t["high"] - t["median"] for _, t in points]]
            axes.errorbar(
                middle, [y for y, _ in points], xerr=bars, fmt="o", ms=6, color=COLORS[name], label=name, alpha=0.9
            )
    marks = [(g.bound, y) for g in GOALS for y, r in enumerate(rows) if goal_of(g, r)]
    if marks:
        x, y = zip(*marks)
        axes.scatter(
            x, y, marker="|", s=260, color=COLORS["torch"], linewidths=2.2, label="goal against torch", zorder=1
        )
    axes.axvline(1, color="black", lw=0.8)
    axes.set(xscale="log", xlabel="refgrad's time / the other's  (left of 1: refgrad is faster)", title="Time")
    axes.set_yticks(range(len(rows)), [f"{r['program']} {short(r['size'])}" for r in rows])
    axes.invert_yaxis()
    axes.grid(alpha=0.25, which="both", axis="x")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=6, fontsize=8, frameon=False)


def goal_of(goal: Any, row: dict[str, Any]) -> bool:
    same = goal.program == row["program"] and goal.size in (None, row["size"])
    return bool(same and goal.what == "time" and goal.against == "torch")


def draw_growth(axes: Any, run: dict[str, Any]) -> None:
    """Time an element, or a node, at each size; a library is named once."""
    for name in ("refgrad", *NOT_REFGRAD):
        label = name
        for program, style in (("elementwise", "-"), ("long_chain", "--")):
            rows = [r for r in run["rows"] if r["program"] == program and r["contestants"].get(name, {}).get("seconds")]
            times = [min(r["contestants"][name]["seconds"]) / r["size"] * 1e9 for r in rows]
            if len(times) > 1:
                sizes = [r["size"] for r in rows]
                axes.plot(sizes, times, style, marker=".", color=COLORS[name], label=label)
                label = "_drawn"  # matplotlib leaves such names out of the legend
    if axes.lines:
        axes.set(xscale="log", yscale="log")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=3, fontsize=8, frameon=False)
    axes.set(title="Growth: time by size", ylabel="ns an element, or a node")
    axes.set_xlabel("solid: elements of elementwise; dashed: nodes of long_chain")
    axes.grid(alpha=0.25)
