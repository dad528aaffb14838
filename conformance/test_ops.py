"""Every op of the catalogue on each of its samples, held against what PyTorch answered."""

import pytest

from refgrad.harness import op_db
from refgrad.harness.behaviours import behaviour
from refgrad.harness.op_check import ops_with

TORCH = "torch 2.13.0, recorded: goldens/"
MATHS = "mathematics"


def each_op(question, *, kink=False):
    ops = ops_with(op_db.ops(), question, kink=kink)
    return pytest.mark.parametrize("op", ops, ids=[op.id for op in ops])


@behaviour("OP-01", source=TORCH, profile="core")
@each_op("value")
def test_value(asking, op):
    """Number of results, dtype, shape and values are PyTorch's on every sample, nan and inf in the same places."""
    asking(op).agree("value")


@behaviour("OP-02", source=MATHS, profile="core")
@each_op("value")
def test_unchanged(asking, op):
    """No input is written to, and the same call gives the same result again."""
    asking(op).unchanged()


@behaviour("OP-03", source=TORCH, profile="core")
@each_op("vjp")
def test_vjp(asking, op):
    """The gradients of all inputs are PyTorch's, with a cotangent that varies and with ones."""
    asking(op).agree("vjp")


@behaviour("OP-04", source=TORCH, profile="core")
@each_op("jacobian")
def test_jacobian(asking, op):
    """Row by row the Jacobian is PyTorch's, so that no error hides in a sum."""
    asking(op).agree("jacobian")


@behaviour("OP-05", source=TORCH, profile="higher")
@each_op("second")
def test_second(asking, op):
    """The gradient of the gradient is PyTorch's."""
    asking(op).agree("second")


@behaviour("OP-06", source=TORCH, profile="forward")
@each_op("jvp")
def test_jvp(asking, op):
    """Forward mode gives PyTorch's tangents."""
    asking(op).agree("jvp")


@behaviour("OP-07", source=MATHS, profile="forward")
@each_op("jvp")
def test_transpose(asking, op):
    """Forward and reverse mode are transposes of each other."""
    asking(op).transposed()


@behaviour("OP-08", source=TORCH, profile="core")
@each_op("vjp", kink=True)
def test_kink(asking, op):
    """At ties, corners, ends of the domain, nan and inf the gradient is PyTorch's, or one as good, which is noted."""
    asking(op).kinks()


REFUSING = [op for op in op_db.ops() if op.errors]


@behaviour("OP-09", source=TORCH, profile="tape", level="should")
@pytest.mark.parametrize("op", REFUSING, ids=[op.id for op in REFUSING])
def test_errors(asking, op):
    """Wrong inputs are refused with PyTorch's class of error, in its words."""
    asking(op).errors()
