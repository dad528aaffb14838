"""Exponentials and logarithms."""

from refgrad.harness.op_db.samples import binary, error, real, sample, unary

POSITIVE = (0.2, 3.0)
UNIT = (0.1, 0.9)

OPS = (
    unary("exp", complex=True),
    unary("exp2", complex=True),
    unary("expm1"),
    unary("log", POSITIVE, complex=True),
    unary("log10", POSITIVE),
    unary("log1p", (-0.9, 3.0)),
    unary("log2", POSITIVE),
    binary(
        "logaddexp",
        special=[(0.0, 0.0), (800.0, 800.0), (-800.0, 1.0), (float("-inf"), float("-inf"))],
        scalar=None,
        errors=[error("RuntimeError", "must match the size of tensor b", real(2), real(3))],
    ),
    unary("sigmoid", complex=True),
    unary("logit", UNIT, sample(real(4, low=-0.2, high=1.2), eps=0.1), special=(0.0, 1.0, 0.5, -1.0)),
)
