"""What a second derivative needs of the first one's graph: the same as in PyTorch, kept or freed, for every op."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import pytest

import refgrad
from refgrad.harness.op_db import chapters
from refgrad.harness.opinfo import OpInfo, SampleInput, bind
from tests.engine.live import attempt

torch = pytest.importorskip("torch")


def again(xp: Any, op: OpInfo, sample: SampleInput, wanted: tuple[bool, ...], keep: bool) -> Any:
    """Which gradients have a history, and what differentiating each once more gives: numbers or none, or an error.

    Then whether asking twice for the first one's fails, for the graph of the second derivative is freed by then.
    """
    fn, arrays = bind(op, sample)
    xp.manual_seed(3)
    tensors = [xp.tensor(array).requires_grad_(one) for array, one in zip(arrays, wanted)]
    leaves = [x for x in tensors if x.requires_grad]
    outputs = [y for y in fn(xp, *tensors) if isinstance(y, xp.Tensor) and y.requires_grad]
    if not outputs:
        return None
    grads = xp.autograd.grad(
        outputs, leaves, [xp.ones_like(y) for y in outputs], create_graph=True, retain_graph=keep, allow_unused=True
    )

    def second(grad: Any) -> Any:
        if grad is None or not grad.requires_grad:
            return grad is None
        found = attempt(lambda: xp.autograd.grad(grad, leaves, xp.ones_like(grad), True, allow_unused=True))
        return [x is None for x in found] if isinstance(found, (tuple, list)) else found.text[:60]

    def twice(grad: Any) -> Any:
        asked = [attempt(lambda: xp.autograd.grad(grad, leaves, xp.ones_like(grad), allow_unused=True)) for _ in "12"]
        return [hasattr(each, "text") for each in asked]

    recorded = [
        grad for grad in grads if grad is not None and grad.requires_grad
    ]  # others may share parts of the graph
    return [second(grad) for grad in grads], [twice(grad) for grad in recorded[:1]]


@pytest.mark.parametrize("chapter", chapters())
def test_second_derivative(chapter: str) -> None:
    """Whether it can be had, and of what, hangs on neither library's own way of computing the first."""
    differing = []
    for op in chapters()[chapter]:
        for sample in op.samples:
            arrays = bind(op, sample)[1] if all(x.layout == "contiguous" for x in sample.arrays()) else ()
            for wanted, keep in product(list(product((True, False), repeat=len(arrays)))[:8], (True, False)):
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore"
                    )  # PyTorch's words on the cost of create_graph, and on complex numbers
                    mine, theirs = (
                        attempt(lambda xp=xp: again(xp, op, sample, wanted, keep)) if any(wanted) else None
                        for xp in (refgrad, torch)
                    )
                if mine != theirs:
                    differing.append((op.id, str(sample), wanted, keep, mine, theirs))
    assert not differing


# PyTorch's formulas of these go through values that refgrad's do not have; and its conjugates share what they are made of
OTHER_FORMULAS = {"polar", "linalg.lu", "linalg.lu_factor", "linalg.lu_factor_ex", "nn.functional.ctc_loss"}


def written_between(xp: Any, op: OpInfo, sample: SampleInput, which: int) -> Any:
    """What the second derivative gives where one of inputs, outputs and cotangents was written to after the first."""
    fn, arrays = bind(op, sample)
    xp.manual_seed(3)
    inputs = [xp.tensor(array) for array in arrays]
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    outputs = [y for y in fn(xp, *inputs) if isinstance(y, xp.Tensor) and y.requires_grad]
    if not outputs:
        return None
    weights = [xp.ones_like(y) for y in outputs]
    grads = xp.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
    grad = next((g for g in grads if g is not None and g.requires_grad), None)
    tensors = [*inputs, *outputs, *weights]
    if grad is None or which >= len(tensors):
        return None
    with xp.no_grad():
        tensors[which].copy_(tensors[which].clone())
    found = attempt(lambda: xp.autograd.grad(grad, leaves, xp.ones_like(grad), allow_unused=True))
    return found.text[:60] if hasattr(found, "text") else "no error"


@pytest.mark.parametrize("chapter", chapters())
def test_a_write_before_the_second(chapter: str) -> None:
    """What the graph of a first derivative has saved is protected as in PyTorch."""
    differing = []
    for op in chapters()[chapter]:
        for sample in () if op.id in OTHER_FORMULAS or op.id.endswith("-complex") else op.samples:
            if not bind(op, sample)[1] or any(x.layout != "contiguous" for x in sample.arrays()):
                continue
            for which in range(5):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # PyTorch's words on the cost of create_graph
                    mine, theirs = (
                        attempt(lambda xp=xp, which=which: written_between(xp, op, sample, which))
                        for xp in (refgrad, torch)
                    )
                if mine != theirs:
                    differing.append((op.id, str(sample), which, mine, theirs))
    assert not differing
