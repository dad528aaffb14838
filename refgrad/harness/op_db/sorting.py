"""Order: sorting, the largest few, the k-th."""

from refgrad.harness.op_db.samples import error, integers, kink, op, real, sample, values

NAN = float("nan")
DIM = error("IndexError", "Dimension out of range", real(2, 3), dim=2)
TIED = values([2.0, 1.0, 2.0, NAN])

OPS = (
    op(
        "sort",
        sample(real(2, 3)),
        sample(real(2, 3), dim=0),
        sample(real(2, 3), dim=-1, descending=True),
        sample(real()),
        sample(real(0, 3)),
        sample(real(2, 3, layout="transposed")),
        sample(real(3, dtype="float32")),
        kink(TIED, stable=True),
        errors=[DIM],
    ),
    op("argsort", sample(real(2, 3)), sample(real(2, 3), dim=0, descending=True), differentiable=False, errors=[DIM]),
    op("msort", sample(real(2, 3)), sample(real(3)), sample(real(0, 3))),
    op(
        "topk",
        sample(real(2, 3), 2),
        sample(real(2, 3), 1, dim=0),
        sample(real(2, 3), 2, largest=False),
        sample(real(), 1),
        sample(real(3), 0),
        errors=[
            error("RuntimeError", "selected index k out of range", real(3), 4),
            error("IndexError", "Dimension out of range", real(3), 1, dim=1),
        ],
    ),
    op(
        "kthvalue",
        sample(real(2, 3), 2),
        sample(real(2, 3), 1, dim=0, keepdim=True),
        sample(real(), 1),
        errors=[error("RuntimeError", "selected number k out of range for dimension 0", real(3), 4)],
    ),
    op("unique", sample(integers(6, below=4)), sample(values([2.0, 1.0, 2.0])), differentiable=False),
)
