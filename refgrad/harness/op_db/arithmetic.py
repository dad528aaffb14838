"""Sums, products and quotients."""

from refgrad.harness.op_db.samples import binary, boolean, error, integers, kink, op, real, sample, unary, values

AWAY = (0.5, 2.0)  # from zero
INF, NAN = float("inf"), float("nan")
PAIRS = [(0.0, 0.0), (0.0, INF), (INF, -INF), (NAN, 1.0), (-0.0, 3.0), (1e200, 1e200)]
SIZES = error("RuntimeError", "must match the size of tensor b", real(2, 3), real(2))

OPS = (
    binary(
        "add",
        (-2.0, 2.0),
        None,
        sample(real(3), real(3), alpha=0.5),
        sample(integers(3, below=5), real(3)),
        sample(boolean(3), real(3, dtype="float32")),
        special=PAIRS,
        complex=True,
        errors=[SIZES, error("RuntimeError", "alpha must not be", integers(3, below=5), integers(3, below=5), alpha=0.5)],
    ),
    binary(
        "sub",
        (-2.0, 2.0),
        None,
        sample(real(3), real(3), alpha=-2),
        special=PAIRS,
        complex=True,
        errors=[SIZES, error("RuntimeError", "Subtraction, the `-` operator", boolean(3), boolean(3))],
    ),
    binary("mul", (-2.0, 2.0), None, sample(integers(3, below=5), real(3)), special=PAIRS, complex=True, errors=[SIZES]),
    binary(
        "div",
        (-2.0, 2.0),
        AWAY,
        sample(integers(3, below=5), integers(3, low=1, below=5)),
        kink(values([3.7, -3.7, 4.0]), values([2.0, 2.0, -2.0]), rounding_mode="trunc"),
        kink(values([3.7, -3.7, 4.0]), values([2.0, 2.0, -2.0]), rounding_mode="floor"),
        special=PAIRS,
        complex=True,
        errors=[SIZES, error("RuntimeError", "div expected rounding_mode to be one of", real(2), real(2), rounding_mode="up")],
    ),
    binary("true_divide", (-2.0, 2.0), AWAY, errors=[SIZES]),
    unary("neg", complex=True, errors=[error("RuntimeError", "Negation, the `-` operator", boolean(3))]),
    unary("reciprocal", AWAY, complex=True),
    binary("rsub", (-2.0, 2.0), None, sample(real(3), real(3), alpha=2.0), special=PAIRS[:2], complex=True),
    *(
        binary(
            name, (-3.0, 3.0), (0.4, 0.9), sample(real(2, 3), -0.7), sample(integers(4, low=-5, below=5), 3),
            kink(values([2.0, -2.0, 0.0]), values([1.0, 1.0, 1.0])), special=PAIRS,
            errors=[SIZES, error("RuntimeError", "ZeroDivisionError", integers(2, below=3), values([0, 1]))],
        )
        for name in ("remainder", "fmod")
    ),
    op(
        "addcmul",
        sample(real(2, 3), real(2, 3), real(2, 3)),
        sample(real(3), real(2, 1), real(1, 3), value=0.5),
        sample(real(), real(2, 3), real(3), value=-2),
        sample(real(0, 3), real(3), real(1)),
        sample(real(3, dtype="float32"), real(3, dtype="float32"), real(3, dtype="float32")),
        sample(real(2, 3, dtype="complex128"), real(3, dtype="complex128"), real(3, dtype="complex128")),
        errors=[error("RuntimeError", "must match the size of tensor", real(2), real(3), real(3))],
    ),
    op(
        "addcdiv",
        sample(real(2, 3), real(2, 3), real(2, 3, low=0.5)),
        sample(real(3), real(2, 1), real(1, 3, low=0.5), value=0.5),
        sample(real(), real(2, 3), real(3, low=0.5), value=-2),
        sample(real(0, 3), real(3), real(1, low=0.5)),
        kink(values([1.0, 1.0]), values([0.0, 1.0]), values([0.0, 0.0])),
        errors=[error("RuntimeError", "Integer division with addcdiv is no longer supported",
                      integers(3, below=5), integers(3, below=5), integers(3, low=1, below=5))],
    ),
)  # fmt: skip
