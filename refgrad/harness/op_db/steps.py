"""Functions with corners and steps: rounding, signs, absolute values, extrema of pairs, clamping."""

from refgrad.harness.op_db.samples import binary, error, kink, op, real, sample, unary, values

INF, NAN = float("inf"), float("nan")
TIES = [(1.0, 1.0), (0.0, -0.0), (NAN, 1.0), (1.0, NAN), (INF, INF), (-INF, 2.0)]
HALVES = (0.5, 1.5, 2.5, -0.5, -1.5, 0.0, -0.0, INF, NAN)
SIZES = error("RuntimeError", "must match the size of tensor b", real(2, 3), real(2))

OPS = (
    unary("floor", special=HALVES),
    unary("ceil", special=HALVES),
    unary("trunc", special=HALVES),
    unary("round", (-2.0, 2.0), sample(real(4), decimals=1), special=HALVES),
    unary("frac", special=HALVES),
    unary("sign"),
    unary("sgn", complex=True),
    unary("abs", complex=True),
    unary("relu"),
    binary("maximum", special=TIES, ties=True, scalar=None, errors=[SIZES]),
    binary("minimum", special=TIES, ties=True, scalar=None, errors=[SIZES]),
    binary("fmax", special=TIES, ties=True, scalar=None, errors=[SIZES]),
    binary("fmin", special=TIES, ties=True, scalar=None, errors=[SIZES]),
    op(
        "clamp",
        sample(real(2, 3), -0.5, 1.0),
        sample(real(2, 3), min=-0.5),
        sample(real(2, 3), max=1.0),
        sample(real(2, 3), 1.0, -1.0),
        sample(real(0, 3), -0.5, 1.0),
        sample(real(), -0.5, 1.0),
        sample(real(2, 3), real(3, high=0.0), real(2, 1, low=0.0)),
        sample(real(2, 3, dtype="float32"), -0.5, 1.0),
        kink(values([-0.5, 1.0, 0.0, NAN, INF, -INF]), -0.5, 1.0),
        errors=[error("RuntimeError", "At least one of 'min' or 'max' must not be None", real(3))],
    ),
    op("clamp_min", sample(real(2, 3), 0.5), sample(real(2, 3), real(3)), kink(values([0.5, NAN]), 0.5)),
    op("clamp_max", sample(real(2, 3), 0.5), sample(real(2, 3), real(3)), kink(values([0.5, NAN]), 0.5)),
    op(
        "nan_to_num",
        sample(real(2, 3)),
        sample(real(0)),
        kink(values([NAN, INF, -INF, 0.0])),
        kink(values([NAN, INF, -INF, 0.0]), nan=1.0, posinf=2.0, neginf=-2.0),
    ),
)
