"""Angles, circular and hyperbolic functions, and the error function."""

from refgrad.harness.op_db.samples import binary, error, real, unary

UNIT = (-0.9, 0.9)

OPS = (
    unary("sin", complex=True),
    unary("cos", complex=True),
    unary("tan", (-1.2, 1.2), complex=True),
    unary("asin", UNIT, complex=True),
    unary("acos", UNIT, complex=True),
    unary("atan", complex=True),
    unary("sinh", complex=True),
    unary("cosh", complex=True),
    unary("tanh", complex=True),
    unary("asinh", complex=True),
    unary("acosh", (1.2, 3.0), complex=True),
    unary("atanh", UNIT, complex=True),
    unary("deg2rad"),
    unary("rad2deg"),
    unary("erf"),
    unary("erfc"),
    binary(
        "atan2",
        special=[(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0), (0.0, 1.0), (0.0, -1.0)],
        scalar=None,
        errors=[error("RuntimeError", "must match the size of tensor b", real(2), real(3))],
    ),
    binary(
        "hypot",
        special=[(0.0, 0.0), (-0.0, 0.0), (3.0, 0.0), (1e200, 1e200)],
        scalar=None,
        errors=[error("RuntimeError", "must match the size of tensor b", real(2), real(3))],
    ),
)
