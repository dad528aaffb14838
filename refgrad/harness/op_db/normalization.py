"""Normalizations."""

from refgrad.harness.op_db.samples import constant, error, op, positive, real, sample

OPS = (
    op(
        "nn.functional.batch_norm",
        sample(real(3, 2), constant(real(2)), constant(positive(2))),
        sample(real(3, 2), constant(real(2)), constant(positive(2)), positive(2), real(2), training=True),
        sample(real(2, 2, 3), None, None, positive(2), real(2), training=True, eps=0.1),
        errors=[
            error(
                "ValueError",
                "Expected more than 1 value per channel when training",
                real(1, 2),
                None,
                None,
                training=True,
            )
        ],
    ),
    op("nn.functional.instance_norm", sample(real(2, 2, 3)), sample(real(2, 2, 3), weight=positive(2), bias=real(2))),
    op(
        "nn.functional.group_norm",
        sample(real(2, 4), 2),
        sample(real(2, 4, 3), 2, positive(4), real(4)),
        errors=[
            error("RuntimeError", "Expected number of channels in input to be divisible by num_groups", real(2, 3), 2)
        ],
    ),
    op("nn.functional.rms_norm", sample(real(2, 3), (3,)), sample(real(2, 3), (3,), positive(3), eps=0.1)),
    op("nn.functional.local_response_norm", sample(real(1, 4, 3), 2)),
    op("nn.functional.normalize", sample(real(2, 3)), sample(real(2, 3), p=1.0, dim=0)),
    op("nn.functional.cosine_similarity", sample(real(2, 3), real(2, 3)), sample(real(2, 3), real(2, 3), dim=0)),
    op("nn.functional.pairwise_distance", sample(real(2, 3), real(2, 3))),
    op("nn.functional.pdist", sample(real(3, 2)), second=False, forward=False),
)
