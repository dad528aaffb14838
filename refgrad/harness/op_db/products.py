"""Products of vectors and matrices."""

from refgrad.harness.op_db.samples import error, op, real, sample

F, Z = "float32", "complex128"
SHAPES = "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"

OPS = (
    op(
        "matmul",
        sample(real(2, 3), real(3, 2)),
        sample(real(3), real(3)),
        sample(real(2, 3), real(3)),
        sample(real(3), real(3, 2)),
        sample(real(2, 2, 3), real(3, 2)),
        sample(real(2, 1, 2, 3), real(3, 3, 2)),
        sample(real(2, 0), real(0, 3)),
        sample(real(2, 3, layout="transposed"), real(3, 2, layout="strided")),
        sample(real(2, 3, dtype=F), real(3, 2, dtype=F)),
        sample(real(2, 3, dtype=Z), real(3, 2, dtype=Z)),
        errors=[
            error("RuntimeError", SHAPES, real(2, 3), real(2, 3)),
            error("RuntimeError", "both arguments to matmul need to be at least 1D", real(), real(3)),
        ],
    ),
    op("mm", sample(real(2, 3), real(3, 2)), sample(real(2, 0), real(0, 3)), sample(real(2, 3, dtype=Z), real(3, 2, dtype=Z)),
       errors=[error("RuntimeError", SHAPES, real(2, 3), real(2, 3)),
               error("RuntimeError", "expected m1 and m2 to have the same dtype", real(2, 3), real(3, 2, dtype=F))]),
    op("mv", sample(real(2, 3), real(3)), sample(real(2, 0), real(0)),
       errors=[error("RuntimeError", "size mismatch, got input (2), mat (2x3), vec (2)", real(2, 3), real(2))]),
    op("bmm", sample(real(2, 2, 3), real(2, 3, 2)), sample(real(0, 2, 3), real(0, 3, 2)),
       errors=[error("RuntimeError", "Expected size for first two dimensions of batch2 tensor", real(2, 2, 3), real(2, 2, 3))]),
    op("dot", sample(real(3), real(3)), sample(real(0), real(0)), sample(real(3, dtype=Z), real(3, dtype=Z)),
       errors=[error("RuntimeError", "inconsistent tensor size", real(2), real(3)),
               error("RuntimeError", "1D tensors expected, but got 2D and 1D tensors", real(2, 3), real(3))]),
    op("vdot", sample(real(3), real(3)), sample(real(3, dtype=Z), real(3, dtype=Z))),
    op("inner", sample(real(3), real(3)), sample(real(2, 3), real(3)), sample(real(), real(3)),
       errors=[error("RuntimeError", "inner() the last dimension must match", real(2), real(3))]),
    op("outer", sample(real(2), real(3)), sample(real(0), real(3)), sample(real(2, dtype=Z), real(3, dtype=Z)),
       errors=[error("RuntimeError", "outer: Expected 1-D argument self, but got 2-D", real(2, 3), real(3))]),
    op("addmm", sample(real(2, 2), real(2, 3), real(3, 2)), sample(real(2), real(2, 3), real(3, 2), beta=0.5, alpha=2.0),
       errors=[error("RuntimeError", SHAPES, real(2, 2), real(2, 3), real(2, 3))]),
    op("addmv", sample(real(2), real(2, 3), real(3)), sample(real(), real(2, 3), real(3), beta=0.5, alpha=-1.0)),
    op("tensordot", sample(real(2, 3), real(3, 2), dims=1), sample(real(2, 3), real(2, 3), dims=2),
       sample(real(2, 3), real(2, 3), dims=([0], [0]))),
    op("trace", sample(real(3, 3)), sample(real(2, 3)),
       errors=[error("RuntimeError", "expected a matrix, but got tensor with dim 1", real(3))]),
)  # fmt: skip
