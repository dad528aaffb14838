"""Transforms of every op: refgrad runs an example at a time, PyTorch all at once by rules of its own; they agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import refgrad
from refgrad.harness.op_db import chapters
from refgrad.harness.opinfo import OpInfo, SampleInput, bind
from tests.engine.live import Raised, attempt, facts, same

torch = pytest.importorskip("torch")

FEW = 40  # elements: a Hessian has as many rows
EXCEPT = {
    ("cdist", "jacrev"): "PyTorch's rows are those of one output: docs/findings.md",
    ("nn.functional.embedding", "jacfwd"): "PyTorch's forward mode forgets the padding row: docs/findings.md",
    ("as_strided", "vmap"): "an offset is one into the batch's memory here, and into the example's there",
}


def questions(xp: Any, op: OpInfo, sample: SampleInput) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The transforms of the op's first result of floats, at the sample."""
    fn, arrays = bind(op, sample)
    tensors = [xp.tensor(array) for array in arrays]

    def value(*given: Any) -> Any:
        results = fn(xp, *given)
        flat = results if isinstance(results, (tuple, list)) else [results]
        return next(y for y in flat if isinstance(y, xp.Tensor) and (y.is_floating_point() or y.is_complex()))

    def total(*given: Any) -> Any:
        return value(*given).sum()

    batch = [xp.stack([x, x * 0.9 if x.is_floating_point() or x.is_complex() else x]) for x in tensors]
    yield "vmap", lambda: xp.func.vmap(value)(*batch)
    if not any(x.is_complex() for x in tensors):
        yield "jacrev", lambda: xp.func.jacrev(value)(*tensors)
        yield "jacfwd", lambda: xp.func.jacfwd(value)(*tensors)
        yield "hessian", lambda: xp.func.hessian(total)(*tensors)
        yield "vmap of grad", lambda: xp.func.vmap(xp.func.grad(total))(*batch)


def small(op: OpInfo) -> Iterator[SampleInput]:
    """The first sample of the op that will do."""
    for sample in op.samples:
        arrays = bind(op, sample)[1] if all(x.layout == "contiguous" for x in sample.arrays()) else ()
        if arrays and sum(array.size for array in arrays) <= FEW:
            yield sample
            return


def answer(xp: Any, ask: Callable[[], Any]) -> Any:
    """What a transform gives, in numbers, or its error."""
    xp.manual_seed(0)
    found = attempt(ask)
    return found if isinstance(found, Raised) else attempt(lambda: facts(xp, found)["tensor"])


@pytest.mark.parametrize("chapter", chapters())
def test_transforms(chapter: str) -> None:
    """Where PyTorch has the transform of an op, refgrad's gives the same numbers."""
    differing = []
    for op in chapters()[chapter]:
        for sample in small(op):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch's words on what it has no rule for
                pairs = zip(questions(refgrad, op, sample), questions(torch, op, sample))
                for (name, mine), (_, theirs) in pairs:
                    expected = answer(torch, theirs)
                    if isinstance(expected, Raised) or (op.id, name) in EXCEPT:
                        continue
                    if not same(found := answer(refgrad, mine), expected):
                        differing.append((op.id, str(sample), name, found, expected))
    assert not differing


# of a matrix that is taken for symmetric reverse mode gives a symmetric gradient, and forward mode reads one triangle
ONE_TRIANGLE = {"linalg.eigvalsh", "linalg.eigh"}


def second(op: OpInfo, sample: SampleInput) -> dict[str, Any]:
    """The gradient of the gradient along a direction, by each order of two modes."""
    fn, arrays = bind(op, sample)
    refgrad.manual_seed(1)
    tensors = tuple(refgrad.tensor(array) for array in arrays)
    directions, places = tuple(refgrad.randn_like(x) for x in tensors), tuple(range(len(tensors)))
    grad, jvp = refgrad.func.grad, refgrad.func.jvp

    def weighed(*given: Any) -> Any:
        results = fn(refgrad, *given)
        flat = results if isinstance(results, (tuple, list)) else [results]
        made = [refgrad.view_as_real(y) if y.is_complex() else y for y in flat if isinstance(y, refgrad.Tensor)]
        weights = [refgrad.arange(1, y.numel() + 1, dtype=refgrad.float64).reshape(y.shape) / 7 for y in made]
        return sum((y * w).sum() for y, w in zip(made, weights) if y.is_floating_point())

    def along(grads: Any) -> Any:
        return sum((g * d).sum() for g, d in zip(grads, directions))

    orders = {
        "reverse over reverse": lambda: grad(lambda *x: along(grad(weighed, places)(*x)), places)(*tensors),
        "reverse over forward": lambda: grad(lambda *x: jvp(weighed, x, directions)[1], places)(*tensors),
        "forward over reverse": lambda: jvp(grad(weighed, places), tensors, directions)[1],
    }
    return {name: attempt(lambda order=order: facts(refgrad, order())) for name, order in orders.items()}


@pytest.mark.parametrize("chapter", chapters())
def test_the_order_of_modes(chapter: str) -> None:
    """Second derivatives are the same whichever mode is differentiated by which: what forward mode saves has its own."""
    differing = []
    for op in chapters()[chapter]:
        for sample in op.samples:
            plain = all(x.layout == "contiguous" for x in sample.arrays()) and op.id not in ONE_TRIANGLE
            arrays = bind(op, sample)[1] if plain and not sample.kink else ()
            if not arrays or any(array.dtype.name != "float64" or not array.size for array in arrays):
                continue
            found = {name: each for name, each in second(op, sample).items() if not isinstance(each, Raised)}
            if not all(same(each, next(iter(found.values()))) for each in found.values()):
                differing.append((op.id, str(sample), found))
    assert not differing
