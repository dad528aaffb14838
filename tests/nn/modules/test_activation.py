"""Activation modules, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, through

MAKERS = {
    "ReLU": lambda nn: nn.ReLU(),
    "ReLU-inplace": lambda nn: nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True)),
    "ReLU6": lambda nn: nn.ReLU6(),
    "SELU": lambda nn: nn.SELU(),
    "SiLU": lambda nn: nn.SiLU(),
    "Mish": lambda nn: nn.Mish(),
    "LeakyReLU": lambda nn: nn.LeakyReLU(0.2),
    "LeakyReLU-inplace": lambda nn: nn.Sequential(nn.Linear(6, 6), nn.LeakyReLU(0.2, inplace=True)),
    "ELU": lambda nn: nn.ELU(0.5),
    "ELU-inplace": lambda nn: nn.Sequential(nn.Linear(6, 6), nn.ELU(0.5, True)),
    "CELU": lambda nn: nn.CELU(0.5),
    "Hardtanh": lambda nn: nn.Hardtanh(-0.5, 0.7),
    "Sigmoid": lambda nn: nn.Sigmoid(),
    "Tanh": lambda nn: nn.Tanh(),
    "LogSigmoid": lambda nn: nn.LogSigmoid(),
    "Softsign": lambda nn: nn.Softsign(),
    "Tanhshrink": lambda nn: nn.Tanhshrink(),
    "GELU": lambda nn: nn.GELU(),
    "GELU-tanh": lambda nn: nn.GELU(approximate="tanh"),
    "Softplus": lambda nn: nn.Softplus(2.0, 1.0),
    "Softmax": lambda nn: nn.Softmax(dim=1),
    "LogSoftmax": lambda nn: nn.LogSoftmax(dim=0),
    "Softmin": lambda nn: nn.Softmin(dim=-1),
}
NODES_OF_THEIR_OWN = {"LeakyReLU-inplace", "ELU-inplace"}  # PyTorch calls the node of the in-place form ...Backward1


def values(xp):
    return xp.linspace(-2.0, 2.0, 12).reshape(2, 6).requires_grad_()


@pytest.mark.parametrize("name", list(MAKERS))
def test_through(name):
    """Result, gradients and printed form are PyTorch's."""
    scene = through(lambda xp: MAKERS[name](xp.nn), values)
    if name in NODES_OF_THEIR_OWN:
        agree(lambda xp: [item.detach() if isinstance(item, xp.Tensor) else item for item in scene(xp)])
    else:
        agree(scene)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
def test_dimension_left_out(name):
    """Without a dimension, one is chosen with a warning."""
    agree(lambda xp: getattr(xp.nn, name)()(xp.ones(2, 3)))


def test_old_names_of_bounds():
    """Hardtanh takes the old names of its bounds, with a warning."""
    agree(lambda xp: repr(xp.nn.Hardtanh(min_value=-2.0, max_value=2.0)))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("name", ["ReLU", "ReLU6", "SELU", "SiLU", "Mish", "LeakyReLU", "ELU", "CELU", "Hardtanh"])
def test_printed(name, inplace):
    """Only what is in place prints that it is."""
    agree(lambda xp: repr(getattr(xp.nn, name)(inplace=inplace)))


def test_nothing_between_the_bounds():
    """Hardtanh refuses bounds with nothing in between."""
    refuse(lambda xp: xp.nn.Hardtanh(1.0, 1.0))


def test_leaf_in_place():
    """An in-place activation of a leaf that requires grad is refused."""
    refuse(lambda xp: xp.nn.ReLU(inplace=True)(xp.ones(2, requires_grad=True)))
