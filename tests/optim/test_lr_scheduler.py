"""Learning-rate schedules, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse

SCHEDULES = {
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": [2, 5, 5], "gamma": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "ConstantLR": {"factor": 0.25, "total_iters": 4},
    "LinearLR": {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 4},
    "LambdaLR": {"lr_lambda": lambda epoch: 0.95**epoch},
    "MultiplicativeLR": {"lr_lambda": lambda epoch: 1 / (epoch + 1)},
    "CosineAnnealingLR": {"T_max": 5, "eta_min": 0.01},
}


def optimizer_of(xp, lr=0.5):
    groups = [{"params": [xp.nn.Parameter(xp.ones(1))]}, {"params": [xp.nn.Parameter(xp.ones(1))], "lr": 2.0}]
    return xp.optim.SGD(groups, lr=lr)


def scheduler_of(xp, name, optimizer, **options):
    return getattr(xp.optim.lr_scheduler, name)(optimizer, **SCHEDULES[name], **options)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_rates(name):
    """The rates of 14 epochs are PyTorch's, for each group, and so is the state in the end."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        scheduler = scheduler_of(xp, name, optimizer)
        rates = [scheduler.get_last_lr()]
        for _ in range(14):
            optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        state = {k: v for k, v in scheduler.state_dict().items() if not k.startswith("_")}
        return rates, [group["initial_lr"] for group in optimizer.param_groups], dict(state)

    agree(scene)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_rate_as_a_tensor(name):
    """A rate that is a tensor is written to."""

    def scene(xp):
        lr = xp.tensor(0.5)
        optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=lr)
        scheduler = scheduler_of(xp, name, optimizer)
        for _ in range(4):
            optimizer.step()
            scheduler.step()
        return lr, optimizer.param_groups[0]["lr"] is lr

    agree(scene)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_epoch(name):
    """A step to an epoch is deprecated, and goes by the closed form where there is one."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        scheduler = scheduler_of(xp, name, optimizer)
        optimizer.step()
        scheduler.step(4)
        return scheduler.get_last_lr(), scheduler.last_epoch

    agree(scene)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_resumed(name):
    """A schedule that is made for a later epoch, or that loads another's state, goes on there."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        first = scheduler_of(xp, name, optimizer)
        for _ in range(3):
            optimizer.step()
            first.step()
        second = scheduler_of(xp, name, optimizer, last_epoch=3)
        made = second.get_last_lr()
        second.load_state_dict(first.state_dict())
        second.step()
        return made, second.get_last_lr(), second.last_epoch

    agree(scene)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_rate_asked_for(name):
    """get_lr() is for step() to call; anyone else is told so."""
    agree(lambda xp: len(scheduler_of(xp, name, optimizer_of(xp)).get_lr()))


def test_order():
    """A schedule's step before the optimizer's is warned of once it is the first."""

    def scene(xp):
        scheduler = scheduler_of(xp, "StepLR", optimizer_of(xp))
        scheduler.step()
        scheduler.step()

    agree(scene)


def test_step_before_the_schedule():
    """Steps before the schedule was made do not count as the optimizer's first."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        optimizer.step()
        scheduler_of(xp, "StepLR", optimizer).step()

    agree(scene)


def test_replaced_step():
    """A step that was replaced after the schedule was made is warned of."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        scheduler = scheduler_of(xp, "StepLR", optimizer)
        optimizer.step = lambda closure=None: None
        optimizer.step()
        scheduler.step()

    agree(scene)


def test_functions_of_state():
    """Of the functions of a LambdaLR, callable objects keep what they hold."""

    def scene(xp):
        class Decay:
            factor = 0.5

            def __call__(self, epoch):
                return self.factor**epoch

        optimizer, decay = optimizer_of(xp), Decay()
        decay.factor = 0.25
        scheduler = xp.optim.lr_scheduler.LambdaLR(optimizer, [decay, lambda epoch: 1.0])
        state = scheduler.state_dict()
        decay.factor = 0.9
        scheduler.load_state_dict(state)
        return state["lr_lambdas"], decay.factor, scheduler.get_last_lr()

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp, s: s.StepLR(3, 1),
        lambda xp, s: s.StepLR(optimizer_of(xp), 1, last_epoch=2),
        lambda xp, s: s.LambdaLR(optimizer_of(xp), [lambda epoch: 1.0]),
        lambda xp, s: s.MultiplicativeLR(optimizer_of(xp), 3),
        lambda xp, s: s.ConstantLR(optimizer_of(xp), factor=2.0),
        lambda xp, s: s.LinearLR(optimizer_of(xp), start_factor=0.0),
        lambda xp, s: s.LinearLR(optimizer_of(xp), end_factor=1.5),
        lambda xp, s: s.LRScheduler(optimizer_of(xp)),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(lambda xp: scene(xp, xp.optim.lr_scheduler))
