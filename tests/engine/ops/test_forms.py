"""The forms of an op: as a method, and in place, each held to PyTorch on every sample of the op's record."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import refgrad
from refgrad.harness.op_db import chapters
from refgrad.harness.opinfo import OpInfo, SampleInput, bind
from tests.engine.live import attempt, facts, same

torch = pytest.importorskip("torch")


class Form:
    """A library whose functions call the method of their first argument, ``x.exp()`` or ``x.exp_()``, where both have it."""

    def __init__(self, xp: Any, suffix: str) -> None:
        self.xp, self.suffix = xp, suffix

    def __getattr__(self, name: str) -> Any:
        function, method = getattr(self.xp, name), name + self.suffix
        if not all(hasattr(each.Tensor, method) for each in (torch, refgrad)):
            return function

        def call(*args: Any, **named: Any) -> Any:
            if not args or not isinstance(args[0], self.xp.Tensor):
                return function(*args, **named)
            return self.shown(args[0], lambda: getattr(args[0], method)(*args[1:], **named))

        return call

    def shown(self, tensor: Any, call: Callable[[], Any]) -> Any:
        """The result; of a write also what it did to the tensor."""
        if not self.suffix:
            return call()
        version = tensor._version
        result = call()
        return result, result is tensor, tensor._version - version


def put(xp: Any, op: OpInfo, sample: SampleInput, suffix: str, recorded: bool) -> Any:
    """What the form gives for the sample's tensors, made by an op where they are ``recorded``."""
    fn, arrays = bind(op, sample)
    xp.manual_seed(0)
    tensors = [xp.tensor(array) for array in arrays]
    if recorded:
        tensors = [
            x.requires_grad_() * 1 if x.is_floating_point() or x.is_complex() else x for x in tensors
        ]  # leaves may not be written to
    return facts(xp, attempt(lambda: fn(Form(xp, suffix), *tensors)))


# of a sum into fewer elements PyTorch makes more, and of an outer product it says so in other words
OTHERWISE = {"addbmm": "[2]", "addr": "[3]"}


@pytest.mark.parametrize("suffix", ["", "_"], ids=["method", "in place"])
@pytest.mark.parametrize("chapter", chapters())
def test_a_form(chapter: str, suffix: str) -> None:
    """A method or an in-place op gives PyTorch's values, history and errors."""
    differing = []
    for op in chapters()[chapter]:
        for sample in op.samples:
            if not bind(op, sample)[1] or any(x.layout != "contiguous" for x in sample.arrays()):
                continue
            if suffix and str(sample).startswith(OTHERWISE.get(op.id, "no sample")):
                continue
            for recorded in (False, True):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # PyTorch's words on what is deprecated
                    mine, theirs = (put(xp, op, sample, suffix, recorded) for xp in (refgrad, torch))
                if not same(mine, theirs):
                    differing.append((op.id, str(sample), recorded, mine, theirs))
    assert not differing
