"""The optimizers that are no more than a rule for each element, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = {
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1}, {"maximize": True}],
    "Adamax": [{}, {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1}, {"maximize": True}],
    "NAdam": [
        {},
        {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1, "momentum_decay": 0.1},
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {"maximize": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1},
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {"maximize": True},
    ],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 20, "weight_decay": 0.1}, {"t0": 0, "maximize": True}],
    "Rprop": [{}, {"lr": 0.001, "etas": (0.3, 1.5), "step_sizes": (1e-4, 0.02)}, {"maximize": True}],
}
REFUSED = {
    "Adadelta": [{"lr": -1.0}, {"rho": 1.5}, {"eps": -1.0}, {"weight_decay": -1.0}],
    "Adamax": [{"lr": -1.0}, {"betas": (1.0, 0.5)}, {"betas": (0.5, -0.1)}, {"eps": -1.0}, {"weight_decay": -1.0}],
    "NAdam": [
        {"lr": -1.0}, {"betas": (1.0, 0.5)}, {"eps": -1.0}, {"weight_decay": -1.0}, {"momentum_decay": -1.0},
    ],
    "RAdam": [{"lr": -1.0}, {"betas": (1.0, 0.5)}, {"eps": -1.0}, {"weight_decay": -1.0}],
    "ASGD": [{"lr": -1.0}, {"weight_decay": -1.0}],
    "Rprop": [{"lr": -1.0}, {"etas": (1.5, 2.0)}, {"etas": (0.5, 0.9)}],
}  # fmt: skip


def cases(table):
    return [pytest.param(name, options, id=f"{name}-{options}") for name in table for options in table[name]]


@pytest.mark.parametrize(("name", "options"), cases(OPTIONS))
def test_training(name, options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: getattr(optim, name)(params, **options))


@pytest.mark.parametrize("name", OPTIONS)
def test_training_in_single_precision(name):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: getattr(optim, name)(params))


@pytest.mark.parametrize("name", OPTIONS)
def test_differentiable(name):
    """Steps with differentiable=True are recorded."""

    def scene(xp):
        p = xp.tensor([1.0, 2.0, -3.0], requires_grad=True)
        moved = p.clone()
        optimizer = getattr(xp.optim, name)([moved], differentiable=True)
        moved.grad = moved.detach() * 3
        optimizer.step()
        (moved**2).sum().backward()
        return moved, p.grad

    agree(scene)


@pytest.mark.parametrize("name", OPTIONS)
def test_rate_as_a_tensor(name):
    """The learning rate may be a tensor of one element."""

    def scene(xp):
        p = xp.nn.Parameter(xp.ones(2))
        optimizer = getattr(xp.optim, name)([p], lr=xp.tensor([0.1]))
        for _ in range(3):
            p.grad = p.detach() * 2
            optimizer.step()
        return p, optimizer.state[p]

    agree(scene)


@pytest.mark.parametrize(("name", "options"), cases(REFUSED))
def test_refused(name, options):
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: getattr(xp.optim, name)([xp.nn.Parameter(xp.ones(1))], **options))
