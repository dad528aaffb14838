"""Einstein's summation, side by side with PyTorch."""

import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(41)
normal, integers = DRAWN.normal, DRAWN.integers


def of(equation):
    return lambda xp, *operands: xp.einsum(equation, *operands)


EQUATIONS = {
    "i->": [(3,)], "i->i": [(3,)], "ij->ji": [(2, 3)], "ij": [(2, 3)], "ba": [(2, 3)], "ii": [(3, 3)], "ii->i": [(3, 3)],
    "iij->ji": [(2, 2, 3)], "ij->": [(2, 3)], "ij->j": [(2, 3)], "i,i": [(3,), (3,)], "i,i->i": [(3,), (3,)],
    "i,j->ij": [(2,), (3,)], "i,j": [(2,), (3,)], "ij,jk": [(2, 3), (3, 2)], "ij,kj->ik": [(2, 3), (4, 3)],
    "ij,jk->ki": [(2, 3), (3, 4)], "bij,bjk->bik": [(2, 2, 3), (2, 3, 2)], "bij,bjk->bk": [(2, 2, 3), (2, 3, 2)],
    "...ij,...jk->...ik": [(2, 2, 3), (3, 2)], "...ij->...ji": [(2, 2, 3)], "i...->...": [(2, 3, 2)], "...,...": [(2, 3), (3,)],
    "ij,jk,kl->il": [(2, 3), (3, 2), (2, 4)], "bn,anm,bm->ba": [(2, 3), (4, 3, 2), (2, 2)], "ij,ij->": [(2, 3), (2, 3)],
    "ij,k->ijk": [(2, 3), (2,)], "ijk,kj->i": [(2, 3, 4), (4, 3)], " i j , j k -> i k ": [(2, 3), (3, 2)], ",": [(), ()],
    ",ij->ij": [(), (2, 3)], "Aa,aA->A": [(2, 3), (3, 2)], "ij,jk->ik": [(2, 1), (3, 2)], "i,i,i->": [(3,), (3,), (3,)],
}  # fmt: skip
EDGES = [
    ("ij,jk->ik", normal(0, 3), normal(3, 2)), ("ij,jk->ik", normal(2, 0), normal(0, 3)), ("ij->j", normal(0, 3)),
    ("ij,jk->ik", normal(2, 3, layout="transposed"), normal(3, 2, layout="strided")),
    ("ij,jk->ik", normal(2, 3, dtype="float32"), normal(3, 2, dtype="float32")),
    ("ij,jk->ik", normal(2, 3, dtype="complex128"), normal(3, 2, dtype="complex128")),
    ("ij,jk->ik", integers(2, 3), integers(3, 2)), ("ij,jk->ik", normal(2, 3), normal(3, 2, requires_grad=False)),
    ("ij,jk->ik", normal(2, 3), normal(3, 2, dtype="float32")),
]  # fmt: skip
WRONG = [
    ("ij,jk->ik", normal(2, 3), normal(2, 3)), ("ii", normal(2, 3)), ("ij", normal(2)), ("i", normal(2, 3)), ("i,j", normal(2)),
    ("i", normal(2), normal(2)), ("ij->ik", normal(2, 3)), ("ij->ii", normal(2, 3)), ("i.j", normal(2, 3)),
    ("......i", normal(2)), ("i1", normal(2, 3)), ("i->1", normal(2)), ("...i->i", normal(2, 3)), ("i->.", normal(2)), ("",),
]  # fmt: skip
CASES = [
    *(Case(equation, of(equation), tuple(normal(*s) for s in shapes)) for equation, shapes in EQUATIONS.items()),
    *(Case(f"edge-{i}", of(equation), tuple(x)) for i, (equation, *x) in enumerate(EDGES)),
    *(Case(f"wrong-{i}", of(equation), tuple(x)) for i, (equation, *x) in enumerate(WRONG)),
    Case("list", lambda xp, A, B: xp.einsum("ij,jk", [A, B]), (normal(2, 3), normal(3, 2))),
    Case("numbers", lambda xp, A, B: xp.einsum(A, [0, 1], B, [1, 2], [2, 0]), (normal(2, 3), normal(3, 2))),
    Case("numbers-implicit", lambda xp, A: xp.einsum(A, [1, 0]), (normal(2, 3),)),
    Case("numbers-ellipsis", lambda xp, A: xp.einsum(A, [..., 0], [0, ...]), (normal(2, 3),)),
    Case("numbers-wrong", lambda xp, A: xp.einsum(A, [0, 52]), (normal(2, 3),)),
    Case("itself", lambda xp, A: xp.einsum("ij,jk->ik", A, A), (normal(3, 3),)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A sum of products gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("equation", ["ij,jk->ki", "iij->ji", "bn,anm,bm->ba", "...ij,...jk->...ik"])
def test_slopes(equation):
    """The gradients are the slopes that finite differences measure."""
    operands = [normal(*shape, dtype="complex128") for shape in EQUATIONS[equation]]
    check_slopes_of(lambda *x: refgrad.einsum(equation, *x), *operands)
