"""Stochastic gradient descent, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = [
    {},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "momentum": 0.5, "dampening": 0.3},
    {"lr": 0.01, "maximize": True},
    {"lr": 0.001, "momentum": 0.9, "weight_decay": 0.1, "maximize": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training(options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: optim.SGD(params, **options))


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_training_in_single_precision(options):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: optim.SGD(params, **options))


def test_lr_as_a_tensor():
    """The rate may be a tensor, which the optimizer reads at each step."""

    def scene(xp):
        p, lr = xp.nn.Parameter(xp.ones(2)), xp.tensor(0.5)
        optimizer = xp.optim.SGD([p], lr=lr)
        for rate in (0.5, 0.25):
            lr.fill_(rate)
            p.grad = xp.ones(2)
            optimizer.step()
        return p, optimizer.param_groups[0]["lr"] is lr

    agree(scene)


@pytest.mark.parametrize(("momentum", "steps"), [(0.0, 2), (0.9, 1)])  # a second step overwrites the saved momentum
def test_differentiable(momentum, steps):
    """Steps with differentiable=True are recorded, the rate's part included."""

    def scene(xp):
        p, lr = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor(0.1, requires_grad=True)
        moved = p.clone()
        optimizer = xp.optim.SGD([moved], lr=lr, momentum=momentum, weight_decay=0.5, differentiable=True)
        for _ in range(steps):
            moved.grad = moved.detach() * 3
            optimizer.step()
        (moved**2).sum().backward()
        return moved, p.grad, lr.grad

    agree(scene)


def test_order_of_momentum():
    """A parameter that gets its first gradient late starts its momentum then."""

    def scene(xp):
        p, q = xp.nn.Parameter(xp.ones(1)), xp.nn.Parameter(xp.ones(1))
        optimizer = xp.optim.SGD([p, q], lr=0.1, momentum=0.9, dampening=0.5)
        for step in range(3):
            p.grad, q.grad = xp.ones(1), xp.ones(1) if step else None
            optimizer.step()
        return p, q, [optimizer.state[x]["momentum_buffer"] for x in (p, q)]

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -1.0}, {"momentum": -0.1}, {"weight_decay": -0.1}, {"nesterov": True},
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, {"fused": True, "differentiable": True},
        {"fused": True, "foreach": True},
    ],
    ids=str,
)  # fmt: skip
def test_refused(options):
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], **options))


def test_rate_of_several_elements():
    """A rate must be one number."""
    refuse(lambda xp: xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=xp.ones(2)))
