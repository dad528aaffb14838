"""What is asked of refgrad about one sample: its value, its gradient, the gradient of that, forward mode, errors."""

from __future__ import annotations

import re
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import refgrad
from refgrad.harness.compare import compare
from tests.score.translation import Missing, Translator, numpy_of, spoken

QUESTIONS = ("value", "gradient", "second", "forward", "errors")
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is not as in PyTorch, about one sample."""

    question: str
    reason: str


class Differs(AssertionError):
    """refgrad's answer is not PyTorch's."""


class Side:
    """One of the two libraries, with its own copy of a sample, and the record's functions in its own words."""

    def __init__(self, xp: Any, op: Any, sample: Any, function: Callable[..., Any]) -> None:
        self.xp, self.mine = xp, xp is refgrad
        self.copy = Translator(self.mine)
        self.input, self.args, self.kwargs = map(self.copy, (sample.input, sample.args, sample.kwargs))
        self.call, self.wrapper = function, self.own(op.gradcheck_wrapper)
        self.process = self.own(sample.output_process_fn_grad)

    def own(self, function: Any) -> Any:
        return spoken(function) if self.mine else function

    def run(self) -> list[Any]:
        """The outputs, brought into the form in which they are comparable."""
        self.xp.manual_seed(0)
        found = self.process(self.wrapper(self.call, self.input, *self.args, **self.kwargs))
        return [found] if not isinstance(found, list | tuple) else list(flat(found))

    def tensors(self, outputs: list[Any]) -> list[Any]:
        return [y for y in outputs if isinstance(y, self.xp.Tensor)]

    def differentiable(self, outputs: list[Any]) -> list[Any]:
        return [y for y in self.tensors(outputs) if y.requires_grad]

    def cotangents(self, outputs: list[Any], seed: int) -> list[Any]:
        return [self.tensor(noise(y, seed + i), y.dtype) for i, y in enumerate(outputs)]

    def tensor(self, array: Any, dtype: Any) -> Any:
        return self.xp.from_numpy(array).to(dtype)

    def grad(self, outputs: list[Any], inputs: list[Any], cotangents: list[Any], **more: Any) -> list[Any]:
        return list(self.xp.autograd.grad(outputs, inputs, cotangents, allow_unused=True, **more))


def flat(values: Any) -> Iterator[Any]:
    for each in values:
        if isinstance(each, list | tuple):
            yield from flat(each)
        else:
            yield each


def noise(like: Any, seed: int) -> Any:
    """A random array of a tensor's shape, the same for both libraries."""
    rng = np.random.default_rng(seed)
    array = rng.uniform(0.5, 1.5, tuple(like.shape)) * rng.choice([-1.0, 1.0], tuple(like.shape))
    return np.asarray(array + 1j * rng.uniform(-1, 1, tuple(like.shape)) if like.is_complex() else array)


# -- the questions: each gives the answer as a list


def value(side: Side) -> list[Any]:
    return side.run()


def gradient(side: Side) -> list[Any]:
    outputs = side.differentiable(side.run())
    leaves = side.copy.leaves()
    return side.grad(outputs, leaves, side.cotangents(outputs, 1)) if outputs and leaves else []


def second(side: Side) -> list[Any]:
    outputs, leaves = side.differentiable(side.run()), side.copy.leaves()
    if not (outputs and leaves):
        return []
    cotangents = [each.requires_grad_() for each in side.cotangents(outputs, 1)]
    first = [g for g in side.grad(outputs, leaves, cotangents, create_graph=True) if g is not None and g.requires_grad]
    return [*first, *side.grad(first, [*leaves, *cotangents], side.cotangents(first, 11))] if first else []


def forward(side: Side) -> list[Any]:
    forward_ad = side.xp.autograd.forward_ad
    leaves = side.copy.leaves()
    tangents = side.cotangents(leaves, 21)
    with forward_ad.dual_level():
        pairs = {id(x): forward_ad.make_dual(x.detach(), t) for x, t in zip(leaves, tangents)}
        put(side, pairs)
        outputs = side.tensors(side.run())
        return [each for y in outputs for each in forward_ad.unpack_dual(y)]


def put(side: Side, pairs: dict[int, Any]) -> None:
    """Let dual tensors stand where the leaves stood."""

    def swap(value: Any) -> Any:
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return type(value)(map(swap, value))
        if isinstance(value, dict):
            return {key: swap(each) for key, each in value.items()}
        return pairs.get(id(value), value)

    side.input, side.args, side.kwargs = map(swap, (side.input, side.args, side.kwargs))


ASKED = {"value": value, "gradient": gradient, "second": second, "forward": forward}


def examine(op: Any, sample: Any, function: Callable[..., Any], questions: tuple[str, ...]) -> Finding | None:
    """The first difference on ``sample``, or None."""
    for question in questions:
        ask = ASKED[question]
        try:
            theirs = attempt(lambda: ask(Side(torch, op, sample, op.op)))
            mine = attempt(lambda: ask(Side(refgrad, op, sample, function)))
            agree(mine, theirs)
        except Missing as error:
            return Finding("missing", str(error))
        except Differs as error:
            return Finding(question, str(error))
        if isinstance(theirs, Exception):
            return None
    return None


def examine_error(op: Any, wrong: Any, function: Callable[..., Any]) -> Finding | None:
    """Where a wrong input is refused otherwise than in PyTorch, or not at all."""
    sample = wrong.sample_input
    try:
        theirs = attempt(lambda: Side(torch, op, sample, op.op).run())
        mine = attempt(lambda: Side(refgrad, op, sample, function).run())
        agree_on_error(mine, theirs)
    except Missing as error:
        return Finding("missing", str(error))
    except Differs as error:
        return Finding("errors", str(error))
    return None


def attempt(action: Call) -> Any:
    """What ``action`` gives, or the exception that it raises: a library's, whichever it is, is an answer."""
    with quiet():
        try:
            return action()
        except Missing:
            raise
        except AttributeError as error:
            if error.obj is refgrad or isinstance(error.obj, refgrad.Tensor) or is_room(error.obj):
                raise Missing(error.name) from error
            return error
        except Exception as error:
            return error


def is_room(obj: Any) -> bool:
    return isinstance(obj, types.ModuleType) and obj.__name__.startswith("refgrad.")


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# -- agreement


def agree(mine: Any, theirs: Any) -> None:
    if isinstance(mine, Exception) or isinstance(theirs, Exception):
        if type(mine).__name__ != type(theirs).__name__:
            raise Differs(f"{told(mine)}; torch: {told(theirs)}")
        return
    if len(mine) != len(theirs):
        raise Differs(f"{len(mine)} results; torch: {len(theirs)}")
    for place, (a, b) in enumerate(zip(mine, theirs)):
        agree_on(a, b, f"result {place}" if len(mine) > 1 else "the result")


def agree_on(mine: Any, theirs: Any, what: str) -> None:
    if not isinstance(theirs, torch.Tensor):
        if isinstance(mine, refgrad.Tensor) or mine != theirs:
            raise Differs(f"{what} is {brief(mine)}; torch: {brief(theirs)}")
        return
    if not isinstance(mine, refgrad.Tensor):
        raise Differs(f"{what} is {brief(mine)}; torch: a tensor of shape {tuple(theirs.shape)}")
    for name in ("dtype", "shape", "requires_grad"):
        a, b = (str(getattr(each, name)).replace("refgrad.", "torch.") for each in (mine, theirs))
        if a != b:
            raise Differs(f"{what}: {name} is {a}; torch: {b}")
    agree_in_value(numpy_of(mine), numpy_of(theirs), str(theirs.dtype), what)


def agree_in_value(mine: Any, theirs: Any, dtype: str, what: str) -> None:
    size = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0) if theirs.dtype.kind in "fc" else 0.0
    # one ill-conditioned element is no worse than the rounding of its neighbours: 1e-10 of the largest
    atol = {"torch.float64": max(1e-7, 1e-10 * size), "torch.complex128": max(1e-7, 1e-10 * size)}.get(dtype)
    rough = {"rtol": 1.6e-2, "atol": 1e-5} if dtype in ("torch.bfloat16", "torch.complex32") else {"atol": atol}
    if mismatch := compare(mine, theirs, **rough):
        raise Differs(f"{what} {mismatch}".replace("\n", ";"))


def agree_on_error(mine: Any, theirs: Any) -> None:
    if not isinstance(theirs, Exception):
        return
    if not isinstance(mine, Exception):
        raise Differs(f"no error; torch: {told(theirs)}")
    if type(mine).__name__ != type(theirs).__name__ or stable(mine) != stable(theirs):
        raise Differs(f"{told(mine)}; torch: {told(theirs)}")


def stable(error: Exception) -> str:
    """The part of a message that does not change from build to build."""
    text = str(error).split("\nException raised from")[0]
    return re.sub(r"0x[0-9a-f]+", "0x", text).replace("refgrad", "torch").strip()


def told(answer: Any) -> str:
    if not isinstance(answer, Exception):
        return "no error"
    return f"{type(answer).__name__}: {' '.join(stable(answer).split())[:160]}"


def brief(value: Any) -> str:
    return repr(value)[:80]
