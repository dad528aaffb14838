"""Several backends side by side, as markdown and as one HTML file."""

from collections.abc import Iterator, Sequence

from refgrad.harness import scoreboard
from refgrad.harness.report import html, terminal
from refgrad.harness.report.markdown import escaped, row
from refgrad.harness.scoreboard import Row, Score

__all__ = ["markdown", "page"]

LEGEND = (
    "A cell says how many cases pass of those that apply, and how many differ (declared or not); what is left is not "
    "supported. A dot says that nothing of it is supported, n/a that it cannot be asked of such a backend."
)
POINTS = (
    "The gradients that each gives at ties, corners, poles and the ends of domains, bold where they are not PyTorch's; a "
    "row where one at least differs. Where no derivative exists a value between the two sides is as good as PyTorch's; "
    "one that is not is counted above. Empty: not supported, or wrong at another point already."
)
FRACTIONS = {"0.25": "¼", "0.3333": "⅓", "0.5": "½", "0.6667": "⅔", "0.75": "¾"}


def markdown(rows: Sequence[Row]) -> str:
    """The backends, the themes, the choices at kinks: a table each."""
    ran = [each for each in rows if each.run]
    return "\n".join(["# Scoreboard", "", made(rows), "", *backends(rows), *themes(ran), *choices(ran)]) + "\n"


def page(rows: Sequence[Row]) -> str:
    """The same as one HTML file that needs nothing else.

    Errors: ``RefgradError`` where jinja2 is not installed.
    """
    ran = [each for each in rows if each.run]
    return html.page(
        "matrix.html", rows=rows, ran=ran, themes=scoreboard.themes(ran), choices=scoreboard.choices(ran),
        made=made(rows), verdict=verdict, cell=cell, gradients=gradients, share=share, legend=LEGEND, points=POINTS,
    )  # fmt: skip


def made(rows: Sequence[Row]) -> str:
    versions = sorted({row.header.refgrad for row in rows if row.header.refgrad})
    return f"{len(rows)} backends, compared with PyTorch by refgrad {', '.join(versions)}."


def backends(rows: Sequence[Row]) -> Iterator[str]:
    yield row(["backend", "version", "profiles", "verdict", "asked for torch", "on"])
    yield row(["---"] * 6)
    for each in rows:
        head = each.header
        yield row(
            [
                escaped(head.backend),
                head.version,
                ", ".join(head.profiles),
                escaped(verdict(each)),
                head.torch,
                date(each),
            ]
        )


def verdict(each: Row) -> str:
    return each.reason if each.run is None else terminal.verdict(each.run)


def date(each: Row) -> str:
    return each.header.started.partition("T")[0]


def themes(rows: Sequence[Row]) -> Iterator[str]:
    yield from ("", "## By theme", "", LEGEND, "")
    yield row(["theme", *[each.name for each in rows]])
    yield row(["---", *["---:"] * len(rows)])
    for name, scores in scoreboard.themes(rows).items():
        yield row([name, *map(cell, scores)])


def cell(score: Score) -> str:
    if score.applicable == 0:
        return "n/a"
    if score.lacking == score.applicable:
        return "·"
    return f"{score.passed}/{score.applicable}" + (f" ✗{score.differ}" if score.differ else "")


def share(score: Score) -> str:
    """How a cell is coloured."""
    if score.lacking == score.applicable:
        return "soft"
    return "fail" if score.differ else "pass" if score.passed == score.applicable else "part"


def choices(rows: Sequence[Row]) -> Iterator[str]:
    found = scoreboard.choices(rows)
    if not found:
        return
    yield from ("", "## Conventions at kinks", "", POINTS, "")
    yield row(["kink", "PyTorch", *[each.name for each in rows]])
    yield row(["---", *["---:"] * (len(rows) + 1)])
    for each in found:
        chosen = [gradients(text) if text in (None, each.torch) else f"**{gradients(text)}**" for text in each.chosen]
        yield row([escaped(each.where), gradients(each.torch), *chosen])


def gradients(text: str | None) -> str:
    """The numbers of a choice, simple fractions as such; nothing for none."""
    return ", ".join(map(fraction, (text or "").split(", ")))


def fraction(number: str) -> str:
    size = number.removeprefix("-")
    return number.removesuffix(size) + FRACTIONS.get(size, size)
