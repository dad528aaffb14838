"""Elements by a mask."""

from refgrad.harness.op_db.samples import boolean, error, integers, op, real, sample, values

ROW = values([True, False, True])

OPS = (
    op(
        "masked_select",
        sample(real(2, 3), boolean(2, 3)),
        sample(real(2, 3), ROW),
        sample(real(3), values([[True, False, True], [False, True, True]])),
        errors=[error("RuntimeError", "masked_select: expected BoolTensor for mask", real(3), integers(3, below=2))],
    ),
    op(
        "masked_scatter",
        sample(real(2, 3), ROW, real(2, 3)),
        sample(real(3), ROW, real(3)),
        errors=[error("RuntimeError", "Number of elements of source < number of ones in mask", real(2, 3), ROW, real(2))],
    ),
)  # fmt: skip
