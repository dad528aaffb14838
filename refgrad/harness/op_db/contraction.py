"""Sums of products: einsum, and products that are added on or laid out."""

from refgrad.harness.op_db.samples import error, op, real, sample

Z = "complex128"

OPS = (
    op("einsum", sample("ij,jk->ik", real(2, 3), real(3, 4)), sample("bij,bjk->bik", real(2, 2, 3), real(2, 3, 2)), sample("ii->i", real(3, 3)),
       sample("ii", real(3, 3)), sample("ij->ji", real(2, 3)), sample("i,j->ij", real(2), real(3)), sample("i,i->", real(3), real(3)),
       sample("...ij,...jk->...ik", real(2, 2, 3), real(3, 2)), sample("ij,jk,kl->il", real(2, 3), real(3, 2), real(2, 2)),
       sample("ij->", real(2, 3)), sample("ij,ij->j", real(2, 3, dtype=Z), real(2, 3, dtype=Z)),
       errors=[error("RuntimeError", "fewer operands were provided", "ij,jk->ik", real(2, 3)), error("RuntimeError", "does not broadcast with previously seen size", "ij,jk->ik", real(2, 3), real(2, 3)),
               error("RuntimeError", "does not appear in the equation", "i->ij", real(2))]),
    op("baddbmm", sample(real(2, 2, 2), real(2, 2, 3), real(2, 3, 2)), sample(real(2), real(2, 2, 3), real(2, 3, 2), beta=0.5, alpha=2.0),
       errors=[error("RuntimeError", "Expected size for first two dimensions of batch2 tensor", real(3), real(2, 2, 3), real(2, 2, 3))]),
    op("addbmm", sample(real(2, 2), real(2, 2, 3), real(2, 3, 2)), sample(real(2), real(2, 2, 3), real(2, 3, 2), beta=0.5, alpha=2.0)),
    op("addr", sample(real(2, 3), real(2), real(3)), sample(real(3), real(2), real(3), beta=0.5, alpha=2.0),
       errors=[error("RuntimeError", "Expected 1-D argument vec1", real(3), real(3, 2), real(2))]),
    op("kron", sample(real(2, 3), real(2, 2)), sample(real(2), real(2, 3)), sample(real(), real(2)), sample(real(2, dtype=Z), real(2, dtype=Z))),
    op("linalg.cross", sample(real(2, 3), real(2, 3)), sample(real(3, 2), real(3, 2), dim=0), sample(real(1, 3), real(2, 3)), sample(real(3, dtype=Z), real(3, dtype=Z)),
       errors=[error("RuntimeError", "must have length 3", real(2), real(2))]),
    op("linalg.vecdot", sample(real(2, 3), real(2, 3)), sample(real(2, 3), real(3)), sample(real(3, 2), real(3, 2), dim=0), sample(real(2, 3, dtype=Z), real(2, 3, dtype=Z))),
    op("linalg.multi_dot", sample([real(2, 3), real(3, 4), real(4, 2)]), sample([real(3), real(3, 2), real(2)]),
       errors=[error("RuntimeError", "expected at least 2 tensors", [real(2, 3)])]),
    op("linalg.vander", sample(real(3)), sample(real(2, 3)), sample(real(3), N=4)),
)  # fmt: skip
