"""A program as a function: the ops that lie between its leaves and what its last ``backward`` differentiates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refgrad.harness.program import ir
from refgrad.harness.program.functional import apply
from refgrad.harness.program.interpreter import array_of
from refgrad.harness.program.ir import Backward, Leaf, Op, Program

__all__ = ["Function", "function_of"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """``function(xp, *primals)`` in torch's words; ``cotangent`` weighs what it returns.

    ``names`` are the leaves that require grad, of which it is a function in double precision; the other ``leaves`` are
    constants.
    ``number`` is the statement that differentiates it.
    """

    number: int
    output: str
    path: tuple[Op, ...]
    leaves: tuple[Leaf, ...]
    cotangent: Array | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(leaf.name for leaf in self.leaves if leaf.requires_grad)

    @property
    def primals(self) -> tuple[Array, ...]:
        return tuple(_wide(leaf) for leaf in self.leaves if leaf.requires_grad)

    def __call__(self, xp: Any, *primals: Any) -> Any:
        constants = {leaf.name: xp.tensor(_wide(leaf)) for leaf in self.leaves if not leaf.requires_grad}
        tensors = constants | dict(zip(self.names, primals, strict=True))
        for op in self.path:
            tensors[op.name] = apply(xp, op, tensors)
        return tensors[self.output]


def function_of(program: Program) -> Function | None:
    """What the last ``backward`` of ``program`` differentiates, its writes and hooks left out; None where it is no function.

    It is none where a derivative or a grad mode has a part in it.
    """
    found = [(number, each) for number, each in ir.numbered(program).items() if isinstance(each, Backward)]
    if not found or any(isinstance(each, ir.Block) for each in program.walk()):
        return None
    number, backward = found[-1]
    makers = {name: each for each in program.walk() for name in ir.made(each)}
    needed = _needed(backward.target, makers)
    weight = None if backward.gradient is None else makers.get(backward.gradient)
    if needed is None or not (weight is None or isinstance(weight, Leaf)):
        return None
    ordered = [each for each in program.walk() if isinstance(each, Leaf | Op) and each.name in needed]
    leaves = tuple(each for each in ordered if isinstance(each, Leaf))
    path = tuple(each for each in ordered if isinstance(each, Op))
    if not path or not any(leaf.requires_grad for leaf in leaves):
        return None
    return Function(number, backward.target, path, leaves, None if weight is None else _wide(weight))


def _needed(output: str, makers: dict[str, ir.Statement]) -> set[str] | None:
    """The names that ``output`` is made of; None where any is of more than ops and leaves."""
    needed, open_names = set[str](), [output]
    while open_names:
        name = open_names.pop()
        maker = makers.get(name)
        if not isinstance(maker, Leaf | Op):
            return None
        if name not in needed:
            needed.add(name)
            open_names += ir.used(maker)
    return needed


def _wide(leaf: Leaf) -> Array:
    """A leaf's values, floats in double precision."""
    return array_of(replace(leaf, dtype="float64") if leaf.dtype.startswith("float") else leaf)
