"""Views that are copies."""

from refgrad.harness.op_db.samples import error, op, real, sample

OPS = (
    op("permute_copy", sample(real(2, 3, 4), (2, 0, 1)), sample(real(), ())),
    op("transpose_copy", sample(real(2, 3), 0, -1), errors=[error("IndexError", "Dimension out of range", real(2, 3), 0, 2)]),
    op("t_copy", sample(real(2, 3)), sample(real(3))),
    op("expand_copy", sample(real(2, 1), (2, 3)), sample(real(), (3,))),
    op("view_copy", sample(real(2, 3), (3, 2)), sample(real(2, 3), (-1,))),
    op("squeeze_copy", sample(real(1, 3, 1)), sample(real(1, 3), 0), sample(real(1, 3, 1), (0, 2))),
    op("unsqueeze_copy", sample(real(3), 0), sample(real(3), -1)),
    op("unbind_copy", sample(real(2, 3)), sample(real(2, 3), 1)),
    op("narrow_copy", sample(real(2, 4), 1, 1, 2), sample(real(2, 4), 0, -2, 1)),
    op("split_with_sizes_copy", sample(real(2, 3), (1, 2), 1)),
    op("diagonal_copy", sample(real(3, 3)), sample(real(3, 4), 1)),
    op("alias_copy", sample(real(2, 3))),
    op("unfold_copy", sample(real(5), 0, 2, 1), sample(real(2, 4), 1, 2, 2)),
)  # fmt: skip
