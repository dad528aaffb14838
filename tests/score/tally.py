"""The score: which names are whole, by chapter, and what is wrong with the others."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

from tests.score.chapters import chapter_of, counts
from tests.score.questions import Finding, examine, examine_error
from tests.score.translation import Missing, function_of


@dataclass(frozen=True, slots=True)
class Score:
    """One record of the database: how many of its samples agree, and the first that does not."""

    name: str
    variant: str
    chapter: str
    samples: int
    good: int
    finding: Finding | None = None
    sample: str = ""

    @property
    def whole(self) -> bool:
        return self.finding is None

    @property
    def missing(self) -> bool:
        return self.finding is not None and self.finding.question == "missing"


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked."""

    dtype: torch.dtype = torch.float64
    errors: bool = False
    limit: int | None = None


def records(names: Iterable[str] = ()) -> list[Any]:
    """The differentiable records of PyTorch's database: all, or those of some names, variants or chapters."""
    found = [op for op in op_db if op.supports_autograd and torch.float64 in op.dtypes]
    wanted = set(names)
    known = {word for op in found for word in (op.name, op.full_name, chapter_of(op))}
    if unknown := wanted - known:
        raise SystemExit(f"no differentiable op, and no chapter, is called {', '.join(sorted(unknown))}")
    return [op for op in found if not wanted or wanted & {op.name, op.full_name, chapter_of(op)}]


def questions(op: Any) -> tuple[str, ...]:
    """The questions that PyTorch itself has an answer to."""
    asked = {"value": True, "gradient": True, "second": op.supports_gradgrad, "forward": op.supports_forward_ad}
    return tuple(name for name, yes in asked.items() if yes)


def score(op: Any, options: Options) -> Score:
    """All samples of a record, each with all questions."""
    named = (op.name, op.full_name, chapter_of(op))
    try:
        function = function_of(op)
    except Missing as error:
        return Score(*named, 0, 0, Finding("missing", str(error)))
    findings = list(findings_of(op, function, options))
    first = next(((finding, told) for finding, told in findings if finding), (None, ""))
    return Score(*named, len(findings), sum(finding is None for finding, _ in findings), *first)


def findings_of(op: Any, function: Any, options: Options) -> Iterator[tuple[Finding | None, str]]:
    asked = questions(op)
    for sample in samples(op, options):
        yield examine(op, sample, function, asked), described(sample)
    if options.errors and op.error_inputs_func is not None:
        for wrong in op.error_inputs("cpu"):
            yield examine_error(op, wrong, function), described(wrong.sample_input)


def samples(op: Any, options: Options) -> list[Any]:
    torch.manual_seed(0)
    if options.dtype not in op.dtypes:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(op.sample_inputs("cpu", options.dtype, requires_grad=True))[: options.limit]


def described(sample: Any) -> str:
    """A sample in one line: shapes for tensors."""
    parts = [shape(sample.input), *map(shape, sample.args)]
    return ", ".join([*parts, *(f"{key}={shape(each)}" for key, each in sample.kwargs.items())])


def shape(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shape, value))}]"
    return repr(value)


def whole_names(scores: Iterable[Score]) -> dict[str, bool]:
    """Each name of the goal, and whether all its variants are whole."""
    found: dict[str, bool] = {}
    for each in scores:
        if counts(each.name):
            found[each.name] = found.get(each.name, True) and each.whole
    return found


def by_chapter(scores: Iterable[Score]) -> dict[str, Counter[str]]:
    """How many variants of each chapter are whole, wrong and missing."""
    table: dict[str, Counter[str]] = {}
    for each in scores:
        kind = "whole" if each.whole else "missing" if each.missing else "wrong"
        table.setdefault(each.chapter, Counter())[kind] += 1
    return dict(sorted(table.items()))
