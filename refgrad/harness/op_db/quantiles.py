"""Quantiles and modes."""

from refgrad.harness.op_db.samples import constant, error, op, real, sample, values

SHARES = values([0.1, 0.65, 1.0], constant=True)
KNOWN = values([[3.0, 1.0, 2.0], [float("nan"), 5.0, 4.0]])
WRONG = [
    error("RuntimeError", "q must be in the range [0, 1]", real(3), 1.5),
    error("RuntimeError", "interpolation must be one of", real(3), 0.5, interpolation="other"),
]

OPS = (
    op(
        "quantile",
        sample(real(2, 5), 0.3),
        sample(real(2, 5), SHARES, dim=1),
        sample(real(2, 5), SHARES, dim=0, keepdim=True),
        *(sample(real(5), 0.3, interpolation=how) for how in ("lower", "higher", "midpoint", "nearest")),
        sample(constant(KNOWN), 0.5, dim=1),
        errors=WRONG,
    ),
    op("nanquantile", sample(KNOWN, 0.3, dim=1), sample(real(2, 5), SHARES), errors=WRONG[:1]),
    op("mode", sample(values([1.0, 2.0, 2.0, 3.0])), sample(values([[2.0, 1.0, 1.0], [3.0, 3.0, 0.5]]), 1)),
)
