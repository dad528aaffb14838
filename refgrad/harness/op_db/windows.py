"""Windows that slide along a dimension."""

from refgrad.harness.op_db.samples import error, op, real, sample

OPS = (
    op(
        "unfold",
        sample(real(5), 0, 2, 1),
        sample(real(2, 4), 1, 2, 2),
        sample(real(2, 4, layout="transposed"), -1, 3, 1),
        sample(real(), 0, 1, 1),
        errors=[
            error("RuntimeError", "maximum size for tensor at dimension 0 is 3 but size is 4", real(3), 0, 4, 1),
            error("RuntimeError", "step is 0 but must be > 0", real(3), 0, 1, 0),
        ],
        method=True,
    ),
)
