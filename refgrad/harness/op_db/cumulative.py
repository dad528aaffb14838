"""Running sums, products and extrema."""

from refgrad.harness.op_db.samples import dtype, error, kink, op, real, sample, values
from refgrad.harness.opinfo import OpInfo, SampleInput

INF, NAN = float("inf"), float("nan")
DIM = error("IndexError", "Dimension out of range", real(2, 3), 2)


EMPTY = sample(real(3, 0), 1)


def along(name: str, *extra: SampleInput, **more: object) -> OpInfo:
    usual = (
        sample(real(2, 3), 0), sample(real(2, 3), -1), sample(real(), 0), sample(real(0, 3), 1),
        sample(real(2, 3, layout="transposed"), 1), sample(real(2, 3, layout="expanded"), 0),
        sample(real(3, dtype="float32"), 0),
    )  # fmt: skip
    return op(name, *usual, *extra, errors=[DIM], **more)


OPS = (
    along("cumsum", EMPTY, sample(real(3), 0, dtype=dtype("float32")), sample(real(3, dtype="complex128"), 0)),
    along(
        "cumprod",
        EMPTY,
        kink(values([2.0, 0.0, 3.0]), 0),
        kink(values([0.0, 2.0, 0.0]), 0),
        sample(real(3, dtype="complex128"), 0),
    ),
    # PyTorch's own forward mode refuses a dimension of size 0 here
    along("logcumsumexp", kink(values([-INF, -INF, 1.0, INF]), 0)),
    along("cummax", EMPTY, kink(values([1.0, 1.0, NAN, 2.0]), 0)),
    along("cummin", EMPTY, kink(values([1.0, 1.0, NAN, 0.0]), 0)),
)
