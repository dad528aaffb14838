"""Differences, slopes from samples, and integrals by trapezoids."""

from refgrad.harness.op_db.samples import error, op, real, sample, values

POINTS = values([0.0, 0.5, 1.5, 4.0])

OPS = (
    op(
        "diff",
        sample(real(2, 4)),
        sample(real(2, 4), 2),
        sample(real(3, 2), dim=0),
        sample(real(2, 4), prepend=real(2, 1), append=real(2, 2)),
        errors=[error("RuntimeError", "diff expects input to be at least one-dimensional", real())],
    ),
    op(
        "gradient",
        sample(real(3, 4)),
        sample(real(4), spacing=2.0),
        sample(real(3, 4), dim=1, edge_order=2),
        errors=[error("RuntimeError", "expected each dimension size to be at least edge_order+1", real(1))],
    ),
    op("trapezoid", sample(real(2, 4)), sample(real(2, 4), POINTS), sample(real(2, 4), dx=0.5, dim=0)),
    op("cumulative_trapezoid", sample(real(2, 4)), sample(real(2, 4), POINTS)),
)
