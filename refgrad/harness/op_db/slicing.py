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
    op(
        "select_scatter",
        sample(real(2, 3), real(3), 0, 1),
        sample(real(2, 3), real(2), -1, -1),
        sample(real(2, 3, layout="transposed"), real(3), 0, 0),
        errors=[
            error("RuntimeError", "expected src to have a size equal to the slice of self", real(2, 3), real(2), 0, 0)
        ],
    ),
    op(
        "slice_scatter",
        sample(real(4, 2), real(2, 2), 0, 1, 3),
        sample(real(2, 4), real(2, 2), 1, 0, 4, 2),
        sample(real(4), real(2), 0, -2),
        sample(real(4), real(0), 0, 3, 1),
        errors=[
            error("RuntimeError", "expected src to have a size equal to the slice of self", real(4), real(3), 0, 0, 2)
        ],
    ),
    op(
        "as_strided",
        sample(real(6), (2, 3), (3, 1)),
        sample(real(6), (3, 2), (1, 3), 0),
        sample(real(6), (2, 2), (1, 1), 1),
        sample(real(6), (3,), (0,)),
        sample(real(2, 3), (), ()),
        errors=[error("RuntimeError", "out of bounds for storage of size", real(3), (4,), (1,))],
    ),
    op(
        "split_with_sizes",
        sample(real(5, 2), (2, 3)),
        sample(real(2, 5), (1, 0, 4), 1),
        errors=[error("RuntimeError", "split_with_sizes expects split_sizes to sum exactly to 5", real(5), (2, 2))],
    ),
)
