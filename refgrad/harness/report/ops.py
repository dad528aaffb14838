"""The verdict on each op: what came of all the questions about it."""

from collections import Counter
from collections.abc import Iterator

from refgrad.harness.outcomes import EXCUSED, RED
from refgrad.harness.results import Case, Run
from refgrad.harness.tally import op_of

__all__ = ["by_op", "table", "verdict"]

SHOWN_REASON = 100  # characters


def by_op(run: Run) -> dict[str, list[Case]]:
    """The cases of each op of the catalogue that was asked about."""
    found: dict[str, list[Case]] = {}
    for case in run.cases:
        if op := op_of(case.id):
            found.setdefault(op, []).append(case)
    return found


def verdict(cases: list[Case]) -> str:
    """One word for an op: the worst of what its cases came to; unsupported only if nothing could be asked."""
    outcomes = {case.outcome for case in cases}
    if outcomes & RED:
        return "fail"
    for found in ("xfail", "pass (convention)", "pass"):
        if found in outcomes:
            return found
    return "unsupported" if outcomes <= EXCUSED and "unsupported" in outcomes else "n/a"


def table(run: Run) -> Iterator[str]:
    """How many ops came to what, and a line for each that failed or chose otherwise than PyTorch."""
    ops = by_op(run)
    if not ops:
        return
    verdicts = {op: verdict(cases) for op, cases in ops.items()}
    counts = Counter(verdicts.values())
    yield f"{len(ops)} ops: {', '.join(f'{number} {outcome}' for outcome, number in counts.most_common())}"
    width = max(map(len, ops))
    for op, came_to in verdicts.items():
        if came_to in ("fail", "xfail", "pass (convention)"):
            yield f"  {op:<{width}}  {came_to}: {questions(ops[op], came_to)}"


def questions(cases: list[Case], came_to: str) -> str:
    """The questions that an op's verdict comes from; of a convention, what was chosen."""
    outcomes = RED if came_to == "fail" else {came_to}
    telling = [case for case in cases if case.outcome in outcomes]
    if came_to == "pass (convention)":
        reason = telling[0].reason.partition("; ")[0]
        return reason if len(reason) <= SHOWN_REASON else reason[:SHOWN_REASON] + " ..."
    return ", ".join(dict.fromkeys(case.id.partition("::test_")[2].partition("[")[0] for case in telling))
