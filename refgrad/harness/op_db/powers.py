"""Powers and roots."""

from refgrad.harness.op_db.samples import binary, error, integers, kink, real, sample, unary, values

POSITIVE = (0.2, 3.0)
INF, NAN = float("inf"), float("nan")
BASES, EXPONENTS = [0.0, 0.0, 0.0, 0.0, 2.0, -2.0, -2.0], [0.0, 1.0, 2.0, -1.0, 0.0, 2.0, 0.5]

OPS = (
    binary(
        "pow",
        POSITIVE,
        (-2.0, 2.0),
        sample(real(2, 3), 2),
        sample(real(2, 3), 3.0),
        sample(real(2, 3), 0),
        sample(real(2, 3), 1),
        sample(real(2, 3, low=0.5), -1),
        sample(real(2, 3, low=0.5), 0.5),
        sample(2.5, real(2, 3)),
        sample(real(3), integers(3, low=1, below=4)),
        sample(real(2, 3, dtype="float32"), 2),
        kink(values([0.0, -0.0, -1.0, INF, NAN]), 0.5),
        kink(values([0.0, -0.0, 1.0]), -1),
        kink(0.0, values([0.0, 1.0, -1.0])),
        special=list(zip(BASES, EXPONENTS)),
        complex=True,
        errors=[
            error("RuntimeError", "must match the size of tensor b", real(2), real(3)),
            error("RuntimeError", "Integers to negative integer powers are not allowed", integers(3, below=5), -1),
        ],
    ),
    unary("square", complex=True),
    unary("sqrt", POSITIVE, complex=True),
    unary("rsqrt", POSITIVE, complex=True),
)
