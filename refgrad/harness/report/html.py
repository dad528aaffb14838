"""A run as one HTML file that needs nothing else: no script, no style, no picture from elsewhere."""

from pathlib import Path

from refgrad.errors import RefgradError
from refgrad.harness.outcomes import OUTCOMES
from refgrad.harness.report import terminal
from refgrad.harness.results import Run

__all__ = ["render"]

TEMPLATE = Path(__file__).with_name("run.html")


def render(run: Run) -> str:
    """The verdict, the counts by theme, each failure in full, then every case."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise RefgradError("an HTML report needs jinja2; mend it with: pip install 'refgrad[html]'") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    columns = [outcome for outcome in OUTCOMES if run.counts.get(outcome)]
    return template.render(run=run, verdict=terminal.verdict(run), columns=columns, themes=themes(run))


def themes(run: Run) -> list[tuple[str, dict[str, int], list[object]]]:
    """Each theme with its counts and its cases."""
    return [(name, counts, [case for case in run.cases if case.theme == name]) for name, counts in run.themes().items()]
