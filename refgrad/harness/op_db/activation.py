"""Activations."""

from refgrad.harness.op_db.samples import real, sample, unary
from refgrad.harness.opinfo import OpInfo, SampleInput

INF, NAN = float("inf"), float("nan")
EVERYWHERE = (-2.0, 2.0)


def activation(name: str, *extra: SampleInput, special: tuple[float, ...] = (0.0, -0.0, INF, -INF, NAN)) -> OpInfo:
    return unary(f"nn.functional.{name}", EVERYWHERE, *extra, special=special)


OPS = (
    activation("leaky_relu", sample(real(4), negative_slope=0.3)),
    activation("elu", sample(real(4), alpha=2.0)),
    activation("celu", sample(real(4), alpha=2.0)),
    activation("selu"),
    activation("gelu", sample(real(4), approximate="tanh")),
    activation("silu"),
    activation("mish"),
    activation("softplus", sample(real(4), beta=2, threshold=1.0)),
    activation("logsigmoid"),
    activation("softsign"),
    activation("tanhshrink"),
    activation("hardtanh", sample(real(4), -0.5, 0.5), special=(-1.0, 1.0, 0.0, NAN)),
    activation("relu6", special=(0.0, 6.0, 3.0, NAN)),
)
