"""RMSprop, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = [
    {},
    {"lr": 0.001, "momentum": 0.9, "weight_decay": 0.1},
    {"centered": True},
    {"lr": 0.001, "maximize": True, "centered": True, "momentum": 0.5},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training(options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: optim.RMSprop(params, **options))


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_training_in_single_precision(options):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: optim.RMSprop(params, **options))


def test_differentiable():
    """Steps with differentiable=True are recorded."""

    def scene(xp):
        p = xp.tensor([1.0, 2.0], requires_grad=True)
        moved = p.clone()
        optimizer = xp.optim.RMSprop([moved], weight_decay=0.5, differentiable=True)
        moved.grad = moved.detach() * 3
        optimizer.step()
        (moved**2).sum().backward()
        return moved, p.grad

    agree(scene)


@pytest.mark.parametrize(
    "options", [{"lr": -1.0}, {"eps": -1.0}, {"momentum": -1.0}, {"weight_decay": -1.0}, {"alpha": -1.0}], ids=str
)
def test_refused(options):
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.RMSprop([xp.nn.Parameter(xp.ones(1))], **options))
