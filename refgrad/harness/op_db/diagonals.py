"""Diagonals and triangles."""

from refgrad.harness.op_db.samples import error, op, real, sample
from refgrad.harness.opinfo import OpInfo


def triangle(name: str) -> OpInfo:
    return op(
        name,
        sample(real(3, 3)),
        sample(real(2, 3), 1),
        sample(real(2, 3, 3), -1),
        sample(real(0, 3)),
        sample(real(2, 3), 5),
        sample(real(3, 3, layout="transposed")),
        errors=[error("RuntimeError", "input tensor must have at least 2 dimensions", real(3))],
    )


OPS = (
    triangle("tril"),
    triangle("triu"),
    op("diag", sample(real(3)), sample(real(3), 1), sample(real(2, 3)), sample(real(2, 3), -1),
       errors=[error("RuntimeError", "diag(): Supports 1D or 2D tensors. Got 3D", real(2, 2, 2))]),
    op(
        "diagonal",
        sample(real(2, 3)),
        sample(real(3, 3), 1),
        sample(real(2, 3, 3), 0, 1, 2),
        sample(real(2, 3), 5),
        errors=[error("RuntimeError", "diagonal dimensions cannot be identical 0, 0", real(2, 3), 0, 0, 0)],
    ),
    op("diag_embed", sample(real(3)), sample(real(2, 3), 1), sample(real(2, 3), 0, 0, 2)),
    op(
        "diagonal_scatter",
        sample(real(3, 3), real(3)),
        sample(real(2, 3), real(2), 1),
        sample(real(2, 3, 3), real(2, 3), 0, 1, 2),
        errors=[error("RuntimeError", "expected src to have a size equal to the slice of self", real(3, 3), real(2))],
    ),
)  # fmt: skip
