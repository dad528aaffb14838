"""The section on ops of ``docs/coverage.md``, written from a score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.score.chapters import counts
from tests.score.tally import Score, whole_names

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
BEGIN, END = "<!-- python -m tests.score --coverage -->", "<!-- end -->"
LONGEST = 110  # characters of a finding

INTERNAL = re.compile(r"_(?!_)|torch\.ops\.|native_|max_pool2d_with_indices_backward|slice$|grid_sampler_")


def write(scores: Iterable[Score], page: Path = PAGE) -> None:
    """Put the section where the last one was, or at the end of the page."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head.rstrip()}\n\n{BEGIN}\n{section(list(scores))}\n{END}{tail or chr(10)}", encoding="utf-8")


def section(scores: list[Score]) -> str:
    """How many names are whole, and each of the others with the reason why not."""
    names = whole_names(scores)
    head = (
        f"## Ops\n\nOf the {len(names)} names that PyTorch's own database calls differentiable in float64 (masked and "
        f"sparse ones set\naside) {sum(names.values())} are whole on refgrad: value, gradient, gradient of gradient and "
        "forward mode agree on every sample.\nThe rest:\n\n| name | why not |\n|---|---|"
    )
    return "\n".join([head, *rows(scores, names)])


def rows(scores: list[Score], names: dict[str, bool]) -> Iterator[str]:
    first = {each.name: each for each in reversed(scores) if each.finding is not None and counts(each.name)}
    missing = [name for name in names if name in first and first[name].missing]
    internal = [name for name in missing if INTERNAL.match(name)]
    yield from listed(internal, "a function of PyTorch's insides, that no program calls")
    yield from listed([name for name in missing if name not in internal], "not there")
    for name, score in sorted(first.items()):
        if name not in missing:
            yield f"| `{name}` | {why(score)} |"


def listed(names: list[str], reason: str) -> Iterator[str]:
    if names:
        yield f"| {', '.join(f'`{name}`' for name in sorted(names))} | {reason} |"


def why(score: Score) -> str:
    assert score.finding is not None
    reason = score.finding.reason.replace("|", "\\|")
    reason = reason if len(reason) <= LONGEST else reason[:LONGEST] + " ..."
    return f"{score.good} of {score.samples} samples; {score.finding.question}: {reason}"


def stated(page: Path = PAGE) -> tuple[int, int, list[str], list[str]]:
    """What the page says: how many names, how many whole, the others, and those of them that are not there."""
    text = page.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    total, whole = (int(re.search(pattern, text)[1]) for pattern in (r"Of the (\d+) names", r"aside\) (\d+) are whole"))  # type: ignore[index]
    table = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    others = [name for cells in table for name in re.findall(r"`([^`]+)`", cells[0])]
    missing = [name for cells in table if "samples;" not in cells[1] for name in re.findall(r"`([^`]+)`", cells[0])]
    return total, whole, others, missing
