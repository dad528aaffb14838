"""Draws random programs from the grammar: a pure function of the seed, and each seed reaches for a corner of its own."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from random import Random

from refgrad.harness.program import sampled
from refgrad.harness.program.actions import ACTIONS, MISTAKES, WEIGHTS, Action, apply, backward
from refgrad.harness.program.grammar import OPS
from refgrad.harness.program.ir import Program
from refgrad.harness.program.scope import CLASSES, Scope

__all__ = ["DTYPES", "Focus", "focus", "generate"]

DTYPES = ("float64", "float32")  # the widest first
STRIDE = 1_000_003  # a prime larger than any number of corners: consecutive seeds visit them all, far apart

Focus = tuple[str, str, str, str]
NAMES, CUMULATIVE = list(WEIGHTS), list(accumulate(WEIGHTS.values()))


@cache
def catalogue() -> tuple[str, ...]:
    """The ops that only the catalogue has."""
    return tuple(name for name in sampled.names() if name not in OPS)


def focus(seed: int, dtypes: tuple[str, ...] = DTYPES) -> Focus:
    """The op, action, class of shapes and dtype that the program of ``seed`` is sure to have."""
    tables: tuple[list[str], ...] = ([*OPS, *catalogue()], list(ACTIONS), list(CLASSES), list(dtypes))
    corner, chosen = seed * STRIDE, list[str]()
    for table in tables:
        corner, place = divmod(corner, len(table))
        chosen.append(table[place])
    op, action, kind, dtype = chosen
    return op, action, kind, dtype


def generate(seed: int, *, dtypes: tuple[str, ...] = DTYPES, invalid: float = 0.1, length: int = 2) -> Program:
    """The program of ``seed``, always the same.

    The rare is drawn as often as the common: consecutive seeds have each (op, action, class of shapes, dtype) as their
    focus in turn. ``invalid`` is the share of programs with a deliberate mistake; ``length`` is about how many
    statements come between the first leaves and the last backward.
    """
    random = Random(seed)
    op, action, kind, dtype = focus(seed, dtypes)
    scope = Scope(random, dtype, kind)
    for _ in range(random.randint(1, 2)):
        scope.leaf(requires_grad=scope.chance(0.85))
    for step in steps(random, length, op, action, random.random() < invalid):
        step(scope)
    backward(scope)
    return Program(tuple(scope.statements), seed)


def steps(random: Random, length: int, op: str, action: str, invalid: bool) -> list[Action]:
    """The body: common actions, with the focus and perhaps a mistake among them."""
    body = [
        ACTIONS[name]
        for name in random.choices(NAMES, cum_weights=CUMULATIVE, k=random.randint(length // 2, 3 * length // 2))
    ]
    body.insert(
        random.randint(0, len(body)), lambda scope: apply(scope, OPS[op]) if op in OPS else sampled.call(scope, op)
    )
    body.insert(random.randint(0, len(body)), ACTIONS[action])
    if invalid:
        body.insert(random.randint(0, len(body)), random.choice(MISTAKES))
    return body
