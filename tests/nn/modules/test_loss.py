"""Losses, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, through


def scores(xp):
    return xp.tensor([[0.2, -0.4, 1.0], [0.7, 0.1, -2.0]], requires_grad=True)


def probabilities(xp):
    return xp.tensor([[0.2, 0.4, 0.9], [0.7, 0.1, 0.5]], requires_grad=True)


def targets(xp):
    return xp.tensor([[0.0, 1.0, 1.0], [0.5, 0.0, 0.25]])


def classes(xp):
    return xp.tensor([2, 0])


def weight(xp):
    return xp.tensor([1.0, 2.0, 3.0])


CASES = {
    "L1Loss": (lambda xp, r: xp.nn.L1Loss(reduction=r), scores, targets),
    "MSELoss": (lambda xp, r: xp.nn.MSELoss(reduction=r), scores, targets),
    "SmoothL1Loss": (lambda xp, r: xp.nn.SmoothL1Loss(reduction=r, beta=0.5), scores, targets),
    "HuberLoss": (lambda xp, r: xp.nn.HuberLoss(reduction=r, delta=0.5), scores, targets),
    "NLLLoss": (lambda xp, r: xp.nn.NLLLoss(weight(xp), reduction=r), scores, classes),
    "NLLLoss-ignore": (lambda xp, r: xp.nn.NLLLoss(ignore_index=2, reduction=r), scores, classes),
    "CrossEntropyLoss": (lambda xp, r: xp.nn.CrossEntropyLoss(reduction=r), scores, classes),
    "CrossEntropyLoss-weighted": (lambda xp, r: xp.nn.CrossEntropyLoss(weight(xp), reduction=r), scores, classes),
    "CrossEntropyLoss-smoothed": (
        lambda xp, r: xp.nn.CrossEntropyLoss(reduction=r, label_smoothing=0.1), scores, classes,
    ),
    "CrossEntropyLoss-probabilities": (lambda xp, r: xp.nn.CrossEntropyLoss(reduction=r), scores, targets),
    "BCELoss": (lambda xp, r: xp.nn.BCELoss(weight(xp), reduction=r), probabilities, targets),
    "BCEWithLogitsLoss": (lambda xp, r: xp.nn.BCEWithLogitsLoss(reduction=r), scores, targets),
    "BCEWithLogitsLoss-weighted": (
        lambda xp, r: xp.nn.BCEWithLogitsLoss(weight(xp), reduction=r, pos_weight=weight(xp)), scores, targets,
    ),
}  # fmt: skip


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", list(CASES))
def test_through(name, reduction):
    """Loss, gradients, state and printed form are PyTorch's, with each reduction."""
    make, *inputs = CASES[name]
    agree(through(lambda xp: make(xp, reduction), *inputs))


@pytest.mark.parametrize(
    "options", [{"size_average": False}, {"reduce": False}, {"size_average": True, "reduce": True}], ids=str
)
def test_old_names_of_reductions(options):
    """size_average and reduce still name a reduction, with a warning."""
    agree(lambda xp: xp.nn.MSELoss(**options).reduction)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: xp.nn.HuberLoss(delta="1"),
        lambda xp: xp.nn.MSELoss(reduction="middle")(xp.ones(1), xp.ones(1)),
        lambda xp: xp.nn.CrossEntropyLoss()(scores(xp), xp.tensor([0, 3])),
        lambda xp: xp.nn.BCELoss()(xp.tensor([2.0]), xp.tensor([1.0])),
    ],
    ids=["delta", "reduction", "class", "range"],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(scene)
