"""A run as one HTML file that needs nothing else: no script, no style, no picture from elsewhere."""

from pathlib import Path
from typing import Any

from refgrad.errors import RefgradError
from refgrad.harness.outcomes import OUTCOMES
from refgrad.harness.report import terminal
from refgrad.harness.results import Run

__all__ = ["page", "render"]


def render(run: Run) -> str:
    """The verdict, the counts by theme, each failure in full, then every case."""
    columns = [outcome for outcome in OUTCOMES if run.counts.get(outcome)]
    return page("run.html", run=run, verdict=terminal.verdict(run), columns=columns, themes=themes(run))


def page(template: str, **values: Any) -> str:
    """``template``, of the files beside this one, filled in.

    Errors: ``RefgradError`` where jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise RefgradError("an HTML report needs jinja2; mend it with: pip install 'refgrad[html]'") from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(**values)


def themes(run: Run) -> list[tuple[str, dict[str, int], list[object]]]:
    """Each theme with its counts and its cases."""
    return [(name, counts, [case for case in run.cases if case.theme == name]) for name, counts in run.themes().items()]
