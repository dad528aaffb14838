"""A run as markdown, for a pull request or a job summary."""

from collections.abc import Iterator

from refgrad.harness.report import terminal
from refgrad.harness.results import Case, Run

__all__ = ["render"]


def render(run: Run) -> str:
    """A heading, the verdict, the counts by theme, and each failure folded away."""
    return "\n".join([heading(run), "", terminal.verdict(run), "", *table(run), *failures(run), *unmet(run)]) + "\n"


def heading(run: Run) -> str:
    return f"### refgrad: {run.header.backend} {run.header.version}"


def table(run: Run) -> Iterator[str]:
    columns = list(run.counts)
    yield row(["theme", *columns])
    yield row(["---", *["---:"] * len(columns)])
    for theme, counts in run.themes().items():
        yield row([theme, *[str(counts.get(column, "")) for column in columns]])
    yield row(["**total**", *[f"**{run.counts[column]}**" for column in columns]])


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def failures(run: Run) -> Iterator[str]:
    for case in run.red:
        yield from ("", "<details>", f"<summary>{case.outcome}: <code>{escaped(case.id)}</code></summary>", "")
        yield from body(case)
        yield from ("", "```console", run.header.line(case.id), "```", "</details>")


def body(case: Case) -> Iterator[str]:
    yield f"{escaped(case.statement)} ({case.behaviour}, {case.level})"
    # four backticks, for a message may hold three
    yield from ("", "````text", case.message, "````")


def unmet(run: Run) -> Iterator[str]:
    if run.footer.unmet:
        yield from ("", "Expectations that were not met:", "")
    yield from (f"- {escaped(entry)}" for entry in run.footer.unmet)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
