"""Special functions: gamma, Bessel, the normal distribution, and limits such as 0 log 0."""

from refgrad.harness.op_db.samples import binary, error, op, positive, real, sample, unary, values

INF, NAN = float("inf"), float("nan")
ABOVE = (0.2, 4.0)
INSIDE = (-0.9, 0.9)

OPS = (
    unary("digamma", ABOVE, special=(0.5, -0.5, -1.5, 1.0, INF, NAN)),
    unary("lgamma", ABOVE, special=(0.5, -0.5, -1.5, 1.0, INF, NAN)),
    binary("xlogy", (-2.0, 2.0), (0.2, 4.0), special=[(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, INF), (0.0, NAN), (1.0, -1.0)]),
    op("polygamma", *(sample(n, positive(2, 3)) for n in (0, 1, 2, 3)), sample(1, positive()), sample(2, values([-0.5, 0.5, -1.5])),
       errors=[error("RuntimeError", "does not support negative n", -1, positive(2))]),
    op("mvlgamma", sample(real(2, 3, low=2.0, high=4.0), 1), sample(real(3, low=2.0, high=4.0), 3), sample(real(low=2.0, high=4.0), 2),
       errors=[error("RuntimeError", "p has to be greater than or equal to 1", positive(2), 0)]),
    unary("erfinv", INSIDE, special=(0.0, 0.5, -0.5, NAN)),
    unary("i0"),
    unary("sinc", special=(0.0, 0.5, -1.5, NAN)),
    unary("special.i0e"),
    unary("special.i1"),
    unary("special.i1e"),
    unary("special.ndtr"),
    unary("special.ndtri", (0.1, 0.9), special=(0.5, 0.25, NAN)),
    unary("special.log_ndtr", special=(0.0, -40.0, 5.0, -INF, NAN)),
    unary("special.erfcx", special=(0.0, -5.0, 1e10, INF, NAN)),
    unary("special.entr", ABOVE, special=(0.5, 1.0, -1.0, NAN)),
    binary("special.xlog1py", ABOVE, (-0.5, 3.0), special=[(0.0, 0.0), (0.0, 3.0), (2.0, 0.0)]),
    op("special.zeta", sample(2.5, positive(2, 3)), sample(3.0, positive()), sample(2.0, values([0.5, 1.5, 20.0])), forward=False),
)  # fmt: skip
