"""Reductions, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
MATRIX = Array(RNG.normal(size=(3, 4)))
SINGLE = Array(RNG.normal(size=(3, 4)), "float32")
HALF = Array(RNG.normal(size=(3, 4)), "float16")
CUBE = Array(RNG.normal(size=(2, 3, 2)))
TURNED = Array(RNG.normal(size=(3, 4)), layout="transposed")
NUMBER = Array(np.array(1.5))
EMPTY = Array(np.zeros((0, 3)))
ONE_ZERO = Array(np.array([[1.0, 0.0, 3.0], [2.0, -4.0, 5.0]]))
TWO_ZEROS = Array(np.array([[1.0, 0.0, 3.0], [2.0, 0.0, 0.0]]))
INTEGERS = Array(np.array([[1, 2], [3, 0]]), "int64")
SHORTS = Array(np.array([[1, 2], [3, 0]]), "int32")
BYTES = Array(np.array([200, 100]), "uint8")
BOOLS = Array(np.array([[True, False], [True, True]]), "bool")
SPECIAL = Array(np.array([[math.inf, 1.0, -math.inf], [math.nan, 0.0, -0.0]]))
COMPLEX = Array(RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3)), "complex128")
ZEROS = Array(np.zeros((2, 2)))


def cases(name, *variants):
    """A case for each pair of an id and a call, on each of its inputs."""
    for label, call, inputs in variants:
        for i, x in enumerate(inputs):
            # torch's own second derivatives of products of nan, and of casts, depend on the way they are computed
            yield Case(f"{name}-{label}-{i}", call, (x,), orders=1 if x is SPECIAL or label == "wide" else 2)


def over(name):
    """The forms that most reductions take."""
    return cases(
        name,
        ("all", lambda xp, x: getattr(x, name)(), [MATRIX, SINGLE, HALF, CUBE, TURNED, NUMBER, EMPTY, SPECIAL]),
        ("function", lambda xp, x: getattr(xp, name)(x), [MATRIX]),
        ("first", lambda xp, x: getattr(x, name)(0), [MATRIX, SINGLE, HALF, TURNED, NUMBER, EMPTY, SPECIAL]),
        ("last", lambda xp, x: getattr(x, name)(-1, keepdim=True), [MATRIX, CUBE, TURNED, NUMBER, EMPTY]),
        ("beyond", lambda xp, x: getattr(x, name)(3), [MATRIX]),
    )


def several(name):
    """The forms with several dimensions."""
    return cases(
        name,
        ("two", lambda xp, x: getattr(x, name)((0, -1)), [MATRIX, CUBE, EMPTY]),
        ("two kept", lambda xp, x: getattr(x, name)([2, 0], True), [CUBE]),
        ("twice", lambda xp, x: getattr(x, name)((0, -2)), [MATRIX]),
        ("none", lambda xp, x: getattr(x, name)(()), [MATRIX]),
    )


CASES = [
    *over("sum"),
    *several("sum"),
    *over("mean"),
    *several("mean"),
    *over("prod"),
    *over("nansum"),
    *several("nansum"),
    *cases("sum", ("integers", lambda xp, x: x.sum(), [INTEGERS, SHORTS, BYTES, BOOLS, COMPLEX])),
    *cases("sum", ("None", lambda xp, x: x.sum(dim=None), [MATRIX])),
    *cases("sum", ("wide", lambda xp, x: x.sum(dtype=xp.float64), [SINGLE, INTEGERS])),
    *cases("sum", ("wide dim", lambda xp, x: x.sum(0, dtype=xp.float64), [SINGLE, INTEGERS])),
    *cases("sum", ("narrow", lambda xp, x: x.sum(0, dtype=xp.float32), [MATRIX, INTEGERS])),
    *cases("mean", ("integers", lambda xp, x: x.mean(), [INTEGERS, BOOLS, COMPLEX])),
    *cases("mean", ("integers dim", lambda xp, x: x.mean(0), [INTEGERS])),
    *cases("mean", ("None", lambda xp, x: x.mean(dim=None, keepdim=True), [MATRIX])),
    *cases("mean", ("to float", lambda xp, x: x.mean(dtype=xp.float32), [INTEGERS, MATRIX])),
    *cases("mean", ("to integer", lambda xp, x: x.mean(dtype=xp.int64), [INTEGERS])),
    *cases("prod", ("zeros", lambda xp, x: x.prod(), [ONE_ZERO, TWO_ZEROS])),
    *cases("prod", ("zeros dim", lambda xp, x: x.prod(1), [ONE_ZERO, TWO_ZEROS])),
    *cases("prod", ("zeros kept", lambda xp, x: x.prod(0, True), [ONE_ZERO, TWO_ZEROS])),
    *cases("prod", ("integers", lambda xp, x: x.prod(), [INTEGERS, SHORTS, BYTES, BOOLS, COMPLEX])),
    *cases("var", ("all", lambda xp, x: x.var(), [MATRIX, SINGLE, HALF, CUBE, TURNED, COMPLEX, INTEGERS, SPECIAL])),
    *cases("var", ("dim", lambda xp, x: x.var(0), [MATRIX, SINGLE, TURNED])),
    *cases("var", ("biased", lambda xp, x: x.var(False), [MATRIX, NUMBER])),
    *cases("var", ("biased dim", lambda xp, x: x.var(-1, False, True), [MATRIX, CUBE])),
    *cases("var", ("corrected", lambda xp, x: x.var((0, 1), correction=2), [MATRIX, CUBE])),
    *cases("std", ("all", lambda xp, x: x.std(), [MATRIX, SINGLE, HALF, CUBE, TURNED, INTEGERS, ZEROS, SPECIAL])),
    *cases("std", ("dim", lambda xp, x: x.std(1, keepdim=True), [MATRIX, SINGLE, ZEROS])),
    *cases("std", ("biased", lambda xp, x: x.std(unbiased=False), [MATRIX, ZEROS])),
    *cases("std", ("uncorrected", lambda xp, x: xp.std(x, 0, correction=0), [MATRIX])),
    *cases("logsumexp", ("first", lambda xp, x: x.logsumexp(0), [MATRIX, SINGLE, HALF, NUMBER, EMPTY, INTEGERS])),
    *cases("logsumexp", ("two", lambda xp, x: x.logsumexp((0, 1), keepdim=True), [MATRIX, CUBE])),
    *cases("logsumexp", ("last", lambda xp, x: x.logsumexp(-1), [MATRIX, CUBE, EMPTY, SPECIAL])),
    *cases("norm", ("all", lambda xp, x: x.norm(), [MATRIX, SINGLE, CUBE, NUMBER, EMPTY, COMPLEX, INTEGERS, ZEROS])),
    *cases("norm", ("dim", lambda xp, x: x.norm(dim=0), [MATRIX, SINGLE, ZEROS])),
    *cases("norm", ("two kept", lambda xp, x: x.norm(2, (0, 1), True), [MATRIX])),
    *cases("norm", ("frobenius", lambda xp, x: xp.norm(x, "fro", dim=-1), [MATRIX])),
    *cases("norm", ("wide", lambda xp, x: xp.norm(x, dtype=xp.float64), [SINGLE])),
    *(
        Case(f"norm-p{p}-{i}", lambda xp, x, p=p: xp.norm(x, p, dim=1), (x,))
        for p in (0, 0.5, 1, 1.5, 3, math.inf, -math.inf)
        for i, x in enumerate([MATRIX, ZEROS, Array(np.array([[1.0, -2.0, 2.0], [0.0, 3.0, 3.0]]))])
    ),
    *cases("norm", ("inf of none", lambda xp, x: x.norm(math.inf), [Array(np.zeros(0))])),
    *cases("all", ("all", lambda xp, x: x.all(), [MATRIX, INTEGERS, BOOLS, BYTES, EMPTY, NUMBER])),
    *cases("all", ("dim", lambda xp, x: x.all(0), [MATRIX, INTEGERS, BOOLS, BYTES, EMPTY])),
    *cases("all", ("no dims", lambda xp, x: x.all(dim=()), [MATRIX])),
    *cases("any", ("all", lambda xp, x: x.any(), [MATRIX, INTEGERS, BOOLS, BYTES, EMPTY])),
    *cases("any", ("kept", lambda xp, x: x.any(1, True), [MATRIX, INTEGERS, BOOLS])),
    *cases("count_nonzero", ("all", lambda xp, x: x.count_nonzero(), [MATRIX, INTEGERS, BOOLS, NUMBER])),
    *cases("count_nonzero", ("dim", lambda xp, x: x.count_nonzero((0, 1)), [MATRIX, CUBE])),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reduction_as_in_pytorch(case):
    """A reduction gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", ["var", "std"])
def test_no_degrees_of_freedom(name):
    """The variance of one element warns in PyTorch's words and is nan, and so is its gradient."""
    x = refgrad.tensor([[1.0], [2.0]], requires_grad=True)
    with pytest.warns(
        UserWarning, match=rf"^{name}\(\): degrees of freedom is <= 0\. Correction should be strictly less"
    ):
        result = getattr(x, name)(1)
    result.sum().backward()
    theirs = torch.tensor([[1.0], [2.0]], requires_grad=True)
    with pytest.warns(UserWarning, match="degrees of freedom"):
        getattr(theirs, name)(1).sum().backward()
    assert np.isnan(result.detach().numpy()).all()
    np.testing.assert_array_equal(x.grad.numpy(), theirs.grad.numpy())
