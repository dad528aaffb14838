"""The short list in which a campaign ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from refgrad.harness.campaign.campaign import Campaign
from refgrad.harness.campaign.progress import coverage
from refgrad.harness.expectations import Expectation
from refgrad.harness.op_db import ops
from refgrad.harness.oracle.finding import HARMLESS
from refgrad.harness.program.grammar import INPLACE

__all__ = ["alike", "render"]


NUMBERS = frozenset({"value", "grad", "hook"})  # where two answers may be the same by chance
DERIVATIVES = ("vjp", "jacobian", "second", "kink")  # the suite's questions about them
NAMED = 8  # of those alike, how many are named


def render(campaign: Campaign, out: Path | None) -> str:
    """Each kind of finding with its evidence, its file and those alike; then what is known, and the sums.

    What the suite's declared gaps may explain comes last.
    """
    groups = sorted(alike(campaign.unexpected), key=lambda group: declared(campaign, group[0]) is not None)
    blocks = [[*entry(campaign, first, out), *also(others)] for first, *others in groups]
    return "\n".join(line for block in (*blocks, list(conclusion(campaign))) for line in (*block, "")).rstrip()


def alike(findings: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The findings in groups: the same fact is told as wrongly of the results of several ops, in the same modes."""
    groups = dict[Any, list[dict[str, Any]]]()
    for finding in findings:
        told = tuple(finding[field] for field in ("kind", "stage", "blame", "actual", "expected"))
        around = tuple(word for word in words(finding) if word not in INPLACE and word not in op_names())
        groups.setdefault(finding["signature"] if finding["kind"] in NUMBERS else (told, around), []).append(finding)
    return list(groups.values())


@cache
def op_names() -> frozenset[str]:
    """The ops that a program may call."""
    return frozenset(op.name for op in ops())


def words(finding: dict[str, Any]) -> list[str]:
    """The ops and actions of a finding's program."""
    return str(finding["signature"]).partition(":")[0].split("+")


def declared(campaign: Campaign, finding: dict[str, Any]) -> Expectation | None:
    """The gap that the adapter declares in the suite of one of the finding's ops: likely the same fact."""
    used = set(words(finding))
    value = () if finding["kind"].startswith(("grad", "hook")) else ("value",)
    questions = (*value, *DERIVATIVES) if used & {"backward", "grad"} else value
    asked = (f"test_ops.py::test_{question}[{op.id}]" for question in questions for op in ops() if op.name in used)
    return next(filter(None, map(campaign.expectations.for_case, asked)), None)


def also(others: list[dict[str, Any]]) -> Iterator[str]:
    if others:
        named = [each["signature"].partition(":")[0] for each in others[:NAMED]]
        yield f"  and {len(others)} alike: {', '.join(named)}{', ...' if len(others) > NAMED else ''}"


def entry(campaign: Campaign, finding: dict[str, Any], out: Path | None) -> Iterator[str]:
    mine, other = finding["parties"]
    distance = "" if finding["ulps"] is None else f"; {finding['ulps']:,.0f} ulp apart, bound {finding['bound']:.3g}"
    count = campaign.store.families[finding["family"]]
    yield finding["signature"]
    yield f"  {finding['kind']} of {finding['name'] or 'the program'} after statement {finding['statement']}{distance}"
    yield f"    {mine}: {finding['actual']}"
    yield f"    {other}: {finding['expected']}"
    yield from [f"  {finding['note']}"] if finding["note"] else []
    if (gap := declared(campaign, finding)) is not None:
        yield f"  declared in the suite: {gap.reason}"
    yield f"  seen in {count:,} programs ({finding['family']}); this one is of seed {finding['seed']}"
    yield from [f"  {campaign.store.path(finding)}"] if out is not None else []


def conclusion(campaign: Campaign) -> Iterator[str]:
    store, plan = campaign.store, campaign.plan
    for each in store.findings.values():
        if each["known"]:
            yield f"known: {each['signature']} ({each['known']})"
    harmless = sum(each["blame"] in HARMLESS for each in store.findings.values())
    others = f", {harmless} conventions or ill-conditioned" if harmless else ""
    found, kinds = len(campaign.unexpected), len(alike(campaign.unexpected))
    different = f" of {kinds} kinds" if kinds < found else ""
    explained = sum(declared(campaign, each) is not None for each in campaign.unexpected)
    suite = f" ({explained} of ops with gaps declared in the suite)" if explained else ""
    yield (
        f"{plan.backend} {plan.version}: {found} findings{different}{suite}{others} in {store.programs:,} programs "
        f"of seed {plan.seed}; {coverage(store.reached)} reached"
    )
