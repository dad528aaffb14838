"""Tensors taken apart."""

from refgrad.harness.op_db.samples import error, op, real, sample

DIM = "Dimension out of range"

OPS = (
    op("unbind", sample(real(2, 3)), sample(real(2, 3), -1), sample(real(3)),
       errors=[error("IndexError", DIM, real(2, 3), 2)]),
    op(
        "split",
        sample(real(5), 2),
        sample(real(2, 3), 2, dim=1),
        sample(real(5), [1, 4]),
        sample(real(0, 2), 2),
        errors=[
            error("RuntimeError", "split_with_sizes expects split_sizes to sum exactly to 5", real(5), [1, 3]),
            error("RuntimeError", "split expects split_size be non-negative", real(5), -1),
        ],
    ),
    op("chunk", sample(real(5), 2), sample(real(2, 3), 3, dim=1), sample(real(2), 4),
       errors=[error("RuntimeError", "chunk expects `chunks` to be greater than 0", real(5), 0)]),
    op("tensor_split", sample(real(2, 5), 3, 1), sample(real(5), (1, 3))),
    op("hsplit", sample(real(2, 4), 2)),
    op("vsplit", sample(real(4, 2), (1, 2))),
    op("dsplit", sample(real(1, 2, 4), 2)),
    op("unsafe_chunk", sample(real(5), 2)),
    op("unsafe_split", sample(real(2, 5), 2, 1)),
)  # fmt: skip
