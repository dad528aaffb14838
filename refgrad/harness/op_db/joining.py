"""Tensors put together."""

from refgrad.harness.op_db.samples import error, op, real, sample

FLOAT = "float32"

OPS = (
    op(
        "cat",
        sample([real(2, 3), real(1, 3)]),
        sample([real(2, 3), real(2, 2)], dim=1),
        sample([real(2, 3), real(2, 3), real(2, 3)], dim=-1),
        sample([real(0, 3), real(2, 3)]),
        sample([real(3)]),
        sample([real(2, dtype=FLOAT), real(2)]),
        sample([real(2, 3, layout="transposed"), real(2, 3, layout="expanded")]),
        errors=[
            error("RuntimeError", "Sizes of tensors must match except in dimension 0", [real(2, 3), real(2, 2)]),
            error("RuntimeError", "zero-dimensional tensor (at position 0) cannot be concatenated", [real(), real()]),
        ],
    ),
    op(
        "stack",
        sample([real(2, 3), real(2, 3)]),
        sample([real(3), real(3)], dim=-1),
        sample([real(), real()]),
        sample([real(0)]),
        errors=[
            error("RuntimeError", "stack expects each tensor to be equal size", [real(2), real(3)]),
            error("IndexError", "Dimension out of range", [real(2), real(2)], dim=2),
        ],
    ),
    op("hstack", sample([real(2), real(3)]), sample([real(2, 1), real(2, 2)]), sample([real(), real()])),
    op("vstack", sample([real(2), real(2)]), sample([real(1, 2), real(2, 2)]), sample([real(), real()])),
)
