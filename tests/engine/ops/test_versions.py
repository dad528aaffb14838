"""Which tensors a backward wants unchanged: the same as in PyTorch, for every op, whichever of its inputs want a gradient."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import pytest

import refgrad
from refgrad.harness.op_db import chapters
from refgrad.harness.opinfo import OpInfo, Repeated, SampleInput, arrays_of, filled
from tests.engine.live import attempt

torch = pytest.importorskip("torch")

OTHERWISE = {
    "linalg.vecdot-complex": "a conjugate is lazy in PyTorch, and so shares its version with what it is of",
    "nn.functional.ctc_loss": "targets are plain numbers here",
}


def backward_after_a_write(xp: Any, op: OpInfo, sample: SampleInput, wanted: tuple[bool, ...], written: int) -> Any:
    """What a backward says after a write to one of the inputs, or the outputs, that changes no number."""
    xp.manual_seed(3)
    specs, flags = sample.arrays(), iter(wanted)
    tensors = [
        xp.tensor(array).requires_grad_(spec.differentiable and next(flags))
        for array, spec in zip(arrays_of(op, sample), specs)
    ]
    made, args = iter(tensors), list[Any]()
    for each in sample.args:
        args.append(args[each.place] if isinstance(each, Repeated) else filled(each, xp, made))
    results = op.call(xp, *args, **{key: filled(value, xp, made) for key, value in sample.kwargs.items()})
    outputs = [y for y in results if isinstance(y, xp.Tensor) and y.requires_grad]
    if not outputs:
        return None
    with xp.no_grad():
        target = [*tensors, *outputs][written]
        target.copy_(target.clone())
    leaves, weights = [x for x in tensors if x.requires_grad], [xp.ones_like(y) for y in outputs]
    found = attempt(lambda: xp.autograd.grad(outputs, leaves, weights, allow_unused=True))
    return found.text[:60] if hasattr(found, "text") else "fine"


@pytest.mark.parametrize("chapter", chapters())
def test_unchanged(chapter: str) -> None:
    """A write to what PyTorch has not saved is no error, and one to what it has saved is."""
    differing = {}
    for op in chapters()[chapter]:
        for sample in op.samples:
            specs = sample.arrays()
            count = sum(spec.differentiable for spec in specs)
            if not count or any(spec.layout != "contiguous" for spec in specs):
                continue
            ways = list(product((True, False), repeat=count))[:8]
            for wanted, written in product((way for way in ways if any(way)), range(len(specs) + 1)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    mine, theirs = (
                        attempt(lambda xp=xp: backward_after_a_write(xp, op, sample, wanted, written))
                        for xp in (refgrad, torch)
                    )
                if mine != theirs:
                    differing.setdefault(op.id, (str(sample), wanted, written, mine, theirs))
    assert {id: case for id, case in differing.items() if id not in OTHERWISE} == {}
