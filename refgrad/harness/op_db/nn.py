"""Layers: softmax, linear, embedding, layer norm."""

from refgrad.harness.op_db.samples import dtype, error, kink, op, positive, real, sample, values
from refgrad.harness.opinfo import OpInfo

INF = float("inf")
PLACES = values([[0, 2], [2, 1]])


def softmax(name: str) -> OpInfo:
    return op(
        name,
        sample(real(2, 3), 0),
        sample(real(2, 3), -1),
        sample(real(), 0),
        sample(real(0, 3), 1),
        sample(real(2, 3, layout="transposed"), 1),
        sample(real(3, dtype="float32"), 0),
        sample(real(3, dtype="float32"), 0, dtype=dtype("float64")),
        kink(values([1000.0, 1000.0, -INF]), 0),
        kink(values([-INF, -INF]), 0),
        errors=[error("IndexError", "Dimension out of range", real(2, 3), 2)],
    )


OPS = (
    softmax("softmax"),
    softmax("log_softmax"),
    op(
        "nn.functional.linear",
        sample(real(2, 3), real(2, 3), real(2)),
        sample(real(2, 3), real(2, 3)),
        sample(real(3), real(2, 3), real(2)),
        sample(real(0, 3), real(2, 3), real(2)),
        sample(real(2, 2, 3), real(1, 3)),
        errors=[
            error("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", real(2, 3), real(3, 2))
        ],
    ),
    op(
        "nn.functional.embedding",
        sample(PLACES, real(3, 2)),
        kink(PLACES, real(3, 2), padding_idx=2),  # the padding gets no gradient, though forward mode sees it
        errors=[error("IndexError", "index out of range in self", values([3]), real(3, 2))],
    ),
    op(
        "nn.functional.layer_norm",
        sample(real(2, 3), (3,)),
        sample(real(2, 3), (3,), positive(3), real(3)),
        sample(real(2, 3), (2, 3), eps=0.1),
        errors=[
            error("RuntimeError", "Given normalized_shape=[2], expected input with shape [*, 2]", real(2, 3), (2,))
        ],
    ),
    op("nn.functional.one_hot", sample(values([0, 2])), sample(values([0, 2]), 4), differentiable=False),
)
