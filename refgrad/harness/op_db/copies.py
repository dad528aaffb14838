"""Copies and casts."""

from refgrad.harness.op_db.samples import dtype, op, real, sample

OPS = (
    op("clone", sample(real(2, 3)), sample(real()), sample(real(0, 3)), sample(real(2, 3, layout="transposed")),
       sample(real(3, dtype="float32")), sample(real(3, dtype="complex128"))),
    op("to", sample(real(3), dtype("float32")), sample(real(3, dtype="float32"), dtype("float64")),
       sample(real(3), dtype("int64")), method=True),
)  # fmt: skip
