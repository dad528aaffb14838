"""Counts of elements, and where they belong in an order."""

from refgrad.harness.op_db.samples import constant, error, op, real, sample, values

COUNTED = values([1, 2, 2, 5])

OPS = (
    op(
        "bincount",
        sample(COUNTED),
        sample(COUNTED, minlength=8),
        sample(COUNTED, constant(real(4))),
        errors=[error("RuntimeError", "bincount only supports 1-d non-negative integral inputs", values([-1]))],
        differentiable=False,
    ),
    op("histc", sample(constant(real(9)), 4), sample(constant(real(9)), 4, -1, 1), differentiable=False),
    op(
        "searchsorted",
        sample(values([1, 3, 5]), values([[0, 1], [5, 6]])),
        sample(values([[1, 3], [2, 9]]), values([[2, 3], [2, 3]]), right=True),
        differentiable=False,
    ),
    op("bucketize", sample(values([[0, 3], [5, 9]]), values([1, 3, 5])), differentiable=False),
    op("isin", sample(COUNTED, values([2, 7])), sample(COUNTED, 2, invert=True), differentiable=False),
    op("unique_consecutive", sample(values([1, 1, 2, 1])), differentiable=False),
)
