"""Products of vectors, side by side with PyTorch."""

import pytest

import refgrad
from tests.engine.ops.matrices import Inputs, check_slopes_of
from tests.engine.ops.parity import Case, check

torch = pytest.importorskip("torch")

DRAWN = Inputs(42)
normal, integers = DRAWN.normal, DRAWN.integers
COMPLEX = {"dtype": "complex128"}

PAIRS = [
    (normal(3), normal(3)), (normal(1), normal(1)), (normal(0), normal(0)), (normal(3, **COMPLEX), normal(3, **COMPLEX)),
    (normal(3, dtype="float32"), normal(3, dtype="float32")), (integers(3), integers(3)),
    (normal(3, layout="strided"), normal(3)), (normal(3), normal(3, requires_grad=False)),
]  # fmt: skip
WRONG = [
    (normal(3), normal(2)), (normal(3), normal(3, dtype="float32")), (normal(2, 3), normal(3)), (normal(), normal(3)),
    (normal(3), integers(3)),
]  # fmt: skip
FUNCTIONS = {
    "dot": lambda xp, a, b: xp.dot(a, b),
    "vdot": lambda xp, a, b: xp.vdot(a, b),
    "inner": lambda xp, a, b: xp.inner(a, b),
    "outer": lambda xp, a, b: xp.outer(a, b),
    "ger": lambda xp, a, b: a.ger(b),
    "vecdot": lambda xp, a, b: xp.linalg.vecdot(a, b),
}
CROSS = [
    (normal(3), normal(3)), (normal(2, 3), normal(2, 3)), (normal(2, 3), normal(1, 3)), (normal(2, 3, **COMPLEX), normal(2, 3, **COMPLEX)),
    (normal(0, 3), normal(0, 3)), (integers(2, 3), integers(2, 3)), (normal(2, 3, layout="transposed"), normal(2, 3)),
]  # fmt: skip
CROSS_WRONG = [
    (normal(2, 3), normal(3)), (normal(3, 2), normal(3, 2)), (normal(2, 3), normal(4, 3)), (normal(3), normal(3, dtype="float32")),
    (DRAWN.integers(3, dtype="bool"), DRAWN.integers(3, dtype="bool")),
]  # fmt: skip
CASES = [
    *(Case(f"{name}-{i}", f, x) for name, f in FUNCTIONS.items() for i, x in enumerate(PAIRS)),
    *(Case(f"{name}-wrong-{i}", f, x) for name, f in FUNCTIONS.items() if name != "inner" for i, x in enumerate(WRONG)),
    *(Case(f"cross-{i}", lambda xp, a, b: xp.linalg.cross(a, b), x) for i, x in enumerate([*CROSS, *CROSS_WRONG])),
    Case("cross-dim", lambda xp, a, b: xp.linalg.cross(a, b, dim=0), (normal(3, 2), normal(3, 2))),
    Case("cross-of old", lambda xp, a, b: xp.cross(a, b, 1), (normal(2, 3), normal(2, 3))),
    Case("cross-the first of 3", lambda xp, a, b: xp.cross(a, b), (normal(2, 3, 3), normal(2, 3, 3))),
    Case("cross-none of 3", lambda xp, a, b: xp.cross(a, b), (normal(2, 2), normal(2, 2))),
    Case("vecdot-dim", lambda xp, a, b: xp.linalg.vecdot(a, b, dim=0), (normal(2, 3, **COMPLEX), normal(2, 3, **COMPLEX))),
    Case("vecdot-broadcast", lambda xp, a, b: xp.linalg.vecdot(a, b), (normal(2, 3), normal(3))),
    Case("dot-itself", lambda xp, a: xp.dot(a, a), (normal(3),)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using torch.cross without specifying the dim arg")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_in_pytorch(case):
    """A product of vectors gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", [*FUNCTIONS, "cross"])
def test_slopes(name):
    """The gradients are the slopes that finite differences measure."""
    function = FUNCTIONS.get(name, lambda xp, a, b: xp.linalg.cross(a, b))
    check_slopes_of(lambda a, b: function(refgrad, a, b), normal(3, **COMPLEX), normal(3, **COMPLEX))
