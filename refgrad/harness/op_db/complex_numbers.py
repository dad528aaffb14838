"""Complex numbers and their parts."""

from refgrad.harness.op_db.samples import error, op, real, sample

Z = "complex128"

OPS = (
    op("real", sample(real(2, 3)), sample(real(2, 3, dtype=Z)), sample(real(dtype=Z))),
    op("imag", sample(real(2, 3, dtype=Z)), sample(real(dtype=Z)),
       errors=[error("RuntimeError", "imag is not implemented for tensors with non-complex dtypes", real(3))]),
    op("conj", sample(real(2, 3)), sample(real(2, 3, dtype=Z))),
    op("view_as_real", sample(real(2, 3, dtype=Z)),
       errors=[error("RuntimeError", "view_as_real is only supported for complex tensors", real(3))]),
    op("view_as_complex", sample(real(3, 2)),
       errors=[error("RuntimeError", "Tensor must have a last dimension of size 2", real(2, 3))]),
)  # fmt: skip
