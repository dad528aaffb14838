"""Choosing and mixing element by element."""

from refgrad.harness.op_db.samples import boolean, constant, error, kink, op, real, sample, values

NAN = float("nan")

OPS = (
    op(
        "where",
        sample(boolean(2, 3), real(2, 3), real(2, 3)),
        sample(boolean(3), real(2, 1), real(1, 3)),
        sample(boolean(2, 3), real(), real(3)),
        sample(boolean(2, 3), real(2, 3), 0.5),
        sample(boolean(0, 3), real(3), real(0, 3)),
        sample(boolean(2, 3), real(3, dtype="float32"), real(3)),
        sample(boolean(3), real(3, dtype="complex128"), real(3, dtype="complex128")),
        sample(values([True, False]), values([1.0, NAN]), values([NAN, 2.0])),
        errors=[
            error("RuntimeError", "must match the size of tensor", boolean(2), real(3), real(3)),
            error("RuntimeError", "expected condition to be a boolean tensor", constant(real(3)), real(3), real(3)),
        ],
    ),
    op(
        "lerp",
        sample(real(2, 3), real(2, 3), 0.3),
        sample(real(2, 3), real(3), 0.7),
        sample(real(2, 1), real(1, 3), real(2, 3)),
        sample(real(), real(), real()),
        sample(real(0, 3), real(3), 0.5),
        sample(real(3, dtype="float32"), real(3, dtype="float32"), 0.3),
        errors=[error("RuntimeError", "must match the size of tensor", real(2), real(3), 0.5)],
    ),
    op(
        "masked_fill",
        sample(real(2, 3), boolean(2, 3), 1.5),
        sample(real(2, 3), boolean(3), real()),
        sample(real(3), boolean(2, 3), 0.0),
        sample(real(0, 3), boolean(3), 1.0),
        kink(values([NAN, 1.0]), values([True, False]), 0.0),
        errors=[
            error("RuntimeError", "only supports boolean masks", real(3), constant(real(3)), 1.0),
            error("RuntimeError", "only supports a 0-dimensional value tensor", real(3), boolean(3), real(3)),
        ],
        method=True,
    ),
)
