"""The short table in which a run ends."""

from collections.abc import Iterator

from refgrad.harness.report import ops
from refgrad.harness.results import Case, Run

__all__ = ["render"]

INDENT = "  "
SHOWN_LINES = 6  # of a failure's message; the record has it whole
SHOWN_CASES = 6  # of a test that fails in many


def render(run: Run) -> str:
    """Verdict counts by theme, those by op, each failure with the command that runs it again, a line that sums up."""
    parts = [*table(run), *by_op(run), *failures(run), *unmet(run), ""] if run.cases else []
    return "\n".join([*parts, conclusion(run)])


def table(run: Run) -> Iterator[str]:
    themes, total = run.themes(), run.counts
    columns = list(total)
    width = max([len("theme"), *map(len, themes)])
    yield row("theme", columns, columns, width)
    for theme, counts in themes.items():
        yield row(theme, columns, [str(counts.get(column, ".")) for column in columns], width)
    yield row("total", columns, [str(total[column]) for column in columns], width)


def by_op(run: Run) -> Iterator[str]:
    lines = list(ops.table(run))
    yield from ["", *lines] if lines else []


def row(name: str, columns: list[str], cells: list[str], width: int) -> str:
    return f"{name:<{width}}" + "".join(
        f"  {cell:>{max(len(column), 4)}}" for column, cell in zip(columns, cells, strict=True)
    )


def failures(run: Run) -> Iterator[str]:
    """One entry a test: its first case in full, the others of its cases by name."""
    tests: dict[tuple[str, str], list[Case]] = {}
    for case in run.red:
        tests.setdefault((case.outcome, test_of(case.id)), []).append(case)
    for first, *others in tests.values():
        yield ""
        yield f"{first.outcome.upper()} {first.id}  [{first.behaviour}, {first.level}]"
        yield from (f"{INDENT}{line}" for line in body(run, first))
        yield f"{INDENT}again: {run.header.line(first.id)}"
        yield from more(run, first, others)


def more(run: Run, first: Case, others: list[Case]) -> Iterator[str]:
    if others:
        names = [case.id.removeprefix(test_of(first.id)) for case in others]
        shown = " ".join(names[:SHOWN_CASES]) + " ..." * (len(names) > SHOWN_CASES)
        yield f"{INDENT}and {len(others)} more of its cases: {shown}"
        yield f"{INDENT}all of them: {run.header.line(test_of(first.id))}"


def test_of(id: str) -> str:
    return id.partition("[")[0]


def body(run: Run, case: Case) -> list[str]:
    # the message names backend and case, for those who meet it elsewhere; here the lines above do
    message = case.message.removeprefix(f"{run.header.backend}, {case.id}: ")
    lines = [line for line in (case.statement, *message.splitlines()) if line]
    return lines[:SHOWN_LINES] + ["..."] * (len(lines) > SHOWN_LINES)


def unmet(run: Run) -> Iterator[str]:
    for entry in run.footer.unmet:
        yield ""
        yield f"UNMET EXPECTATION {entry}"


def conclusion(run: Run) -> str:
    return f"{run.header.backend} {run.header.version}: {verdict(run)}"


def verdict(run: Run) -> str:
    if run.footer.invalid:
        return run.footer.invalid
    if len(run.cases) < run.footer.planned:
        return f"stopped early: {len(run.cases)} of {run.footer.planned} cases ran, so the counts prove nothing"
    if run.executed == 0:
        return f"nothing was executed ({sums(run)}): red, for a run that tests nothing proves nothing"
    return f"{'green' if run.green else 'red'}: {sums(run)}"


def sums(run: Run) -> str:
    counts = run.counts
    passed = f"{run.passed} of {run.applicable} applicable cases pass"
    others = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if outcome != "pass")
    return f"{passed}; {others}" if others else passed
