"""Run a documentation example with one library in the place of ``torch``, and note all that it shows."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import importlib
import io
import itertools
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from tests.docs.examples import Example

RTOL, ATOL = 1e-3, 2e-4  # of printed numbers, which have four digits
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)")


@dataclass(slots=True)
class Shown:
    """What an example printed (or raised), statement by statement, and the tensors that it left."""

    printed: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)


def run(library: str, example: Example, folder: Path) -> Shown:
    """Run ``example`` in ``folder`` with ``library`` as its ``torch``."""
    xp, shown = importlib.import_module(library), Shown()
    names = namespace(xp, example.chapter)
    given = dict(names)
    with settled(xp), contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for statement in ast.parse(example.source).body:
            shown.printed.append(execute(statement, names))
    found = {name: described(xp, value) for name, value in names.items() if value is not given.get(name)}
    shown.left = {name: fact for name, fact in found.items() if fact is not None}
    return shown


# what the documentation takes for granted
PREFACE = """
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
train = lambda *args: optimizer.step()
validate = lambda *args: 1.0
"""


def namespace(xp: Any, chapter: str) -> dict[str, Any]:
    """The names that an example of a chapter finds; imports of ``torch`` are ``xp``'s."""
    real = builtins.__import__

    def substitute(name: str, *args: Any, **kwargs: Any) -> Any:
        stem, dot, rest = name.partition(".")
        return real(xp.__name__ + dot + rest if stem == "torch" else name, *args, **kwargs)

    def part(path: str) -> Any:
        return importlib.import_module(path.replace("torch", xp.__name__, 1))

    own = {
        "torch": xp,
        "nn": part("torch.nn"),
        "F": part("torch.nn.functional"),
        "fwAD": part("torch.autograd.forward_ad"),
    }
    others = {m.__name__: m for m in (contextlib, functools, io, itertools, math, np, os)} | {"np": np}
    names = {**public(part, chapter), **own, **others, "__name__": "example"}
    names["__builtins__"] = {**vars(builtins), "__import__": substitute}
    exec(PREFACE, names)
    return names


def public(part: Callable[[str], Any], chapter: str) -> dict[str, Any]:
    """The chapter's own names, which its examples often use bare."""
    if chapter in ("torch", "torch.Tensor"):
        return {}
    try:
        holder = part(chapter)
    except ImportError:
        return {}
    return {name: getattr(holder, name) for name in dir(holder) if not name.startswith("_")}


@contextlib.contextmanager
def settled(xp: Any) -> Iterator[None]:
    """Begin from the same seed, let memory that nobody has set be zeros, and leave no setting behind."""
    xp.manual_seed(0)

    def empty(*size: Any, memory_format: Any = None, **kwargs: Any) -> Any:
        return xp.zeros(*size, **kwargs)

    try:
        with (
            patch.object(sys, "displayhook", show),
            patch.object(xp, "empty", empty),
            patch.object(xp.Tensor, "new_empty", xp.Tensor.new_zeros),
        ):
            yield
    finally:
        xp.set_grad_enabled(True)
        xp.set_default_dtype(xp.float32)
        xp.set_printoptions(profile="default")


def show(value: Any) -> None:
    if value is not None:
        print(repr(value))


def execute(statement: ast.stmt, names: dict[str, Any]) -> str:
    """Run one statement as the prompt does: what it printed, or the last line of the error that it raised."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(ast.Interactive([statement]), "<example>", "single"), names)
    except Exception as error:  # examples show errors too: those are compared like anything else
        return out.getvalue() + "! " + traceback.format_exception_only(error)[-1].strip()
    return out.getvalue()


def described(xp: Any, value: Any) -> Any:
    """A tensor that an example left, as plain data; None for what is not compared."""
    if not isinstance(value, xp.Tensor):
        return None
    tensor = value.detach()
    plain = tensor.float() if str(value.dtype) == "torch.bfloat16" else tensor
    return str(value.dtype), tuple(value.shape), value.requires_grad, np.array(plain.numpy(force=True))


def differences(mine: Shown, theirs: Shown) -> Iterator[str]:
    """Where two runs of an example part."""
    for i, (a, b) in enumerate(zip(mine.printed, theirs.printed)):
        if not same_text(plain(a), plain(b)):
            yield f"statement {i} printed: {a.strip()} | {b.strip()}"
    for name in mine.left.keys() | theirs.left.keys():
        if not same_tensor(mine.left.get(name), theirs.left.get(name)):
            yield f"{name}: {mine.left.get(name)} | {theirs.left.get(name)}"


def plain(text: str) -> str:
    """``text`` without addresses, and with PyTorch's name for either library."""
    return re.sub(r"0x[0-9a-f]+", "0x", text).replace("refgrad", "torch")


def same_text(mine: str, theirs: str) -> bool:
    """Whether two texts are the same but for the rounding of numbers."""
    if mine == theirs:
        return True
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (mine, theirs)]
    numbers = [np.array([float(n) for n in NUMBER.findall(text)]) for text in (mine, theirs)]
    return words[0] == words[1] and np.allclose(*numbers, rtol=RTOL, atol=ATOL, equal_nan=True)


def same_tensor(mine: Any, theirs: Any) -> bool:
    if mine is None or theirs is None or mine[:3] != theirs[:3]:
        return False
    if mine[3].dtype.kind not in "fc":
        return np.array_equal(mine[3], theirs[3])
    return np.allclose(mine[3], theirs[3], rtol=RTOL, atol=ATOL, equal_nan=True)
