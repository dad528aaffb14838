"""Tensors put together and taken apart in more ways."""

from refgrad.harness.op_db.samples import op, real, sample

OPS = (
    op("column_stack", sample([real(2), real(2, 2)])),
    op("dstack", sample([real(2, 2), real(2, 2)])),
    op("block_diag", sample(real(2, 2), real(1, 3), real())),
    op("cartesian_prod", sample(real(2), real(3))),
    op("combinations", sample(real(3))),
    op("atleast_3d", sample(real()), sample(real(2)), sample(real(2, 3))),
    op("rot90", sample(real(2, 3)), sample(real(2, 3), -1)),
    op("diagflat", sample(real(2, 2)), sample(real(3), 1)),
    op("float_power", sample(real(3, low=0.5), 2.5), sample(real(3, low=0.5), real(3))),
    op("polar", sample(real(3, low=0.5), real(3))),
    op("complex", sample(real(3), real(3))),
    op("angle", sample(real(3, low=0.5)), sample(real(3, dtype="complex128"))),
)
