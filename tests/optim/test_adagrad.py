"""Adagrad, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = [
    {},
    {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.1},
    {"lr": 0.01, "maximize": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training(options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: optim.Adagrad(params, **options))


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_training_in_single_precision(options):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: optim.Adagrad(params, **options))


def test_state_from_the_start():
    """The state is there before the first step, and a group's parameters that come later get theirs at their own."""

    def scene(xp):
        p, q = xp.nn.Parameter(xp.ones(1)), xp.nn.Parameter(xp.ones(1))
        optimizer = xp.optim.Adagrad([p], initial_accumulator_value=0.5)
        before = dict(optimizer.state[p])
        optimizer.add_param_group({"params": q})
        q.grad = xp.ones(1)
        optimizer.step()
        return before, optimizer.state[q], q

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [{"lr": -1.0}, {"lr_decay": -1.0}, {"weight_decay": -1.0}, {"initial_accumulator_value": -1.0}, {"eps": -1.0}],
    ids=str,
)
def test_refused(options):
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.Adagrad([xp.nn.Parameter(xp.ones(1))], **options))
