"""The transformer, side by side with PyTorch."""

import warnings

import pytest

from tests.nn.twins import agree, grads, refuse

SMALL = {"d_model": 8, "nhead": 2, "dim_feedforward": 12, "dropout": 0.0}
OPTIONS = [
    {},
    {"batch_first": True, "norm_first": True, "activation": "gelu"},
    {"bias": False, "layer_norm_eps": 1e-3},
]


def data(xp, *shape):
    count = 1
    for size in shape:
        count *= size
    return xp.arange(float(count), dtype=xp.float64).reshape(shape).mul(1.7).sin()


def trained(xp, module, *inputs, **options):
    """What the module gives, all gradients, and its state."""
    tensors = [each.requires_grad_() for each in inputs]
    result = module(*tensors, **options)
    (result * xp.arange(1.0, result.numel() + 1).reshape(result.shape)).sum().backward()
    return repr(module), result, grads(module, *tensors), module.state_dict()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(3, 2, 8), (3, 8)], ids=["batch", "no batch"])
def test_encoder_layer(options, shape):
    """A layer attends to itself and maps: values, gradients, names and initial values are PyTorch's."""

    def scene(xp):
        xp.manual_seed(1)
        return trained(xp, xp.nn.TransformerEncoderLayer(**SMALL, **options).double(), data(xp, *shape))

    agree(scene)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_decoder_layer(options):
    """A layer that attends to a memory too."""

    def scene(xp):
        xp.manual_seed(1)
        memory = data(xp, 3, 4, 8) if options.get("batch_first") else data(xp, 4, 2, 8)
        target = data(xp, 3, 5, 8) if options.get("batch_first") else data(xp, 5, 2, 8)
        return trained(xp, xp.nn.TransformerDecoderLayer(**SMALL, **options).double(), target, memory)

    agree(scene)


def test_dropout():
    """In training the same elements are dropped from the same seed."""

    def scene(xp):
        xp.manual_seed(1)
        module = xp.nn.TransformerEncoderLayer(8, 2, 12, dropout=0.5).double()
        return [module(data(xp, 3, 2, 8)) for _ in range(2)]

    agree(scene)


@pytest.mark.parametrize("kind", ["float", "bool"])
def test_masks(kind):
    """Masks hide what comes later and what is padding, given as numbers or as bools, and a causal one is recognized."""

    def scene(xp):
        xp.manual_seed(1)
        layer = xp.nn.TransformerEncoderLayer(**SMALL, batch_first=True)
        encoder = xp.nn.TransformerEncoder(layer, 2, xp.nn.LayerNorm(8)).double()
        later = xp.nn.Transformer.generate_square_subsequent_mask(4, dtype=xp.float64)
        padding = xp.tensor([[False, False, False, False], [False, False, True, True]])
        if kind == "bool":
            later = later != 0
        else:
            padding = xp.zeros(2, 4, dtype=xp.float64).masked_fill(padding, float("-inf"))
        x = data(xp, 2, 4, 8)
        return [
            encoder(x, mask=later), encoder(x, src_key_padding_mask=padding), encoder(x, later, padding),
            encoder(x, later, is_causal=True),
        ]  # fmt: skip

    agree(scene)


@pytest.mark.parametrize("at_the_end", [True, False])
def test_padding_in_inference(at_the_end):
    """Where PyTorch's kernel for inference takes padding at the end out, zeros come back in its place."""

    def scene(xp):
        xp.manual_seed(1)
        layer = xp.nn.TransformerEncoderLayer(**SMALL, batch_first=True)
        encoder = xp.nn.TransformerEncoder(layer, 2).double().eval()
        padding = xp.tensor([[False, False, False], [False, False, True] if at_the_end else [True, False, False]])
        with xp.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's nested tensors say that they are a prototype
            without = encoder(data(xp, 2, 3, 8), src_key_padding_mask=padding)
        return without, encoder(data(xp, 2, 3, 8), src_key_padding_mask=padding).detach()

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [{}, {"norm_first": True, "batch_first": True}, {"nhead": 1, "batch_first": True},
     {"bias": False, "batch_first": True}, {"activation": "relu", "batch_first": True}],
    ids=str,
)  # fmt: skip
def test_told_why_padding_stays(options):
    """A stack says, once it is made, why padding will not be taken out."""
    agree(lambda xp: repr(xp.nn.TransformerEncoder(xp.nn.TransformerEncoderLayer(**{**SMALL, **options}), 1)))


def test_whole():
    """Encoder and decoder train to the same losses as in PyTorch."""

    def scene(xp):
        xp.manual_seed(1)
        model = xp.nn.Transformer(8, 2, 2, 2, 12, dropout=0.1).double()
        src, tgt = data(xp, 4, 2, 8), data(xp, 3, 2, 8)
        mask = model.generate_square_subsequent_mask(3, dtype=xp.float64)
        optimizer = xp.optim.SGD(model.parameters(), lr=0.05)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(src, tgt, tgt_mask=mask).pow(2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return repr(model), losses, list(model.state_dict())

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: xp.nn.TransformerEncoderLayer(8, 2, activation="tanh"),
        lambda xp: xp.nn.TransformerEncoderLayer(8, 3),
        lambda xp: xp.nn.Transformer(8, 2, 1, 1)(xp.ones(3, 2, 8), xp.ones(3, 4, 8)),
        lambda xp: xp.nn.Transformer(8, 2, 1, 1)(xp.ones(3, 2, 6), xp.ones(3, 2, 6)),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(scene)
