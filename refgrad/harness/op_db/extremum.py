"""Extrema and where they are."""

from refgrad.harness.op_db.samples import error, kink, op, real, sample, values
from refgrad.harness.opinfo import OpInfo

NAN = float("nan")
DIM = error("IndexError", "Dimension out of range", real(2, 3), dim=2)
TIED = values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])


def extremum(name: str, *, empty: str, kinks: bool = True, **more: object) -> OpInfo:
    """Of everything, and along a dimension; ties and nan."""
    usual = (
        sample(real(2, 3)), sample(real(2, 3), dim=0), sample(real(2, 3), dim=-1, keepdim=True), sample(real()),
        sample(real(), dim=0), sample(real(3, 0), dim=0), sample(real(2, 3, layout="transposed"), dim=1),
        sample(real(3, dtype="float32")),
    )  # fmt: skip
    at = (kink(TIED), kink(TIED, dim=1), kink(values([1.0, NAN, 3.0])), kink(values([1.0, NAN, 3.0]), dim=0))
    return op(name, *usual, *at, errors=[DIM, error(*empty.split(": ", 1), real(0))], **more)


REDUCE = "Expected reduction dim to be specified for input.numel() == 0"

OPS = (
    extremum("max", empty="RuntimeError: max(): " + REDUCE),
    extremum("min", empty="RuntimeError: min(): " + REDUCE),
    extremum("amax", empty="RuntimeError: amax(): " + REDUCE),
    extremum("amin", empty="RuntimeError: amin(): " + REDUCE),
    extremum("argmax", empty="IndexError: argmax(): " + REDUCE, differentiable=False),
    extremum("argmin", empty="IndexError: argmin(): " + REDUCE, differentiable=False),
    op(
        "median",
        sample(real(5)),
        sample(real(4)),
        sample(real(2, 3), dim=0),
        sample(real(2, 3), dim=1, keepdim=True),
        sample(real()),
        kink(values([1.0, NAN, 3.0])),
        errors=[DIM],
    ),
    op("aminmax", sample(real(2, 3)), sample(real(2, 3), dim=1), sample(real(2, 3), dim=0, keepdim=True), kink(TIED)),
)
