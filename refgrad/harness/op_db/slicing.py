"""Parts of a tensor, by position."""

from refgrad.harness.op_db.samples import error, op, real, sample

OPS = (
    op(
        "select",
        sample(real(2, 3), 0, 1),
        sample(real(2, 3), -1, -1),
        sample(real(3), 0, 0),
        errors=[error("IndexError", "select(): index 2 out of range", real(2, 3), 0, 2)],
    ),
    op(
        "narrow",
        sample(real(2, 3), 1, 1, 2),
        sample(real(2, 3), -1, -2, 1),
        sample(real(3), 0, 0, 0),
        errors=[error("RuntimeError", "exceeds dimension size (3)", real(3), 0, 2, 2)],
    ),
)
