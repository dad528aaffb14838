"""What is seen of a campaign while it runs: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

from refgrad.harness.campaign.campaign import Campaign
from refgrad.harness.program import sampled
from refgrad.harness.program.grammar import INPLACE, OPS

__all__ = ["Progress", "coverage", "line"]

SHOWN = 12  # findings in the live table


class Progress:
    """Shows a campaign on rich's ``console``: live where it is a terminal, else a line every ``seconds``."""

    def __init__(self, console: Any, *, seconds: float = 10.0) -> None:
        from rich.live import Live

        self._console, self._seconds = console, seconds
        self._began = self._last = time.monotonic()
        self._before: int | None = None
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, campaign: Campaign) -> None:
        """Show how things stand."""
        if self._before is None:
            self._before = campaign.store.programs
        if self._live is not None:
            self._live.update(self._table(campaign))
        elif time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            self._console.print(self._line(campaign), highlight=False, soft_wrap=True)

    def _line(self, campaign: Campaign) -> str:
        elapsed = max(time.monotonic() - self._began, 1e-9)
        return line(campaign, elapsed, campaign.store.programs - (self._before or 0))

    def _table(self, campaign: Campaign) -> Any:
        from rich.table import Table

        table = Table(title=self._line(campaign), title_justify="left", box=None, pad_edge=False, expand=True)
        table.add_column("seen", justify="right", no_wrap=True)
        table.add_column("finding", overflow="ellipsis", no_wrap=True, ratio=1)
        for each in campaign.unexpected[:SHOWN]:
            table.add_row(f"{campaign.store.families[each['family']]:,}", each["signature"])
        return table


def line(campaign: Campaign, elapsed: float, programs: int) -> str:
    """How things stand, in a line."""
    store, known = campaign.store, sum(bool(each["known"]) for each in campaign.store.findings.values())
    findings = f"{len(campaign.unexpected)} findings" + (f" ({known} known)" if known else "")
    return (
        f"{clock(elapsed)}  {store.programs:,} programs, {programs / elapsed:,.0f}/s  "
        f"{coverage(store.reached)}  {findings}"
    )


def coverage(reached: Counter[str]) -> str:
    """How many of the ops have been reached: the grammar's own, and those of the catalogue."""
    ops = {*OPS, *INPLACE, *sampled.names()}
    return f"{len(ops & set(reached))}/{len(ops)} ops"


def clock(seconds: float) -> str:
    """``h:mm:ss``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
