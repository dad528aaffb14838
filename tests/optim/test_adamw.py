"""AdamW, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = [
    {},
    {"lr": 0.01, "weight_decay": 0.5},
    {"lr": 0.01, "amsgrad": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training(options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: optim.AdamW(params, **options))


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_training_in_single_precision(options):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: optim.AdamW(params, **options))


def test_is_an_adam():
    """AdamW is an Adam that decays apart, and says so in its groups."""

    def scene(xp):
        optimizer = xp.optim.AdamW([xp.nn.Parameter(xp.ones(1))])
        return isinstance(optimizer, xp.optim.Adam), optimizer.param_groups[0]["decoupled_weight_decay"]

    agree(scene)


def test_refused():
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.AdamW([xp.nn.Parameter(xp.ones(1))], weight_decay=-1.0))
