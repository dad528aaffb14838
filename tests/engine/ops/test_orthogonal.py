"""Products of Householder reflections, side by side with PyTorch."""

import numpy as np
import pytest

import refgrad
from tests.engine.live import live
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(45)
normal, integers = DRAWN.normal, DRAWN.integers


def reflections(*shape, dtype="float64"):
    """What a QR decomposition packs: vectors, and the scales that make their reflections unitary."""
    A, tau = torch.geqrf(torch.from_numpy(DRAWN.draw(*shape, dtype=dtype)))
    return Array(A.numpy(), dtype), Array(tau.numpy(), dtype)


def householder(xp, A, tau):
    return xp.linalg.householder_product(A, tau)


def ormqr(**options):
    return lambda xp, A, tau, other: xp.ormqr(A, tau, other, **options)


PACKED = [
    reflections(3, 3), reflections(4, 2), reflections(2, 3, 3), reflections(1, 1), reflections(4, 3, dtype="complex128"),
    (normal(4, 3), normal(3)), (normal(4, 3), normal(2)), (normal(0, 0), normal(0)), (normal(3, 2), normal(0)),
]  # fmt: skip
WRONG = [
    (normal(3), normal(3)), (normal(2, 3), normal(2)), (normal(3, 2), normal(3)), (normal(2, 3, 3), normal(3)),
    (normal(2, 3, 3), normal(3, 3)), (normal(3, 3), normal(3, dtype="float32")), (integers(3, 3), integers(3)),
]  # fmt: skip
SQUARE = reflections(3, 3)
TURNED = [
    ({"left": left, "transpose": transpose}, other)
    for left in (True, False)
    for transpose in (True, False)
    for other in (normal(3, 2) if left else normal(2, 3), normal(3, 3))
]
COMPLEX = reflections(3, 3, dtype="complex128")
CASES = [
    *(Case(f"householder_product-{i}", householder, x) for i, x in enumerate([*PACKED, *WRONG])),
    Case("orgqr", lambda xp, A, tau: xp.orgqr(A, tau), PACKED[0]),
    *(Case(f"ormqr-{i}", ormqr(**options), (*SQUARE, other)) for i, (options, other) in enumerate(TURNED)),
    *(Case(f"ormqr-wrong-{i}", ormqr(), x) for i, x in enumerate([
        (*SQUARE, normal(3)), (*SQUARE, normal(2, 2)), (normal(3), normal(3), normal(3, 3)), (normal(3, 3), normal(2), normal(3, 3)),
        (normal(3, 3), normal(3, dtype="float32"), normal(3, 3)), (normal(3, 3), normal(1, 3), normal(3, 3)),
    ])),
    *(Case(f"geqrf-{i}", lambda xp, A: xp.geqrf(A), (A,), orders=0) for i, A in enumerate([
        normal(3, 3), normal(4, 2), normal(2, 3), normal(2, 3, 3), normal(3, 3, dtype="complex128"), normal(0, 3), normal(3), integers(2, 2),
    ])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """Reflections give PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@live
def test_gradients_lead_back_to_the_result(xp):
    """The graph of a gradient has the product's own node in it, and cannot be run once that was freed."""
    input = xp.tensor([[1.0], [0.5]], dtype=xp.float64, requires_grad=True)
    tau = xp.tensor([0.7], dtype=xp.float64, requires_grad=True)
    product = xp.linalg.householder_product(input, tau).sum()
    _, by_tau = xp.autograd.grad(product, (input, tau), create_graph=True, retain_graph=False)
    by_tau.backward()


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_slopes(left, transpose):
    """The gradients are the slopes that finite differences measure."""
    A, tau = COMPLEX
    other = normal(3, 3, dtype="complex128")
    strict = Array(np.tril(A.values, -1), A.dtype)  # the rest is not read
    check_slopes_of(refgrad.linalg.householder_product, strict, tau)
    check_slopes_of(lambda A, tau, other: refgrad.ormqr(A, tau, other, left, transpose), strict, tau, other)
