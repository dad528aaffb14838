"""Sums, products, means and norms over dimensions."""

from refgrad.harness.op_db.samples import boolean, dtype, error, integers, kink, op, real, sample, values
from refgrad.harness.opinfo import OpInfo, SampleInput

INF, NAN = float("inf"), float("nan")
DIM = error("IndexError", "Dimension out of range", real(2, 3), dim=2)
TWICE = error("RuntimeError", "appears multiple times in the list of dims", real(2, 3), dim=(0, 0))


def reducing(name: str, *extra: SampleInput, several: bool = True, **more: object) -> OpInfo:
    """Over everything, one dimension, and, where the op has it, several."""
    usual = [
        sample(real(2, 3)), sample(real(2, 3), dim=0), sample(real(2, 3), dim=-1, keepdim=True), sample(real()),
        sample(real(), dim=0), sample(real(3, 1), dim=1), sample(real(2, 3, layout="transposed"), dim=0),
        sample(real(2, 3, layout="expanded")), sample(real(3, dtype="float32")),
    ]  # fmt: skip
    if several:
        usual += [sample(real(2, 3, 2), dim=(0, -1)), sample(real(2, 3, 2), dim=(2, 0), keepdim=True)]
    return op(name, *usual, *extra, errors=[DIM, *([TWICE] if several else [])], **more)


EMPTY = (sample(real(0, 3)), sample(real(0, 3), dim=0), sample(real(3, 0), dim=0))

OPS = (
    reducing(
        "sum",
        *EMPTY,
        sample(real(2, 3), dtype=dtype("float32")),
        sample(integers(3, below=5)),
        sample(boolean(3)),
        sample(real(2, 3, dtype="complex128"), dim=0),
        kink(values([INF, -INF, 1.0])),
    ),
    reducing("nansum", *EMPTY, kink(values([NAN, 1.0, INF]))),
    reducing("mean", *EMPTY[1:], sample(real(2, 3, dtype="complex128"))),
    reducing(
        "prod",
        *EMPTY,
        kink(values([2.0, 0.0, 3.0])),
        kink(values([0.0, 0.0, 3.0])),
        kink(values([[0.0, 2.0], [3.0, 4.0]]), dim=0),
        sample(real(3, dtype="complex128")),
        several=False,
    ),
    op(
        "logsumexp",
        sample(real(2, 3), 0),
        sample(real(2, 3), (0, 1)),
        sample(real(2, 3), -1, keepdim=True),
        sample(real(), 0),
        sample(real(0, 3), 1),
        kink(values([-INF, -INF]), 0),
        kink(values([1000.0, 1000.0]), 0),
        kink(values([INF, 1.0]), 0),
        errors=[error("IndexError", "Dimension out of range", real(2, 3), 2)],
    ),
    op(
        "norm",
        sample(real(2, 3)),
        sample(real(2, 3), 2, dim=1),
        sample(real(2, 3), 1, dim=0, keepdim=True),
        sample(real(2, 3), 3, dim=1),
        sample(real(2, 3), INF, dim=1),
        sample(real(2, 3), 0, dim=1),
        sample(real(2, 3, dtype="float32")),
        kink(values([0.0, 0.0])),
        kink(values([0.0, -0.0, 1.0]), 1),
        kink(values([2.0, -2.0, 1.0]), INF),
    ),
    op("count_nonzero", sample(real(2, 3)), sample(integers(2, 3, below=2), dim=0), differentiable=False),
    *(
        op(
            name,
            sample(boolean(2, 3)),
            sample(boolean(2, 3), dim=0),
            sample(integers(2, 3, below=2), dim=1, keepdim=True),
            sample(boolean(0)),
            differentiable=False,
            errors=[DIM],
        )
        for name in ("all", "any")
    ),
)
