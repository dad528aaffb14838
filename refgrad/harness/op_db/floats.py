"""The make of floating numbers: signs, exponents, neighbours."""

from refgrad.harness.op_db.samples import binary, constant, op, real, sample, unary, values

OPS = (
    binary("copysign", special=[(1.0, -0.0), (-2.0, 0.0), (0.0, -1.0)]),
    binary("ldexp", scalar=None),
    unary("frexp", special=()),
    op(
        "nextafter",
        sample(real(2, 3), real(2, 3)),
        sample(real(2, 3), real(3)),
        sample(values([1.0, 1.0, 0.0]), values([1.0, 2.0, -1.0])),
    ),
    unary("isposinf", differentiable=False),
    unary("isneginf", differentiable=False),
    unary("isreal", differentiable=False),
    op(
        "heaviside",
        sample(values([-1.0, 0.0, 2.0], constant=True), constant(real(3))),
        sample(values([-1.0, 0.0, 2.0], constant=True), constant(real())),
        differentiable=False,
    ),
)
