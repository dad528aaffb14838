"""Dimensions and elements in another order."""

from refgrad.harness.op_db.samples import error, op, real, sample
from refgrad.harness.opinfo import OpInfo

DIM = "Dimension out of range"


def swapping(name: str) -> OpInfo:
    return op(
        name,
        sample(real(2, 3), 0, 1),
        sample(real(2, 3, 2), -1, 0),
        sample(real(2, 3), 1, 1),
        sample(real(), 0, -1),
        sample(real(0, 3), 0, 1),
        sample(real(2, 3, layout="transposed"), 0, 1),
        errors=[error("IndexError", DIM, real(2, 3), 0, 2)],
    )


OPS = (
    swapping("transpose"),
    swapping("swapaxes"),
    op("t", sample(real(2, 3)), sample(real(3)), sample(real()),
       errors=[error("RuntimeError", "t() expects a tensor with <= 2 dimensions", real(2, 3, 2))]),
    op(
        "permute",
        sample(real(2, 3, 2), (2, 0, 1)),
        sample(real(2, 3, 2), (0, -1, 1)),
        sample(real(), ()),
        sample(real(0, 3), (1, 0)),
        errors=[
            error("RuntimeError", "permute(sparse_coo): number of dimensions in the tensor input does not match", real(2, 3), (0,)),
            error("RuntimeError", "permute(): duplicate dims are not allowed", real(2, 3), (0, 0)),
        ],
    ),
    op(
        "movedim",
        sample(real(2, 3, 2), 0, 2),
        sample(real(2, 3, 2), (0, 1), (-1, 0)),
        errors=[error("RuntimeError", "movedim: repeated dim in `source`", real(2, 3), (0, 0), (0, 1))],
    ),
    op("flip", sample(real(2, 3), (0,)), sample(real(2, 3), (0, -1)), sample(real(2, 3), ()), sample(real(0, 3), (0,)),
       errors=[error("RuntimeError", "appears multiple times in the list of dims", real(2, 3), (0, 0))]),
    op("fliplr", sample(real(2, 3)), errors=[error("RuntimeError", "Input must be >= 2-d.", real(3))]),
    op("flipud", sample(real(2, 3)), sample(real(3)), errors=[error("RuntimeError", "Input must be >= 1-d.", real())]),
    op(
        "roll",
        sample(real(2, 3), 1),
        sample(real(2, 3), -1, 1),
        sample(real(2, 3), (1, 2), (0, 1)),
        sample(real(0, 3), 1),
        errors=[error("RuntimeError", "shifts and dimensions must align", real(2, 3), (1, 2), (0,))],
    ),
)  # fmt: skip
