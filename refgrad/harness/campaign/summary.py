"""The short list in which a campaign ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refgrad.harness.campaign.campaign import Campaign
from refgrad.harness.campaign.progress import coverage
from refgrad.harness.oracle.finding import HARMLESS

__all__ = ["render"]


def render(campaign: Campaign, out: Path | None) -> str:
    """Each finding with how often its like was seen, its evidence and its file; then what is known, and the sums."""
    blocks = [list(entry(campaign, each, out)) for each in campaign.unexpected]
    return "\n".join(line for block in (*blocks, list(conclusion(campaign))) for line in (*block, "")).rstrip()


def entry(campaign: Campaign, finding: dict[str, Any], out: Path | None) -> Iterator[str]:
    mine, other = finding["parties"]
    distance = "" if finding["ulps"] is None else f"; {finding['ulps']:,.0f} ulp apart, bound {finding['bound']:.3g}"
    count = campaign.store.families[finding["family"]]
    yield finding["signature"]
    yield f"  {finding['kind']} of {finding['name'] or 'the program'} after statement {finding['statement']}{distance}"
    yield f"    {mine}: {finding['actual']}"
    yield f"    {other}: {finding['expected']}"
    yield from [f"  {finding['note']}"] if finding["note"] else []
    yield f"  seen in {count:,} programs ({finding['family']}); this one is of seed {finding['seed']}"
    yield from [f"  {campaign.store.path(finding)}"] if out is not None else []


def conclusion(campaign: Campaign) -> Iterator[str]:
    store, plan = campaign.store, campaign.plan
    for each in store.findings.values():
        if each["known"]:
            yield f"known: {each['signature']} ({each['known']})"
    harmless = sum(each["blame"] in HARMLESS for each in store.findings.values())
    others = f", {harmless} conventions or ill-conditioned" if harmless else ""
    yield (
        f"{plan.backend} {plan.version}: {len(campaign.unexpected)} findings{others} in {store.programs:,} programs "
        f"of seed {plan.seed}; {coverage(store.reached)} reached"
    )
