"""torch.optim.lr_scheduler: rates that change with the epochs."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def parameter(xp, *values):
    return xp.nn.Parameter(xp.tensor(list(values)))


SCHEDULES = {
    "StepLR": ({"step_size": 2}, [1.0, 1.0, 0.1, 0.1, 0.01]),
    "MultiStepLR": ({"milestones": [1, 3], "gamma": 0.5}, [1.0, 0.5, 0.5, 0.25, 0.25]),
    "ExponentialLR": ({"gamma": 0.5}, [1.0, 0.5, 0.25, 0.125, 0.0625]),
    "ConstantLR": ({"factor": 0.5, "total_iters": 2}, [0.5, 0.5, 1.0, 1.0, 1.0]),
    "LinearLR": ({"start_factor": 0.25, "total_iters": 3}, [0.25, 0.5, 0.75, 1.0, 1.0]),
    "LambdaLR": ({"lr_lambda": lambda epoch: 1 / (epoch + 1)}, [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
    "MultiplicativeLR": ({"lr_lambda": lambda epoch: 0.5}, [1.0, 0.5, 0.25, 0.125, 0.0625]),
    "CosineAnnealingLR": ({"T_max": 4}, [1.0, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0.0]),
}


@behaviour("OPT-13", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_schedule(xp, check, name):
    """A schedule sets the rate of each group when it is made and after each of its steps."""
    options, expected = SCHEDULES[name]
    p = parameter(xp, 1.0)
    optimizer = xp.optim.SGD([{"params": [p]}, {"params": [parameter(xp, 1.0)], "lr": 2.0}], lr=1.0)
    scheduler = getattr(xp.optim.lr_scheduler, name)(optimizer, **options)
    rates = []
    for _ in expected:
        rates.append([group["lr"] for group in optimizer.param_groups])
        assert scheduler.get_last_lr() == rates[-1]
        optimizer.step()
        scheduler.step()
    check.close(np.array(rates), np.outer(expected, [1.0, 2.0]), atol=1e-12)


@behaviour("OPT-14", source=SOURCE, level="should", profile="namespace")
def test_order_of_steps(xp, check):
    """A schedule's first step before any of the optimizer's is warned of; in the right order there is no warning."""
    optimizer = xp.optim.SGD([parameter(xp, 1.0)], lr=1.0)
    scheduler = xp.optim.lr_scheduler.StepLR(optimizer, 1)
    with check.warns("UserWarning", "Detected call of `lr_scheduler.step()` before `optimizer.step()`"):
        scheduler.step()
    optimizer = xp.optim.SGD([parameter(xp, 1.0)], lr=1.0)
    scheduler = xp.optim.lr_scheduler.StepLR(optimizer, 1)
    with check.silent():
        optimizer.step()
        scheduler.step()


@behaviour("OPT-15", source=SOURCE, profile="namespace")
def test_resumed_schedule(xp):
    """A schedule that loads another's state goes on at its epoch."""
    optimizer = xp.optim.SGD([parameter(xp, 1.0)], lr=1.0)
    scheduler = xp.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    other = xp.optim.lr_scheduler.ExponentialLR(xp.optim.SGD([parameter(xp, 1.0)], lr=1.0), 0.9)
    other.load_state_dict(scheduler.state_dict())
    assert other.last_epoch == 1
    assert other.gamma == 0.5
    assert other.get_last_lr() == [0.5]
