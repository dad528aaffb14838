"""Norms of vectors and matrices, condition numbers and distances."""

from refgrad.harness.op_db.samples import error, integers, kink, op, real, regular, sample, values

INF = float("inf")
Z = "complex128"

OPS = (
    op("linalg.vector_norm", *(sample(real(2, 3), o) for o in (0, 0.5, 1, 2, 3, INF, -1, -INF)), sample(real(2, 3), 2, dim=0, keepdim=True),
       sample(real(2, 3), 1, dim=(0, 1)), sample(real(2, 3, dtype=Z), 3), sample(real()), sample(real(0, 3)),
       kink(values([0.0, 0.0])), kink(values([1.0, -1.0, 0.5]), INF), kink(values([0.0, 1.0]), 1),
       errors=[error("RuntimeError", "Expected a floating point or complex tensor", integers(3, below=5)),
               error("RuntimeError", "cannot compute the inf norm on an empty tensor", real(0), INF)]),
    op("linalg.matrix_norm", *(sample(real(2, 3), o) for o in ("fro", "nuc", 1, 2, INF, -1, -2, -INF)), sample(real(2, 3, 4), 1, dim=(0, 2), keepdim=True),
       sample(real(2, 3, dtype=Z)), sample(real(2, 3, 3), "nuc"),
       errors=[error("RuntimeError", "Order 3 not supported", real(2, 2), 3), error("RuntimeError", "must have at least 2 dimensions", real(2))]),
    op("linalg.norm", sample(real(2, 3)), sample(real(2, 3), 2), sample(real(3), 3), sample(real(2, 3, 2), dim=1), sample(real(2, 3), "nuc"),
       errors=[error("RuntimeError", "the input must be 1D or 2D", real(2, 2, 2), 2)]),
    op("linalg.cond", *(sample(regular(3, 3), p) for p in (None, "nuc", 2, -2)), sample(regular(2, 2, 2)), sample(real(3, 2)),
       errors=[error("RuntimeError", "got an invalid norm type", regular(2, 2), 3)]),
    op("dist", sample(real(2, 3), real(2, 3)), sample(real(2, 3), real(3), 1), sample(real(3), real(3), 3.5), sample(real(3), real(3), INF),
       errors=[error("RuntimeError", "must match the size of tensor b", real(2), real(3))]),
    op("cdist", sample(real(3, 2), real(4, 2)), sample(real(2, 3, 2), real(4, 2)), *(sample(real(3, 2), real(2, 2), p=p) for p in (0.5, 1.0, 3.0, INF)),
       second=False, forward=False,
       errors=[error("RuntimeError", "must have the same number of columns", real(3, 2), real(3, 3)), error("RuntimeError", "non-negative p values", real(3, 2), real(3, 2), p=-1.0)]),
    op("renorm", sample(real(2, 3), 2, 0, 1.0), sample(real(2, 3), 1, 1, 0.5), sample(real(2, 3, 2), 3, -1, 100.0),
       errors=[error("RuntimeError", "non-positive-norm not supported", real(2, 2), 0, 0, 1)]),
    op("cov", sample(real(2, 4)), sample(real(4)), sample(real(2, 4), correction=0),
       errors=[error("RuntimeError", "expected input to have two or fewer dimensions", real(2, 2, 2))]),
    op("corrcoef", sample(real(2, 4)), sample(real(3, 5))),
)  # fmt: skip
