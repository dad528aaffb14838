"""Slices by number along a dimension."""

from refgrad.harness.op_db.samples import constant, error, op, real, sample, values

TWICE = values([2, 0, 2])

OPS = (
    op(
        "index_select",
        sample(real(3, 2), 0, TWICE),
        sample(real(2, 3), -1, TWICE),
        sample(real(3), 0, values([1])),
        sample(real(3), 0, values([], "int64")),
        sample(real(2, 3, layout="expanded"), 1, TWICE),
        errors=[
            error("IndexError", "Dimension out of range", real(3), 1, TWICE),
            error(
                "RuntimeError", "index_select(): Expected dtype int32 or int64 for index", real(3), 0, constant(real(2))
            ),
        ],
    ),
    op(
        "index_add",
        sample(real(3, 2), 0, TWICE, real(3, 2)),
        sample(real(2, 3), 1, TWICE, real(2, 3), alpha=0.5),
        errors=[error("IndexError", "Dimension out of range", real(3), 1, TWICE, real(3))],
    ),
    op(
        "index_copy",
        sample(real(3, 2), 0, values([2, 0]), real(2, 2)),
        sample(real(2, 3), -1, values([1]), real(2, 1)),
        errors=[error("IndexError", "index_copy_(): index 3 is out of bounds", real(3), 0, values([3]), real(1))],
    ),
    op(
        "index_fill",
        sample(real(3, 2), 0, TWICE, 1.5),
        sample(real(2, 3), 1, values([1]), real()),
        errors=[
            error("IndexError", "index_fill_(): Expected dtype int64 for index", real(3), 0, constant(real(2)), 1.0)
        ],
    ),
)
