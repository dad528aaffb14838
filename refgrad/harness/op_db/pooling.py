"""Pooling, padding and windows."""

from refgrad.harness.op_db.samples import error, kink, op, real, sample, values
from refgrad.harness.opinfo import OpInfo


def pools(dims: int) -> tuple[OpInfo, ...]:
    image = (4,) * dims
    of = real(1, 2, *image)
    name = "nn.functional.{}_pool" + f"{dims}d"
    return (
        op(name.format("avg"), sample(of, 2), sample(of, 3, stride=1, padding=1, count_include_pad=False)),
        op(name.format("max"), sample(of, 2), sample(of, 2, stride=1, dilation=2), sample(of, 3, padding=1),
           kink(values([[[1.0, 1.0, 0.0, 2.0]]]) if dims == 1 else values([[[[1.0, 1.0], [1.0, 1.0]]]]), 2)
           if dims < 3 else sample(of, 2, ceil_mode=True)),
        op(name.format("adaptive_avg"), sample(of, 2), sample(of, 3)),
        op(name.format("adaptive_max"), sample(of, 2), sample(of, 3)),
    )  # fmt: skip


def padding(mode: str, by: tuple[int, ...]) -> OpInfo:
    wrong = (error("RuntimeError", "", real(1, 2, 3), (5, 5), mode=mode),) if mode != "constant" else ()
    return op("nn.functional.pad", sample(real(1, 2, 3), by, mode=mode), sample(real(2, 2, 3), (0, 1), mode=mode),
              variant=mode, errors=wrong if mode == "reflect" else ())  # fmt: skip


OPS = (
    *(each for dims in (1, 2, 3) for each in pools(dims)),
    *(padding(mode, (1, 2)) for mode in ("constant", "reflect", "replicate", "circular")),
    op("nn.functional.unfold", sample(real(1, 2, 3, 3), 2), sample(real(1, 1, 4, 4), 2, stride=2, padding=1)),
    op("nn.functional.fold", sample(real(1, 4, 4), (3, 3), 2)),
    op("nn.functional.max_unpool1d", sample(real(1, 2, 2), values([[[1, 2], [0, 3]]]), 2)),
    op(
        "nn.functional.max_unpool2d",
        sample(real(1, 1, 2, 2), values([[[[0, 3], [8, 11]]]]), 2),
        sample(real(1, 1, 2, 2), values([[[[0, 3], [12, 15]]]]), 2, output_size=(1, 1, 5, 5)),
    ),
)
