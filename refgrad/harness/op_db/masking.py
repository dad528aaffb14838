"""Elements by a mask."""

from refgrad.harness.op_db.samples import boolean, error, integers, kink, op, real, sample, values

ROW = values([True, False, True])

MASK = values([[True, False, True], [True, True, False]])
NONE = values([[False, False, False], [True, True, False]])
OPS = (
    op(
        "masked_select",
        sample(real(2, 3), boolean(2, 3)),
        sample(real(2, 3), ROW),
        sample(real(3), values([[True, False, True], [False, True, True]])),
        errors=[error("RuntimeError", "masked_select: expected BoolTensor for mask", real(3), integers(3, below=2))],
    ),
    op(
        "masked_scatter",
        sample(real(2, 3), ROW, real(2, 3)),
        sample(real(3), ROW, real(3)),
        errors=[error("RuntimeError", "Number of elements of source < number of ones in mask", real(2, 3), ROW, real(2))],
    ),
    *(
        op(f"masked.{name}", sample(real(2, 3), 1, mask=MASK), sample(real(2, 3), 0, mask=MASK, keepdim=True), sample(real(2, 3), 1),
           kink(real(2, 3), 1, mask=NONE))
        for name in ("sum", "prod", "mean", "amax", "amin", "logsumexp")
    ),
    *(op(f"masked.{name}", sample(real(2, 3), 1, unbiased=True, mask=MASK), sample(real(2, 3), unbiased=False, mask=MASK)) for name in ("var", "std")),
    *(
        op(f"masked.{name}", sample(real(2, 3), 1, mask=MASK), sample(real(2, 3), 0))
        for name in ("softmax", "log_softmax", "softmin", "cumsum", "cumprod")
    ),
    op("masked.norm", sample(real(2, 3), 2.0, 1, mask=MASK), sample(real(2, 3), 1.0, 0, mask=MASK)),
    op("masked.normalize", sample(real(2, 3), 2.0, 1, mask=MASK)),
)  # fmt: skip
