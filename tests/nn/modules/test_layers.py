"""Layers of networks, side by side with PyTorch: what they draw, give, learn, keep and print."""

import pytest

from tests.engine.live import same
from tests.nn.twins import agree, observed, refuse, through


def normal(*shape):
    def make(xp):
        return (xp.arange(1.0, 1 + _count(shape)).reshape(shape) * 0.7 % 2.3 - 1).requires_grad_()

    return make


def _count(shape):
    total = 1
    for n in shape:
        total *= n
    return total


def indices(*shape, below):
    return lambda xp: (xp.arange(_count(shape)) * 3 % below).reshape(shape)


def signs(xp):
    return xp.tensor([1.0, -1.0, 1.0])


IMAGE, SIGNAL, VOLUME, ROWS = normal(2, 4, 6, 5), normal(2, 4, 7), normal(1, 2, 4, 4, 3), normal(3, 4)
LAYERS = {
    "Conv1d": (lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1), SIGNAL),
    "Conv1d-circular": (lambda nn: nn.Conv1d(4, 2, 3, padding=2, padding_mode="replicate", bias=False), SIGNAL),
    "Conv2d": (lambda nn: nn.Conv2d(4, 6, (3, 2), groups=2, dilation=(1, 2)), IMAGE),
    "Conv2d-same": (lambda nn: nn.Conv2d(4, 3, 2, padding="same"), IMAGE),
    "Conv2d-reflect": (lambda nn: nn.Conv2d(4, 3, 3, padding="same", padding_mode="reflect"), IMAGE),
    "Conv3d": (lambda nn: nn.Conv3d(2, 3, 2, padding=1), VOLUME),
    "ConvTranspose1d": (lambda nn: nn.ConvTranspose1d(4, 3, 3, stride=2, output_padding=1), SIGNAL),
    "ConvTranspose2d": (lambda nn: nn.ConvTranspose2d(4, 4, 3, padding=1, groups=2), IMAGE),
    "ConvTranspose3d": (lambda nn: nn.ConvTranspose3d(2, 3, 2), VOLUME),
    "Unfold": (lambda nn: nn.Unfold(2, padding=1), IMAGE),
    "Fold": (lambda nn: nn.Fold((4, 5), 2), normal(2, 12, 12)),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(3, 2), SIGNAL),
    "MaxPool2d": (lambda nn: nn.MaxPool2d(2, padding=1, ceil_mode=True), IMAGE),
    "MaxPool3d": (lambda nn: nn.MaxPool3d((2, 1, 2)), VOLUME),
    "AvgPool1d": (lambda nn: nn.AvgPool1d(3, padding=1), SIGNAL),
    "AvgPool2d": (lambda nn: nn.AvgPool2d(2, 1, divisor_override=3), IMAGE),
    "AvgPool3d": (lambda nn: nn.AvgPool3d(2), VOLUME),
    "LPPool1d": (lambda nn: nn.LPPool1d(2, 3), SIGNAL),
    "LPPool2d": (lambda nn: nn.LPPool2d(2, 2, 1), IMAGE),
    "AdaptiveAvgPool1d": (lambda nn: nn.AdaptiveAvgPool1d(3), SIGNAL),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((None, 2)), IMAGE),
    "AdaptiveAvgPool3d": (lambda nn: nn.AdaptiveAvgPool3d(2), VOLUME),
    "AdaptiveMaxPool1d": (lambda nn: nn.AdaptiveMaxPool1d(3), SIGNAL),
    "AdaptiveMaxPool2d": (lambda nn: nn.AdaptiveMaxPool2d(2), IMAGE),
    "AdaptiveMaxPool3d": (lambda nn: nn.AdaptiveMaxPool3d(2), VOLUME),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(4), SIGNAL),
    "BatchNorm1d-rows": (lambda nn: nn.BatchNorm1d(4, momentum=None), ROWS),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(4, affine=False), IMAGE),
    "BatchNorm2d-out of training": (lambda nn: nn.BatchNorm2d(4).eval(), IMAGE),
    "BatchNorm2d-untracked": (lambda nn: nn.BatchNorm2d(4, track_running_stats=False).eval(), IMAGE),
    "BatchNorm3d": (lambda nn: nn.BatchNorm3d(2), VOLUME),
    "InstanceNorm1d": (lambda nn: nn.InstanceNorm1d(4, affine=True), SIGNAL),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(4, track_running_stats=True), IMAGE),
    "InstanceNorm3d": (lambda nn: nn.InstanceNorm3d(2), VOLUME),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 4), IMAGE),
    "GroupNorm-plain": (lambda nn: nn.GroupNorm(2, 4, affine=False), IMAGE),
    "RMSNorm": (lambda nn: nn.RMSNorm(5), IMAGE),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(2), IMAGE),
    "Bilinear": (lambda nn: nn.Bilinear(4, 4, 3), ROWS, ROWS),
    "EmbeddingBag": (lambda nn: nn.EmbeddingBag(6, 3, mode="sum"), indices(2, 3, below=6)),
    "PReLU": (lambda nn: nn.PReLU(4), SIGNAL),
    "RReLU": (lambda nn: nn.RReLU(), ROWS),
    "GLU": (lambda nn: nn.GLU(1), SIGNAL),
    "Hardshrink": (lambda nn: nn.Hardshrink(0.3), ROWS),
    "Softshrink": (lambda nn: nn.Softshrink(), ROWS),
    "Hardsigmoid": (lambda nn: nn.Hardsigmoid(), ROWS),
    "Hardswish": (lambda nn: nn.Hardswish(), ROWS),
    "Threshold": (lambda nn: nn.Threshold(0.2, 3.0), ROWS),
    "Softmax2d": (lambda nn: nn.Softmax2d(), IMAGE),
    "FeatureAlphaDropout": (lambda nn: nn.FeatureAlphaDropout(0.4), SIGNAL),
    "ConstantPad2d": (lambda nn: nn.ConstantPad2d((1, 2, 0, 1), 3.5), IMAGE),
    "ZeroPad1d": (lambda nn: nn.ZeroPad1d(2), SIGNAL),
    "ReflectionPad2d": (lambda nn: nn.ReflectionPad2d(1), IMAGE),
    "ReplicationPad3d": (lambda nn: nn.ReplicationPad3d(1), VOLUME),
    "Upsample": (lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "UpsamplingNearest2d": (lambda nn: nn.UpsamplingNearest2d(size=4), IMAGE),
    "UpsamplingBilinear2d": (lambda nn: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
    "PixelShuffle": (lambda nn: nn.PixelShuffle(2), IMAGE),
    "PixelUnshuffle": (lambda nn: nn.PixelUnshuffle(1), IMAGE),
    "ChannelShuffle": (lambda nn: nn.ChannelShuffle(2), IMAGE),
    "CosineSimilarity": (lambda nn: nn.CosineSimilarity(), ROWS, normal(3, 4)),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(keepdim=True), ROWS, lambda xp: xp.ones(3, 4)),
    "SoftMarginLoss": (lambda nn: nn.SoftMarginLoss(), normal(3), signs),
    "HingeEmbeddingLoss": (lambda nn: nn.HingeEmbeddingLoss(), normal(3), signs),
    "MarginRankingLoss": (lambda nn: nn.MarginRankingLoss(0.5), normal(3), lambda xp: xp.ones(3), signs),
    "CosineEmbeddingLoss": (lambda nn: nn.CosineEmbeddingLoss(0.1), ROWS, lambda xp: xp.ones(3, 4), signs),
    "TripletMarginLoss": (lambda nn: nn.TripletMarginLoss(swap=True), ROWS, lambda xp: xp.ones(3, 4), lambda xp: xp.zeros(3, 4)),
    "TripletMarginWithDistanceLoss": (
        lambda nn: nn.TripletMarginWithDistanceLoss(), ROWS, lambda xp: xp.ones(3, 4), lambda xp: xp.zeros(3, 4),
    ),
    "MultiMarginLoss": (lambda nn: nn.MultiMarginLoss(p=2), ROWS, indices(3, below=4)),
    "MultiLabelMarginLoss": (lambda nn: nn.MultiLabelMarginLoss(), ROWS, indices(3, 4, below=4)),
    "MultiLabelSoftMarginLoss": (lambda nn: nn.MultiLabelSoftMarginLoss(), ROWS, lambda xp: xp.ones(3, 4)),
    "KLDivLoss": (lambda nn: nn.KLDivLoss(reduction="sum"), ROWS, lambda xp: xp.ones(3, 4)),
    "PoissonNLLLoss": (lambda nn: nn.PoissonNLLLoss(), ROWS, lambda xp: xp.ones(3, 4)),
    "GaussianNLLLoss": (lambda nn: nn.GaussianNLLLoss(), ROWS, lambda xp: xp.ones(3, 4), lambda xp: xp.ones(3, 4)),
}  # fmt: skip


def wide(make):
    """Floats in float64, so that nothing but a real difference is felt."""

    def made(xp):
        x = make(xp)
        return x.detach().double().requires_grad_(x.requires_grad) if x.is_floating_point() else x

    return made


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    """Printed form, result, gradients and state are PyTorch's, from the same seed."""
    make, *inputs = LAYERS[name]
    agree(through(lambda xp: make(xp.nn).double(), *(wide(x) for x in inputs)))


@pytest.mark.parametrize("make", [
    lambda nn: nn.Conv2d(3, 4, 3, groups=2), lambda nn: nn.Conv2d(4, 3, 3, groups=2), lambda nn: nn.Conv2d(3, 3, 3, groups=0),
    lambda nn: nn.Conv2d(3, 3, 3, padding="same", stride=2), lambda nn: nn.GroupNorm(3, 4), lambda nn: nn.LSTM(3, 0),
    lambda nn: nn.LSTM(3, 4, proj_size=4), lambda nn: nn.RNN(3, 4, nonlinearity="sin"), lambda nn: nn.GRU(3, 4, dropout=2),
    lambda nn: nn.MultiheadAttention(5, 2), lambda nn: nn.MultiheadAttention(0, 2), lambda nn: nn.MultiMarginLoss(p=3),
    lambda nn: nn.TripletMarginLoss(0.0), lambda nn: nn.Bilinear(0, 1, 1), lambda nn: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"),
])  # fmt: skip
def test_refused(make):
    """Sizes that make no layer are refused in PyTorch's words."""
    refuse(lambda xp: make(xp.nn))


def recurrent(make, *shape, state=False):
    def scene(xp):
        xp.manual_seed(3)
        module = make(xp.nn)
        x = normal(*shape)(xp)
        outputs, last = module(x) if not state else module(x, state(xp))
        total = (outputs * xp.arange(1.0, outputs.numel() + 1).reshape(outputs.shape)).sum()
        for held in last if isinstance(last, tuple) else (last,):
            total = total + held.sum()
        total.backward()
        states = [t.detach() for t in (last if isinstance(last, tuple) else (last,))]
        return [
            repr(module),
            outputs.detach(),
            states,
            x.grad,
            [p.grad for p in module.parameters()],
            module.state_dict(),
        ]

    return scene


RECURRENT = {
    "RNN": (lambda nn: nn.RNN(4, 5), 3, 2, 4),
    "RNN-relu": (lambda nn: nn.RNN(4, 5, 2, nonlinearity="relu", bias=False), 3, 2, 4),
    "LSTM": (lambda nn: nn.LSTM(4, 5), 3, 2, 4),
    "LSTM-deep": (lambda nn: nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True), 2, 3, 4),
    "LSTM-dropout": (lambda nn: nn.LSTM(4, 5, 2, dropout=0.4), 3, 2, 4),
    "LSTM-no batch": (lambda nn: nn.LSTM(4, 5), 3, 4),
    "GRU": (lambda nn: nn.GRU(4, 5), 3, 2, 4),
    "GRU-both ways": (lambda nn: nn.GRU(4, 5, bidirectional=True), 3, 2, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent(name):
    """A recurrent network gives PyTorch's outputs, states and gradients, from the same seed."""
    make, *shape = RECURRENT[name]
    agree(recurrent(make, *shape))


def test_projected():
    """An LSTM can project its hidden state; PyTorch warns only that it has no fast kernel for that."""
    mine, theirs = observed(recurrent(lambda nn: nn.LSTM(4, 5, proj_size=3), 3, 2, 4))
    assert same(mine["outcome"], theirs["outcome"])


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_cells(name):
    """A cell takes one step, from zeros or from a state."""

    def scene(xp):
        xp.manual_seed(3)
        cell = getattr(xp.nn, name)(4, 5)
        x = normal(2, 4)(xp)
        first = cell(x)
        second = cell(x, first)
        out = second[0] if isinstance(second, tuple) else second
        out.sum().backward()
        return [repr(cell), out.detach(), x.grad, [p.grad for p in cell.parameters()]]

    agree(scene)


@pytest.mark.parametrize("options", [
    {}, {"bias": False}, {"batch_first": True}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 3, "vdim": 5},
    {"dropout": 0.3},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("need_weights", [True, False])
def test_attention(options, need_weights):
    """Attention gives PyTorch's output, weights and gradients, whatever its options."""

    def scene(xp):
        xp.manual_seed(3)
        module = xp.nn.MultiheadAttention(4, 2, **options)
        query = normal(3, 2, 4)(xp)
        key, value = (normal(3, 2, options.get(n, 4))(xp) for n in ("kdim", "vdim"))
        result, weights = module(query, key, value, need_weights=need_weights)
        (result * xp.arange(1.0, result.numel() + 1).reshape(result.shape)).sum().backward()
        found = [repr(module), result.detach(), query.grad, [p.grad for p in module.parameters()], module.state_dict()]
        return [*found, None if weights is None else weights.detach()]

    agree(scene)


def test_attention_to_itself():
    """Of one tensor three times, with a causal mask."""

    def scene(xp):
        xp.manual_seed(3)
        module, x = xp.nn.MultiheadAttention(4, 2, batch_first=True), normal(2, 3, 4)(xp)
        mask = xp.ones(3, 3).triu(1).bool()
        result, weights = module(x, x, x, attn_mask=mask)
        result.sum().backward()
        return [result.detach(), weights.detach(), x.grad]

    agree(scene)
