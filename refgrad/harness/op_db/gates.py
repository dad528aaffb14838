"""Gates, interpolation and rearrangement of pixels."""

from refgrad.harness.op_db.samples import error, op, real, sample, unary

SIZE = error("ValueError", "only one of size or scale_factor should be defined", real(1, 1, 4), size=2, scale_factor=2)

OPS = (
    op("nn.functional.glu", sample(real(2, 4)), sample(real(4, 3), 0),
       errors=[error("RuntimeError", "Halving dimension must be even, but dimension 1 is size 3", real(2, 3))]),
    op("nn.functional.prelu", sample(real(2, 3), real(1)), sample(real(2, 3), real(3))),
    unary("nn.functional.hardswish", special=(-3.0, 3.0, 0.0)),
    unary("nn.functional.hardsigmoid", special=(-3.0, 3.0, 0.0), second=False),
    unary("nn.functional.hardshrink", special=(-0.5, 0.5, 0.0)),
    unary("nn.functional.softshrink", special=(-0.5, 0.5, 0.0)),
    op("nn.functional.threshold", sample(real(2, 3), 0.1, 20.0)),
    op("nn.functional.interpolate", sample(real(1, 1, 3), scale_factor=2, mode="nearest"), sample(real(1, 1, 4), size=3, mode="linear"),
       sample(real(1, 1, 3, 3), size=(2, 4), mode="bilinear", align_corners=True), errors=[SIZE]),
    op("nn.functional.pixel_shuffle", sample(real(1, 4, 2, 2), 2)),
    op("nn.functional.pixel_unshuffle", sample(real(1, 1, 4, 4), 2)),
    op("nn.functional.bilinear", sample(real(2, 3), real(2, 2), real(2, 3, 2), real(2))),
)  # fmt: skip
