"""Powers and exponentials of matrices, side by side with PyTorch."""

import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(46)
normal, integers, regular = DRAWN.normal, DRAWN.integers, DRAWN.regular
MATRICES = [
    regular(3, 3), regular(2, 3, 3), normal(1, 1), normal(0, 0), normal(0, 3, 3), regular(3, 3, dtype="complex128"),
    normal(3, 3, layout="transposed"), normal(2, 3), normal(3), integers(2, 2),
]  # fmt: skip
SINGLE = Array(0.1 * DRAWN.draw(3, 3), "float32")

CASES = [
    *(Case(f"matrix_exp-{i}", lambda xp, A: xp.linalg.matrix_exp(A), (A,)) for i, A in enumerate([*MATRICES, SINGLE])),
    Case("matrix_exp-top", lambda xp, A: xp.matrix_exp(A), (normal(2, 2),)),
    *(Case(f"matrix_power-{n}-{i}", lambda xp, A, n=n: xp.linalg.matrix_power(A, n), (A,)) for n in (-2, -1, 0, 1, 2, 3, 4, 7) for i, A in enumerate(MATRICES)),
    Case("matrix_power-top", lambda xp, A: xp.matrix_power(A, 2), (normal(2, 2),)),
    Case("matrix_power-method", lambda xp, A: A.matrix_power(5), (normal(2, 2),)),
    Case("matrix_power-half", lambda xp, A: xp.linalg.matrix_power(A, 0.5), (normal(2, 2),)),
    *(Case(f"linalg.vander-{i}", lambda xp, x, N=N: xp.linalg.vander(x, N=N), (x,)) for i, (x, N) in enumerate([
        (normal(3), None), (normal(3), 2), (normal(3), 5), (normal(2, 3), None), (normal(), 3), (normal(3), 1), (normal(0), 2),
        (normal(3, dtype="complex128"), None), (integers(3), None), (integers(3, dtype="bool"), None), (Array([0.0, 0.0, 1.0]), 4),
    ])),
    *(Case(f"vander-{i}", lambda xp, x, N=N, up=up: xp.vander(x, N, up), (x,)) for i, (x, N, up) in enumerate([
        (normal(3), None, False), (normal(3), None, True), (normal(3), 2, False), (normal(3), 0, False), (normal(3), 1, True), (normal(3), 5, True),
        (normal(3), -1, False), (normal(2, 3), None, False), (normal(), None, False), (integers(3), None, False), (normal(0), None, False),
    ])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A function of matrices gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


SLOPES = {
    "matrix_exp": refgrad.linalg.matrix_exp,
    **{f"matrix_power {n}": lambda A, n=n: refgrad.linalg.matrix_power(A, n) for n in (-2, 1, 5)},
    "vander": lambda A: refgrad.linalg.vander(A, N=4),
}


@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    check_slopes_of(SLOPES[name], regular(3, 3, dtype="complex128"))


def test_linear_in_the_cotangent():
    """The gradient of ``matrix_exp`` has all its digits for a cotangent of any size, where PyTorch's loses some."""
    found = []
    for size in (1.0, 1024.0, 2.0**40):
        A = refgrad.tensor([[2.0, 0.5], [0.25, 1.0]], requires_grad=True)
        (grad,) = refgrad.autograd.grad(refgrad.matrix_exp(A), A, refgrad.ones(2, 2) * size)
        found.append((grad / size).tolist())
    assert found[0] == found[1] == found[2]
