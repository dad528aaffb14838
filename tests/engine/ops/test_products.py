"""Products of vectors and matrices, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(4)


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    values = RNG.normal(size=shape)
    if dtype.startswith("complex"):
        values = values + 1j * RNG.normal(size=shape)
    return Array(values, dtype, layout, requires_grad)


def integers(*shape, dtype="int64"):
    return Array(RNG.integers(0, 5, size=shape), dtype)


def named(name):
    return lambda xp, *tensors: getattr(xp, name)(*tensors)


PRODUCTS = {
    "dot": [
        (normal(3), normal(3)),
        (normal(3, dtype="float32"), normal(3, dtype="float32")),
        (integers(3), integers(3)),
    ],
    "vdot": [(normal(3), normal(3)), (normal(3, dtype="complex128"), normal(3, dtype="complex128"))],
    "mv": [
        (normal(2, 3), normal(3)),
        (normal(0, 3), normal(3)),
        (normal(2, 0), normal(0)),
        (integers(2, 3), integers(3)),
    ],
    "mm": [
        (normal(2, 3), normal(3, 4)),
        (normal(2, 3, dtype="float32"), normal(3, 4, dtype="float32")),
        (normal(2, 3, dtype="float16"), normal(3, 4, dtype="float16")),
        (normal(2, 3, dtype="complex128"), normal(3, 4, dtype="complex128")),
        (normal(2, 0), normal(0, 3)),
        (normal(0, 3), normal(3, 2)),
        (normal(2, 3, layout="transposed"), normal(3, 4, layout="strided")),
        (integers(2, 3, dtype="int32"), integers(3, 2, dtype="int32")),
        (normal(2, 3), normal(3, 4, requires_grad=False)),
    ],
    "bmm": [(normal(2, 3, 4), normal(2, 4, 5)), (normal(2, 3, 0), normal(2, 0, 2)), (normal(0, 3, 4), normal(0, 4, 5))],
    "outer": [(normal(3), normal(2)), (normal(0), normal(2))],
    "inner": [(normal(3), normal(3)), (normal(2, 3), normal(4, 3)), (normal(), normal(2))],
    "addmm": [
        (normal(4), normal(2, 3), normal(3, 4)),
        (normal(2, 1), normal(2, 3), normal(3, 4)),
        (normal(), normal(2, 3), normal(3, 4)),
    ],
    "trace": [(normal(3, 3),), (normal(2, 4),), (normal(4, 2, dtype="float32"),), (integers(2, 2),)],
    "matmul": [
        (normal(3), normal(3)),
        (normal(3), normal(3, 4)),
        (normal(2, 3), normal(3)),
        (normal(2, 3), normal(3, 4)),
        (normal(5, 2, 3), normal(5, 3, 4)),
        (normal(5, 2, 3), normal(3, 4)),
        (normal(5, 2, 3), normal(3, 4, requires_grad=False)),
        (normal(5, 2, 3), normal(3)),
        (normal(2, 3), normal(5, 3, 4)),
        (normal(2, 3, requires_grad=False), normal(5, 3, 4)),
        (normal(3), normal(5, 3, 4)),
        (normal(3, requires_grad=False), normal(5, 3, 4)),
        (normal(1, 2, 3), normal(5, 3, 4)),
        (normal(5, 2, 3), normal(1, 3, 4)),
        (normal(2, 1, 2, 3), normal(3, 3, 4)),
        (normal(2, 5, 2, 3), normal(3)),
        (normal(2, 0, 3), normal(3, 4)),
        (integers(2, 2), integers(2)),
    ],
}
WRONG = {
    "dot": [
        (normal(3), normal(2)),
        (normal(3), normal(2, 3)),
        (normal(), normal()),
        (normal(3), normal(3, dtype="float32")),
    ],
    "mv": [(normal(2, 3), normal(2)), (normal(3), normal(3)), (normal(2, 3), normal(3, dtype="float32"))],
    "mm": [(normal(2, 3), normal(2, 3)), (normal(2, 3), normal(3)), (normal(3), normal(3, 2))]
    + [(normal(2, 2, dtype=a), normal(2, 2, dtype="float64")) for a in ("float32", "float16", "bfloat16", "complex64")]
    + [(integers(2, 2, dtype=a), normal(2, 2)) for a in ("int64", "int32", "int16", "int8", "uint8", "bool")]
    + [(Array(np.ones((2, 2)), "bool"), Array(np.ones((2, 2)), "bool"))],
    "bmm": [
        (normal(2, 3, 4), normal(2, 3, 4)),
        (normal(2, 3), normal(3, 4)),
        (normal(2, 2, 2), normal(2, 2, 2, dtype="float32")),
    ],
    "outer": [(normal(2, 3), normal(2)), (normal(2), normal(2, 3))],
    "addmm": [
        (normal(3), normal(2, 3), normal(3, 4)),
        (normal(4), normal(2, 3), normal(2, 3)),
        (normal(4), normal(3), normal(2, 3)),
        (normal(4, dtype="float32"), normal(2, 3), normal(3, 4)),
        (normal(4), normal(2, 3, dtype="float32"), normal(3, 4)),
    ],
    "trace": [(normal(3),), (Array(np.ones((2, 2)), "bool"),)],
    "matmul": [
        (normal(), normal(3)),
        (normal(2, 3), normal(2, 3)),
        (normal(2, 3), normal(2)),
        (normal(3), normal(2, 2)),
        (normal(5, 2, 3), normal(5, 2, 3)),
        (normal(5, 2, 3), normal(4, 3, 4)),
        (normal(5, 2, 3), normal(4)),
        (normal(2, 3), normal(3, 2, dtype="float32")),
    ],
}
CASES = [
    *(Case(f"{n}-{i}", named(n), x) for n, inputs in PRODUCTS.items() for i, x in enumerate(inputs)),
    *(Case(f"{n}-wrong-{i}", named(n), x) for n, inputs in WRONG.items() for i, x in enumerate(inputs)),
    Case("matmul-operator", lambda xp, x, y: x @ y, (normal(2, 3), normal(3, 4))),
    Case(
        "addmm-scaled", lambda xp, x, y, z: xp.addmm(x, y, z, beta=2, alpha=3), (normal(4), normal(2, 3), normal(3, 4))
    ),
    Case(
        "addmm-beta 0",
        lambda xp, x, y, z: xp.addmm(x, y, z, beta=0),
        (Array([np.nan, 1.0]), normal(2, 3), normal(3, 2)),
    ),
    Case("tensordot", lambda xp, x, y: xp.tensordot(x, y, 1), (normal(2, 3), normal(3, 4))),
    Case("tensordot-dims", lambda xp, x, y: xp.tensordot(x, y, ([0, 1], [1, 0])), (normal(2, 3, 4), normal(3, 2, 5))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_linalg_as_in_pytorch(case):
    """A product gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("transposed", [False, True])
def test_gradient_in_the_memory_order_of_its_factor(transposed):
    """The gradient of a transposed factor is transposed in memory too, as in PyTorch."""
    strides = []
    for xp in (refgrad, torch):
        x, y = xp.ones(2, 3, requires_grad=True), xp.ones(4, 3) if transposed else xp.ones(3, 4)
        y = (y.t() if transposed else y).requires_grad_()
        strides.append([g.stride() for g in xp.autograd.grad((x @ y).sum(), [x, y])])
    assert strides[0] == strides[1]
