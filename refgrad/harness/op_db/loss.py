"""Losses."""

from refgrad.harness.op_db.samples import constant, error, kink, op, positive, real, sample, values
from refgrad.harness.opinfo import OpInfo, SampleInput

CLASSES = values([0, 2])
REDUCTION = "is not a valid value for reduction"


def pairwise(name: str, *extra: SampleInput) -> OpInfo:
    """Of an input and a target of the same shape."""
    name = f"nn.functional.{name}"
    return op(
        name,
        sample(real(2, 3), real(2, 3)),
        sample(real(2, 3), real(2, 3), reduction="sum"),
        sample(real(2, 3), real(2, 3), reduction="none"),
        sample(real(), real()),
        sample(real(0, 3), real(0, 3), reduction="sum"),
        sample(real(3, dtype="float32"), real(3, dtype="float32")),
        kink(values([1.0, 2.0]), values([1.0, 2.0])),
        *extra,
        errors=[error("ValueError", REDUCTION, real(3), real(3), reduction="max")],
    )


OPS = (
    pairwise("mse_loss"),
    pairwise("l1_loss"),
    pairwise("smooth_l1_loss", sample(real(3), real(3), beta=0.3), kink(values([1.0]), values([0.0]))),
    pairwise("huber_loss", sample(real(3), real(3), delta=0.3), kink(values([1.0]), values([0.0]))),
    op(
        "nn.functional.nll_loss",
        sample(real(2, 3), CLASSES),
        sample(real(2, 3), CLASSES, reduction="none"),
        sample(real(2, 3), CLASSES, constant(positive(3)), reduction="sum"),
        sample(real(2, 3), CLASSES, ignore_index=0),
        sample(real(3), values(1)),
        sample(real(2, 3, 2), values([[0, 1], [2, 0]])),
        errors=[
            error("IndexError", "Target 3 is out of bounds.", real(2, 3), values([0, 3])),
            error("ValueError", "to match target batch_size (3)", real(2, 3), values([0, 1, 2])),
        ],
    ),
    op(
        "nn.functional.cross_entropy",
        sample(real(2, 3), CLASSES),
        sample(real(2, 3), CLASSES, reduction="none"),
        sample(real(2, 3), CLASSES, constant(positive(3)), reduction="sum"),
        sample(real(2, 3), CLASSES, ignore_index=0),
        sample(real(2, 3), CLASSES, label_smoothing=0.1),
        sample(real(2, 3), positive(2, 3)),
        sample(real(3), values(1)),
        sample(real(2, 3, dtype="float32"), CLASSES),
        errors=[error("IndexError", "Target 3 is out of bounds.", real(2, 3), values([0, 3]))],
    ),
    op(
        "nn.functional.binary_cross_entropy",
        sample(positive(2, 3, high=0.9), positive(2, 3, high=0.9)),
        sample(positive(2, 3, high=0.9), positive(2, 3, high=0.9), reduction="none"),
        sample(positive(2, 3, high=0.9), positive(2, 3, high=0.9), constant(positive(3)), reduction="sum"),
        kink(values([0.0, 1.0, 0.0, 1.0]), constant(values([0.0, 1.0, 1.0, 0.0]))),
        errors=[
            error(
                "RuntimeError",
                "all elements of input should be between 0 and 1",
                real(3, low=2.0, high=3.0),
                positive(3),
            )
        ],
    ),
    op(
        "nn.functional.binary_cross_entropy_with_logits",
        sample(real(2, 3), positive(2, 3)),
        sample(real(2, 3), positive(2, 3), reduction="none"),
        sample(real(2, 3), positive(2, 3), constant(positive(3)), pos_weight=constant(positive(3))),
        kink(values([0.0, 1000.0, -1000.0]), constant(values([0.0, 1.0, 1.0]))),
        errors=[error("ValueError", "must be the same as input size", real(2, 3), real(3))],
    ),
)
