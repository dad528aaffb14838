"""Reductions into positions along a dimension."""

from refgrad.harness.op_db.samples import error, op, real, sample, values

INDEX, ROWS = values([[0, 1, 1], [1, 0, 0]]), values([1, 1])
TIES = values([[1.0, 2.0, 2.0], [2.0, 1.0, 1.0]])

OPS = (
    op(
        "scatter_reduce",
        *(sample(real(2, 3), 0, INDEX, real(2, 3), reduce) for reduce in ("sum", "mean", "amax", "amin")),
        *(sample(real(2, 3), 0, INDEX, real(2, 3), reduce, include_self=False) for reduce in ("sum", "mean")),
        sample(TIES, 0, INDEX, TIES, "amax"),
        errors=[error("RuntimeError", "reduce argument must be either", real(2, 3), 0, INDEX, real(2, 3), "least")],
    ),
    op(
        "index_reduce",
        *(sample(real(3, 2), 0, ROWS, real(2, 2), reduce) for reduce in ("prod", "mean", "amax", "amin")),
        sample(real(3, 2), 1, values([0]), real(3, 1), "mean", include_self=False),
        errors=[error("RuntimeError", "Expected reduce to be one of", real(3, 2), 0, ROWS, real(2, 2), "sum")],
        forward=False,
    ),
)
