"""Products added onto a tensor, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.ops.matrices import Inputs
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

DRAWN = Inputs(1)
integers, normal = DRAWN.integers, DRAWN.normal

MATRICES, BATCHES = (normal(2, 3), normal(3, 4)), (normal(5, 2, 3), normal(5, 3, 4))
CALLS = {
    "addmm": [
        (normal(4), *MATRICES),
        (normal(2, 1), *MATRICES),
        (normal(), *MATRICES),
        (normal(4), normal(2, 0), normal(0, 4)),
    ],
    "addmv": [
        (normal(2), normal(2, 3), normal(3)),
        (normal(), normal(2, 3), normal(3)),
        (normal(1), normal(2, 3), normal(3)),
    ],
    "addr": [
        (normal(2, 3), normal(2), normal(3)),
        (normal(3), normal(2), normal(3)),
        (integers(3), integers(2), integers(3)),
    ],
    "baddbmm": [
        (normal(5, 2, 4), *BATCHES),
        (normal(4), *BATCHES),
        (normal(2, 1), *BATCHES),
        (normal(4), normal(0, 2, 3), normal(0, 3, 4)),
    ],
    "addbmm": [(normal(2, 4), *BATCHES), (normal(4), *BATCHES), (normal(), *BATCHES)],
}
FLOAT, COMPLEX = (lambda *shape: normal(*shape, dtype="float32")), (lambda *shape: normal(*shape, dtype="complex128"))
TYPES = {
    "addmm": lambda n: (n(4), n(2, 3), n(3, 4)), "addmv": lambda n: (n(2), n(2, 3), n(3)),
    "addr": lambda n: (n(2, 3), n(2), n(3)), "baddbmm": lambda n: (n(4), n(5, 2, 3), n(5, 3, 4)),
    "addbmm": lambda n: (n(4), n(5, 2, 3), n(5, 3, 4)),
}  # fmt: skip
WRONG = {
    "addmm": [
        (normal(3), *MATRICES), (normal(4), normal(2, 3), normal(2, 3)), (normal(4), normal(3), normal(2, 3)),
        (normal(1, 2, 4), *MATRICES), (normal(4, dtype="float32"), *MATRICES),
        (normal(4), normal(2, 3, dtype="float32"), normal(3, 4)),
    ],
    "addmv": [
        (normal(3), normal(2, 3), normal(3)), (normal(2), normal(2, 3), normal(2)), (normal(2), normal(3), normal(2)),
        (normal(2, dtype="float32"), normal(2, 3), normal(3)), (normal(2, 1), normal(2, 3), normal(3)),
    ],
    "addr": [
        (normal(3), normal(3, 2), normal(2)), (normal(3), normal(3), normal(2, 2)), (normal(5), normal(3), normal(2)),
        (normal(1, 1, 2), normal(3), normal(2)),
    ],
    "baddbmm": [
        (normal(2, 3, 3), normal(2, 3, 4), normal(3, 4, 3)), (normal(2, 3, 3), normal(2, 3, 4), normal(2, 3, 3)),
        (normal(5), *BATCHES), (normal(4, dtype="float32"), *BATCHES),
        (Array(np.ones(4), "bool"), Array(np.ones((1, 2, 3)), "bool"), Array(np.ones((1, 3, 4)), "bool")),
    ],
    "addbmm": [
        (normal(3, 3), normal(2, 3, 4), normal(3, 4, 3)), (normal(3, 3), normal(2, 3, 4), normal(2, 3, 3)),
        (normal(3), normal(3, 4), normal(2, 3, 3)), (normal(5), *BATCHES), (normal(4, dtype="float32"), *BATCHES),
    ],
}  # fmt: skip


def named(name, **params):
    return lambda xp, *tensors: getattr(xp, name)(*tensors, **params)


NAN = {"addmm": (2, 4), "addmv": (2,), "addr": (2, 3), "baddbmm": (5, 2, 4), "addbmm": (2, 4)}
CASES = [
    *(Case(f"{n}-{i}", named(n), x) for n, inputs in CALLS.items() for i, x in enumerate(inputs)),
    *(Case(f"{n}-scaled", named(n, beta=2, alpha=3), inputs[0]) for n, inputs in CALLS.items()),
    *(Case(f"{n}-without", named(n, beta=0), (Array(np.full(NAN[n], np.nan)), *x[0][1:])) for n, x in CALLS.items()),
    *(Case(f"{n}-{kind.__name__}-{i}", named(n, beta=0.5), make(kind)) for n, make in TYPES.items() for i, kind in enumerate((FLOAT, COMPLEX))),
    *(Case(f"{n}-wrong-{i}", named(n), x) for n, inputs in WRONG.items() for i, x in enumerate(inputs)),
    Case("addr-fractions of integers", named("addr", beta=0.5), (integers(3), integers(2), integers(3))),
    Case("addmm-fractions of integers", named("addmm", beta=0.5), (integers(4), integers(2, 3), integers(3, 4))),
    Case("addr-mixed", named("addr"), (normal(3), normal(2), normal(3, dtype="float32"))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A product that is added on gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", CALLS)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    check_slopes(
        lambda *tensors: getattr(refgrad, name)(*tensors, beta=0.5, alpha=2), [x.values for x in CALLS[name][0]]
    )
