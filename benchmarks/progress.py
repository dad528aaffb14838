"""A line that says what is going on, on standard error; in a terminal it is written over."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class Progress:
    """Counts the rows that are done; says what is being measured."""

    def __init__(self, rows: int) -> None:
        self.rows, self.finished, self.start = rows, 0, time.monotonic()
        self.live = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            sys.stderr.write("\r\x1b[K")

    def say(self, what: str) -> None:
        """Show what is being done; only where the line can be written over."""
        if self.live:
            sys.stderr.write(f"\r\x1b[K[{self.finished}/{self.rows}] {what}")
            sys.stderr.flush()

    def done(self, what: str, result: str) -> None:
        """A row is there."""
        self.finished += 1
        clear = "\r\x1b[K" if self.live else ""
        elapsed = time.monotonic() - self.start
        print(
            f"{clear}[{self.finished}/{self.rows}] {elapsed:4.0f} s  {what}: {result} x torch",
            file=sys.stderr,
            flush=True,
        )
