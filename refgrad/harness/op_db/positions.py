"""Elements by their position in the flattened tensor."""

from refgrad.harness.op_db.samples import error, op, real, sample, values

OPS = (
    op(
        "take",
        sample(real(2, 3), values([0, 5, -1])),
        sample(real(2, 3, layout="transposed"), values([[1, 1], [4, 0]])),
        sample(real(), values(0)),
        errors=[
            error("IndexError", "out of range: tried to access index 6", real(2, 3), values([6])),
            error("RuntimeError", "take(): Expected a long tensor for index", real(3), values([0], "int32")),
        ],
    ),
    op(
        "put",
        sample(real(2, 3), values([0, 5]), real(2)),
        sample(real(2, 3), values([1, 1]), real(2), True),
        errors=[error("IndexError", "same number of elements", real(2, 3), values([0]), real(2))],
    ),
    op("argwhere", sample(values([[0.0, 1.0], [2.0, 0.0]], constant=True)), differentiable=False),
)
