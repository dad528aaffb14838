"""Elements by number along a dimension, taken and put."""

from refgrad.harness.op_db.samples import constant, error, op, real, sample, values

INDEX = values([[0, 1, 1], [1, 0, 0]])
OUTSIDE = values([[0, 2, 1]])

OPS = (
    op(
        "gather",
        sample(real(2, 3), 0, INDEX),
        sample(real(2, 3), 1, values([[2, 2], [0, 1]])),
        sample(real(3), 0, values([2, 2, 0, 1])),
        sample(real(), 0, values(0)),
        sample(real(2, 3), 0, values([], "int64")),
        errors=[
            error("RuntimeError", "index 2 is out of bounds for dimension 0 with size 2", real(2, 3), 0, OUTSIDE),
            error("RuntimeError", "Index tensor must have the same number of dimensions as input tensor",
                  real(2, 3), 0, values([0])),
            error("RuntimeError", "gather(): Expected dtype int32/int64 for index", real(3), 0, constant(real(3))),
        ],
    ),
    op(
        "scatter_add",
        sample(real(2, 3), 0, INDEX, real(2, 3)),
        sample(real(3), 0, values([2, 2, 0, 1]), real(4)),
        errors=[error("RuntimeError", "index 2 is out of bounds for dimension 0 with size 2", real(2, 3), 0, OUTSIDE, real(1, 3))],
    ),
    op(
        "scatter",
        sample(real(2, 3), 1, values([[0, 1], [2, 0]]), real(2, 2)),
        sample(real(2, 3), 1, values([[0, 1], [2, 0]]), 1.5),
        errors=[error("RuntimeError", "index 2 is out of bounds for dimension 0 with size 2", real(2, 3), 0, OUTSIDE, real(1, 3))],
    ),
    op("take_along_dim", sample(real(2, 3), INDEX, dim=0), sample(real(2, 3), values([5, 0, 0]))),
)  # fmt: skip
