"""How the scripts of random programs spell PaddlePaddle."""

from refgrad.harness.program.source import Idiom

IDIOM = Idiom(
    ("import paddle",),
    "paddle",
    'paddle.to_tensor({values}, dtype="{dtype}", stop_gradient={constant})',
    {},
)
