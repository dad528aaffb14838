"""Exponentials and logarithms."""

from refgrad.harness.op_db.samples import binary, error, real, sample, unary
from refgrad.harness.opinfo import OpInfo

POSITIVE = (0.2, 3.0)
UNIT = (0.1, 0.9)

INF, NAN = float("inf"), float("nan")
# equal ones, one far above the other, and infinite ones, whose difference is nan
PAIRS = [(0.0, 0.0), (800.0, 800.0), (-800.0, 1.0), (-INF, -INF), (INF, INF), (INF, -INF), (NAN, 1.0), (1e300, 1e300)]


def added(name: str) -> OpInfo:
    """The logarithm of a sum of powers."""
    sizes = error("RuntimeError", "must match the size of tensor b", real(2), real(3))
    return binary(name, special=PAIRS, scalar=None, errors=[sizes])


OPS = (
    unary("exp", complex=True),
    unary("exp2", complex=True),
    unary("expm1"),
    unary("log", POSITIVE, complex=True),
    unary("log10", POSITIVE),
    unary("log1p", (-0.9, 3.0)),
    unary("log2", POSITIVE),
    added("logaddexp"),
    added("logaddexp2"),
    unary("sigmoid", complex=True),
    unary("logit", UNIT, sample(real(4, low=-0.2, high=1.2), eps=0.1), special=(0.0, 1.0, 0.5, -1.0)),
)
