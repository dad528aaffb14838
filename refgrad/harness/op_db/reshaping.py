"""Other shapes of the same elements."""

from refgrad.harness.op_db.samples import constant, error, op, real, sample
from refgrad.harness.opinfo import OpInfo

SHAPE = "is invalid for input of size 6"


def shaped(name: str, *, method: bool = False) -> OpInfo:
    return op(
        name,
        sample(real(2, 3), (3, 2)),
        sample(real(2, 3), (-1,)),
        sample(real(2, 3), (6, 1, -1)),
        sample(real(), (1, 1)),
        sample(real(1), ()),
        sample(real(0, 3), (3, 0)),
        sample(real(2, 3, dtype="float32"), (6,)),
        errors=[
            error("RuntimeError", SHAPE, real(2, 3), (4, 2)),
            error("RuntimeError", "only one dimension can be inferred", real(2, 3), (-1, -1)),
        ],
        method=method,
    )


DIM = "Dimension out of range"

OPS = (
    shaped("reshape"),
    shaped("view", method=True),
    op(
        "flatten",
        sample(real(2, 3, 2)),
        sample(real(2, 3, 2), 1),
        sample(real(2, 3, 2), 0, -2),
        sample(real()),
        sample(real(0, 3)),
        sample(real(2, 3, layout="transposed")),
        errors=[
            error("RuntimeError", "flatten() has invalid args: start_dim cannot come after end_dim", real(2, 3), 1, 0),
            error("IndexError", DIM, real(2, 3), 2),
        ],
    ),
    op("unflatten", sample(real(2, 6), 1, (2, -1)), sample(real(6), 0, (2, 3)),
       errors=[error("RuntimeError", "unflatten: Provided sizes [4, 2] don't multiply up", real(6), 0, (4, 2))]),
    op("ravel", sample(real(2, 3)), sample(real()), sample(real(2, 3, layout="transposed"))),
    op(
        "squeeze",
        sample(real(1, 3, 1)),
        sample(real(1, 3, 1), 0),
        sample(real(1, 3, 1), 1),
        sample(real(1, 3, 1), (0, 2)),
        sample(real()),
        errors=[error("IndexError", DIM, real(2, 3), 2)],
    ),
    op(
        "unsqueeze",
        sample(real(2, 3), 0),
        sample(real(2, 3), -1),
        sample(real(), 0),
        sample(real(0), 1),
        errors=[error("IndexError", DIM, real(2, 3), 3)],
    ),
    op("atleast_1d", sample(real()), sample(real(3)), sample(real(2, 3))),
    op("atleast_2d", sample(real()), sample(real(3)), sample(real(2, 3))),
    op("view_as", sample(real(2, 3), constant(real(3, 2))), sample(real(), constant(real(1, 1))), method=True,
       errors=[error("RuntimeError", SHAPE, real(2, 3), real(4))]),
    op("reshape_as", sample(real(2, 3), constant(real(3, 2))), sample(real(2, 3, layout="transposed"), constant(real(6))), method=True,
       errors=[error("RuntimeError", SHAPE, real(2, 3), real(4))]),
)  # fmt: skip
