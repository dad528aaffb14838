"""More of the same: broadcasting and repeating."""

from refgrad.harness.op_db.samples import constant, error, integers, op, real, sample

OPS = (
    op(
        "expand",
        sample(real(3), (2, 3)),
        sample(real(2, 1), (-1, 3)),
        sample(real(), (2, 2)),
        sample(real(1), (0,)),
        errors=[
            error("RuntimeError", "must match the existing size (3) at non-singleton dimension 1", real(3), (2, 4))
        ],
        method=True,
    ),
    op(
        "broadcast_to",
        sample(real(3), (2, 3)),
        sample(real(2, 1), (2, 3)),
        sample(real(), (2, 2)),
        errors=[
            error("RuntimeError", "must match the existing size (3) at non-singleton dimension 1", real(3), (2, 4))
        ],
    ),
    op("broadcast_tensors", sample(real(3), real(2, 1)), sample(real(), real(0)), sample(real(2))),
    op(
        "repeat",
        sample(real(2, 3), (2, 1)),
        sample(real(3), (2, 2)),
        sample(real(), (3,)),
        sample(real(3), (0,)),
        errors=[error("RuntimeError", "Number of dimensions of repeat dims can not be smaller", real(2, 3), (2,))],
        method=True,
    ),
    op("tile", sample(real(2, 3), (2,)), sample(real(3), (2, 2)), sample(real(), (3,))),
    op(
        "repeat_interleave",
        sample(real(2, 3), 2),
        sample(real(2, 3), 2, dim=1),
        sample(real(3), integers(3, below=3), dim=0),
        errors=[error("RuntimeError", "Repeats must be non-negative", real(3), -1)],
    ),
    op("meshgrid", sample(real(2), real(3), indexing="ij"), sample(real(2), real(3), indexing="xy")),
    op(
        "expand_as",
        sample(real(3), constant(real(2, 3))),
        sample(real(2, 1), constant(real(2, 3))),
        sample(real(), constant(real(0))),
        method=True,
        errors=[
            error("RuntimeError", "must match the existing size (3) at non-singleton dimension 1", real(3), real(2, 2))
        ],
    ),
    op(
        "sum_to_size",
        sample(real(2, 3), (1, 3)),
        sample(real(2, 3), (3,)),
        sample(real(2, 3), (2, 3)),
        sample(real(2, 3), ()),
        method=True,
        errors=[error("RuntimeError", "size {[2]} is not expandable to size {[2, 3]}", real(2, 3), (2,))],
    ),
)
