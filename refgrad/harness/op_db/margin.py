"""Losses with a margin and between distributions; attention, bags of rows and shuffled channels."""

from refgrad.harness.op_db.samples import constant, dtype, error, kink, op, positive, real, sample, values

SIGNS = constant(values([1.0, -1.0, 1.0]))
PLACES = values([2, 0])
LABELS = values([[0, 2, -1], [1, -1, 0]])

OPS = (
    op("nn.functional.soft_margin_loss", sample(real(3), SIGNS), sample(real(3), SIGNS, reduction="none")),
    op("nn.functional.margin_ranking_loss", sample(real(3), real(3), SIGNS, 3.0), sample(real(3), real(3), SIGNS, 3.0, reduction="sum")),
    op("nn.functional.hinge_embedding_loss", sample(real(3), SIGNS, 3.0), kink(values([1.0, 1.0, 0.0]), SIGNS)),
    op("nn.functional.cosine_embedding_loss", sample(real(3, 2), real(3, 2), SIGNS, -2.0)),
    op("nn.functional.triplet_margin_loss", sample(real(2, 3), real(2, 3), real(2, 3), 9.0), sample(real(3), real(3), real(3), 9.0, p=3)),
    op(
        "nn.functional.multi_margin_loss",
        sample(real(2, 3), PLACES, margin=9.0),
        sample(real(2, 3), PLACES, p=2, margin=9.0, reduction="none"),
        second=False, forward=False,
        errors=[error("RuntimeError", "target out of range", real(2, 3), values([0, 3]))],
    ),
    op("nn.functional.kl_div", sample(real(2, 3), constant(positive(2, 3)), reduction="sum"), sample(real(2, 3), real(2, 3), reduction="batchmean", log_target=True)),
    op("nn.functional.gaussian_nll_loss", sample(real(2, 3), real(2, 3), positive(2, 3)), sample(real(2, 3), real(2, 3), positive(2), full=True)),
    op("nn.functional.poisson_nll_loss", sample(real(2, 3), constant(positive(2, 3))), sample(positive(3), constant(positive(3)), False)),
    op(
        "nn.functional.scaled_dot_product_attention",
        sample(real(2, 3), real(2, 3), real(2, 3)),
        sample(real(1, 2, 3), real(1, 4, 3), real(1, 4, 2), is_causal=True),
        sample(real(2, 3), real(2, 3), real(2, 3), scale=0.5),
    ),
    op(
        "nn.functional.embedding_bag",
        sample(values([[0, 2], [2, 1]]), real(3, 2)),
        sample(values([0, 2, 2]), real(3, 2), values([0, 1]), mode="sum"),
        second=False, forward=False,
    ),
    op("nn.functional.channel_shuffle", sample(real(1, 4, 3), 2)),
    op(
        "nn.functional.multilabel_margin_loss",
        sample(real(2, 3), LABELS),
        sample(real(2, 3), LABELS, reduction="none"),
        sample(real(3), values([1, -1, 0])),
        second=False, forward=False,
        errors=[error("RuntimeError", "inconsistent target size", real(2, 3), values([0, 1]))],
    ),
    op(
        "nn.functional.multilabel_soft_margin_loss",
        sample(real(2, 3), constant(positive(2, 3))),
        sample(real(2, 3), constant(positive(2, 3)), constant(positive(3)), reduction="sum"),
        sample(real(2, 3), constant(positive(2, 3)), reduction="none"),
        kink(values([[1000.0, -1000.0, 0.0]]), constant(values([[0.0, 1.0, 1.0]]))),
    ),
    op("nn.functional.triplet_margin_with_distance_loss", sample(real(2, 3), real(2, 3), real(2, 3), margin=9.0),
       sample(real(2, 3), real(2, 3), real(2, 3), margin=9.0, swap=True, reduction="sum")),
    op(
        "nn.functional.ctc_loss",
        sample(real(4, 2, 3), values([[1, 2], [2, 1]]), values([4, 3]), values([2, 1])),
        sample(real(4, 2, 3), values([[1, 1], [2, 1]]), values([4, 4]), values([2, 2]), reduction="none"),
        sample(real(4, 2, 3), values([1, 2, 2]), values([4, 4]), values([2, 1]), blank=0, reduction="sum"),
        prepare=lambda logits: logits.log_softmax(-1), second=False, forward=False,
        errors=[error("RuntimeError", "blank must be in label range", real(4, 2, 3), values([[1, 2], [2, 1]]), values([4, 4]), values([2, 2]), blank=3)],
    ),
    op("nn.functional.softmin", sample(real(2, 3), 1), sample(real(2, 3), 0, dtype=dtype("float32"))),
)  # fmt: skip
