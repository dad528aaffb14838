"""Exponentials and logarithms."""

from refgrad.harness.op_db.samples import binary, unary

POSITIVE = (0.2, 3.0)

OPS = (
    unary("exp", complex=True),
    unary("exp2"),
    unary("expm1"),
    unary("log", POSITIVE, complex=True),
    unary("log10", POSITIVE),
    unary("log1p", (-0.9, 3.0)),
    unary("log2", POSITIVE),
    binary("logaddexp", special=[(0.0, 0.0), (800.0, 800.0), (-800.0, 1.0)], scalar=None),
)
