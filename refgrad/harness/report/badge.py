"""A run as a badge.

Source: the endpoint format of shields.io, https://shields.io/badges/endpoint-badge
"""

import json

from refgrad.harness.results import Run

__all__ = ["render"]


def render(run: Run) -> str:
    """JSON with the share of the applicable cases that pass; never of what happened to run."""
    return json.dumps({"schemaVersion": 1, "label": "refgrad", "message": message(run), "color": colour(run)})


def message(run: Run) -> str:
    if run.executed == 0:
        return "nothing executed"
    return f"{run.passed} of {run.applicable} pass"


def colour(run: Run) -> str:
    if not run.green:
        return "red"
    # whole numbers are compared, so that 99.9 % is not taken for all
    return "brightgreen" if run.passed == run.applicable else "yellowgreen"
