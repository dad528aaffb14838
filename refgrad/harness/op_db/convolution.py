"""Convolutions, one to three dimensions, and their transposes."""

from refgrad.harness.op_db.samples import error, op, real, sample
from refgrad.harness.opinfo import OpInfo


def convolution(dims: int) -> OpInfo:
    image, kernel = (4,) * dims, (2,) * dims
    return op(
        f"nn.functional.conv{dims}d",
        sample(real(1, 2, *image), real(3, 2, *kernel), real(3)),
        sample(real(2, *image), real(2, 2, *kernel), stride=2, padding=1),
        sample(real(1, 2, *image), real(2, 1, *kernel), groups=2, dilation=2),
        sample(real(1, 1, *image), real(1, 1, *kernel), padding="same"),
        errors=[
            error(
                "RuntimeError",
                "to have 1 channels, but got 2 channels instead",
                real(1, 2, *image),
                real(3, 1, *kernel),
            )
        ],
    )


def transposed(dims: int) -> OpInfo:
    image, kernel = (3,) * dims, (2,) * dims
    return op(
        f"nn.functional.conv_transpose{dims}d",
        sample(real(1, 2, *image), real(2, 2, *kernel), real(2)),
        sample(real(1, 2, *image), real(2, 1, *kernel), stride=2, padding=1, output_padding=1),
        sample(real(1, 2, *image), real(2, 1, *kernel), groups=2),
    )


OPS = (*map(convolution, (1, 2, 3)), *map(transposed, (1, 2, 3)))
