"""The gradient of a sum is one number, seen as many: no op may write into it, or ask for its strides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import refgrad
from refgrad.harness import op_db
from refgrad.harness.opinfo import OpInfo, SampleInput, bind


def gradients(op: OpInfo, sample: SampleInput, *, of_sum: bool) -> list[Any]:
    """The gradients of a sample's results, summed or each with ones; the real part's, where they are complex."""
    call, arrays = bind(op, sample)
    refgrad.manual_seed(0)
    inputs = [refgrad.tensor(array).requires_grad_() for array in arrays]
    results = [each for each in call(refgrad, *inputs) if each.requires_grad]
    if not results:
        return []
    if of_sum:
        sums = [each.sum() for each in results]
        results = [each.real if each.is_complex() else each for each in sums]
    grads = refgrad.autograd.grad(results, inputs, [refgrad.ones_like(each) for each in results], allow_unused=True)
    return [None if grad is None else grad.numpy() for grad in grads]


@pytest.mark.filterwarnings("ignore")  # what samples warn of is other tests' business
@pytest.mark.parametrize("chapter", sorted(op_db.chapters()))
def test_sum(chapter: str) -> None:
    """Every op passes a sum's gradient on as it passes ones on."""
    for op in op_db.chapters()[chapter]:
        for sample in op.samples if op.differentiable else ():
            try:
                expected = gradients(op, sample, of_sum=False)
            except RuntimeError:  # a derivative that PyTorch lacks too
                continue
            for mine, theirs in zip(gradients(op, sample, of_sum=True), expected, strict=True):
                np.testing.assert_equal(mine is None, theirs is None)
                if mine is not None:
                    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12, err_msg=f"{op.id}({sample})")
