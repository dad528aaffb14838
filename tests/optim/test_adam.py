"""Adam, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse
from tests.optim.training import compare, compare_in_single_precision

OPTIONS = [
    {},
    {"lr": 0.01, "weight_decay": 0.1},
    {"lr": 0.01, "amsgrad": True},
    {"lr": 0.01, "maximize": True, "betas": (0.5, 0.9)},
    {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training(options):
    """50 steps in float64 give PyTorch's losses, parameters, versions and state."""
    compare(lambda optim, params: optim.Adam(params, **options))


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_training_in_single_precision(options):
    """50 steps in float32 give PyTorch's losses to rounding."""
    compare_in_single_precision(lambda optim, params: optim.Adam(params, **options))


@pytest.mark.parametrize("amsgrad", [False, True])
def test_differentiable(amsgrad):
    """Steps with differentiable=True are recorded, the rate's part included."""

    def scene(xp):
        p, lr = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor(0.1, requires_grad=True)
        moved = p.clone()
        optimizer = xp.optim.Adam([moved], lr=lr, weight_decay=0.5, amsgrad=amsgrad, differentiable=True)
        moved.grad = moved.detach() * 3
        optimizer.step()
        (moved**2).sum().backward()
        return moved.detach(), p.grad, lr.grad

    agree(scene)


def test_betas_as_tensors():
    """The betas may be tensors of one element."""

    def scene(xp):
        p = xp.nn.Parameter(xp.ones(2))
        optimizer = xp.optim.Adam([p], betas=(xp.tensor(0.5), xp.tensor([0.9])))
        for _ in range(3):
            p.grad = p.detach() * 2
            optimizer.step()
        return p

    agree(scene)


def test_steps_are_counted():
    """The count of steps is a tensor of the default type."""

    def scene(xp):
        p = xp.nn.Parameter(xp.ones(1, dtype=xp.float64))
        p.grad = xp.ones(1, dtype=xp.float64)
        optimizer = xp.optim.Adam([p])
        optimizer.step()
        optimizer.step()
        return optimizer.state[p]

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -1.0}, {"eps": -1.0}, {"betas": (-0.1, 0.5)}, {"betas": (0.5, 1.0)}, {"betas": (0, 0.5)},
        {"weight_decay": -1.0}, {"fused": True, "foreach": True}, {"fused": True, "differentiable": True},
    ],
    ids=str,
)  # fmt: skip
def test_refused(options):
    """Options out of range are refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.Adam([xp.nn.Parameter(xp.ones(1))], **options))
