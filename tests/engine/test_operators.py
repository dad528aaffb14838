"""Python's operators on tensors, beside tensors and numbers of every kind, held to PyTorch."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad
from tests.engine.live import Raised, attempt, facts, same

torch = pytest.importorskip("torch")

BINARY = """add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt le gt ge iadd isub imul itruediv
 ifloordiv imod ipow iand ior ixor ilshift irshift""".split()
UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": operator.neg, "pos": operator.pos, "abs": abs, "invert": operator.invert, "bool": bool, "int": int, "float": float,
    "complex": complex, "index": operator.index, "len": len, "list": list, "reversed": lambda x: list(reversed(x)),
    "contains": lambda x: 1 in x, "format": format, "round": round, "divmod": lambda x: divmod(x, 2),
}  # fmt: skip
TENSORS: dict[str, Callable[[Any], Any]] = {
    "number": lambda xp: xp.tensor(2.5),
    "vector": lambda xp: xp.tensor([1.5, -2.0]),
    "leaf": lambda xp: xp.tensor([1.5, 2.0], requires_grad=True),
    "made": lambda xp: xp.tensor([1.5, 2.0], requires_grad=True) * 1,
    "whole": lambda xp: xp.tensor(3),
    "integers": lambda xp: xp.tensor([3, -4], dtype=xp.int32),
    "bytes": lambda xp: xp.tensor([3, 4], dtype=xp.uint8),
    "bools": lambda xp: xp.tensor([True, False]),
    "truth": lambda xp: xp.tensor(True),
    "double": lambda xp: xp.tensor([1.5, 2.0], dtype=xp.float64),
    "complex": lambda xp: xp.tensor([1 + 2j, 3.0], dtype=xp.complex128),
    "nothing": lambda xp: xp.tensor([]),
    "matrix": lambda xp: xp.tensor([[1.0, 2.0], [3.0, 4.0]]),
}
NUMBERS = [2, -1, 0, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2)]


def told(xp: Any, action: Callable[[], Any]) -> Any:
    """What an action gives; of an error, its class."""
    found = attempt(action)
    return found.kind if isinstance(found, Raised) else facts(xp, found)


def parted(action: Callable[[Any], Any]) -> bool:
    """Whether refgrad and PyTorch part; where both say that they have no such kernel, in whatever order they look, not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's words on what is deprecated
        mine, theirs = (told(xp, lambda xp=xp: action(xp)) for xp in (refgrad, torch))
    return not same(mine, theirs) and {str(mine), str(theirs)} != {"NotImplementedError", "RuntimeError"}


@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name: str) -> None:
    """An operator gives PyTorch's values, types and history, or an error of the same class."""
    apply = getattr(operator, name)
    pairs = [(kind, lambda xp, a=a, b=b: apply(TENSORS[a](xp), TENSORS[b](xp))) for a in TENSORS for b in TENSORS for kind in [f"{a}, {b}"]]  # fmt: skip
    for a in TENSORS:
        for number in NUMBERS:
            pairs.append((f"{a}, {number!r}", lambda xp, a=a, number=number: apply(TENSORS[a](xp), number)))
            pairs.append((f"{number!r}, {a}", lambda xp, a=a, number=number: apply(number, TENSORS[a](xp))))
    assert [kind for kind, action in pairs if parted(action)] == []


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name: str) -> None:
    """So does one of a single operand, and what Python's own functions make of a tensor."""
    assert [kind for kind in TENSORS if parted(lambda xp, kind=kind: UNARY[name](TENSORS[kind](xp)))] == []
