"""Variances and deviations."""

from refgrad.harness.op_db.samples import error, kink, op, real, sample, values
from refgrad.harness.opinfo import OpInfo

DIM = error("IndexError", "Dimension out of range", real(2, 3), dim=2)


def spread(name: str) -> OpInfo:
    return op(
        name,
        sample(real(2, 3)),
        sample(real(2, 3), dim=0),
        sample(real(2, 3, 2), dim=(0, 2), keepdim=True),
        sample(real(2, 3), dim=1, correction=0),
        sample(real(2, 3), dim=1, unbiased=False),
        sample(real(2, 3, layout="transposed"), dim=0),
        sample(real(4, dtype="float32")),
        sample(real(4, dtype="complex128")),
        kink(values([1.0, 1.0, 1.0])),
        kink(values([1.0])),
        errors=[DIM],
    )


def with_mean(name: str) -> OpInfo:
    return op(
        name,
        sample(real(2, 3)),
        sample(real(2, 3), dim=0),
        sample(real(2, 3, 2), dim=(0, 2), keepdim=True),
        sample(real(2, 3), dim=1, correction=0),
        sample(real(4, dtype="complex128")),
        kink(values([1.0, 1.0, 1.0])),
        errors=[DIM],
    )


OPS = (
    spread("var"),
    spread("std"),
    with_mean("var_mean"),
    with_mean("std_mean"),
    op(
        "nanmean",
        sample(real(2, 3)),
        sample(real(2, 3), 1),
        sample(real(2, 3, 2), (0, 2), True),
        kink(values([[1.0, float("nan")], [float("nan"), float("nan")]]), 1),
        errors=[error("IndexError", "Dimension out of range", real(2, 3), 2)],
    ),
)
