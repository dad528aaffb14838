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
    "PolynomialLR": {"total_iters": 6, "power": 0.9},
    "CosineAnnealingWarmRestarts": {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 3, "mode": "triangular2"},
    "OneCycleLR": {"max_lr": 0.3, "total_steps": 15},
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


def stepped(scheduler, count, *args):
    """The rates that each of ``count`` steps set."""
    rates = []
    for _ in range(count):
        scheduler.optimizer.step()
        scheduler.step(*args)
        rates.append(scheduler.get_last_lr())
    return rates


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "triangular"},
        {"mode": "exp_range", "gamma": 0.9, "step_size_down": 5},
        {"scale_fn": lambda x: 0.5**x, "scale_mode": "iterations"},
        {"cycle_momentum": False},
        {"base_momentum": [0.5, 0.6], "max_momentum": 0.7},
    ],
    ids=["triangular", "exp_range", "scale_fn", "no momentum", "momenta"],
)
def test_cycles(options):
    """A cycle's shape is the mode's, and the momentum goes against the rate."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        scheduler = xp.optim.lr_scheduler.CyclicLR(optimizer, 0.1, [1.0, 2.0], step_size_up=3, **options)
        momenta = []
        for _ in range(14):
            stepped(scheduler, 1)
            momenta.append([group["momentum"] for group in optimizer.param_groups])
        return scheduler.get_last_lr(), momenta

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [
        {"total_steps": 12, "three_phase": True},
        {"epochs": 3, "steps_per_epoch": 4, "anneal_strategy": "linear", "pct_start": 0.5},
        {"total_steps": 12, "cycle_momentum": False},
    ],
    ids=str,
)
def test_one_cycle(options):
    """One rise and one fall, in two phases or three, with Adam's first beta in the momentum's place."""

    def scene(xp):
        optimizer = xp.optim.Adam([xp.nn.Parameter(xp.ones(1))])
        scheduler = xp.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, **options)
        return [(stepped(scheduler, 1), optimizer.param_groups[0]["betas"]) for _ in range(11)]

    agree(scene)


@pytest.mark.parametrize("epochs", [[0.5, 1.25, 3.5, 9.0], [2, 7, 26]])
@pytest.mark.parametrize("T_mult", [1, 2])
def test_restarts_at(T_mult, epochs):
    """Warm restarts go to any epoch, whole or not, without a warning, and on from there."""

    def scene(xp):
        scheduler = xp.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of(xp), 3, T_mult)
        return [(stepped(scheduler, 1, epoch), stepped(scheduler, 2), scheduler.last_epoch) for epoch in epochs]

    agree(scene)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "max", "factor": 0.5},
        {"threshold": 0.1, "threshold_mode": "abs", "patience": 0},
        {"mode": "max", "threshold": 0.1, "threshold_mode": "abs", "patience": 0},
        {"cooldown": 2, "patience": 1, "min_lr": [0.1, 1.9]},
    ],
    ids=str,
)
def test_plateau(options):
    """A metric that no longer improves lowers the rates."""

    def scene(xp):
        scheduler = xp.optim.lr_scheduler.ReduceLROnPlateau(optimizer_of(xp), **{"patience": 2, **options})
        metrics = [1.0, 0.9, 0.95, 0.99, xp.tensor(0.9), 0.9, 1.0, 1.0, 1.0, 1.0, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2]
        rates = [stepped(scheduler, 1, metric) for metric in metrics]
        state = {k: v for k, v in scheduler.state_dict().items() if not k.startswith("_")}
        return rates, state, scheduler.in_cooldown

    agree(scene)


def test_plateau_with_another_group():
    """A group that comes later has the one least rate, and no rate where each group was given its own."""

    def scene(xp, **options):
        optimizer = optimizer_of(xp)
        scheduler = xp.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, **options)
        optimizer.add_param_group({"params": xp.nn.Parameter(xp.ones(1))})
        return stepped(scheduler, 2, 1.0)

    agree(lambda xp: scene(xp, min_lr=0.2))
    refuse(lambda xp: scene(xp, min_lr=[0.2, 0.3]))


def sequence(xp, optimizer):
    s = xp.optim.lr_scheduler
    parts = [s.ConstantLR(optimizer, 0.1, 2), s.ExponentialLR(optimizer, 0.5), s.LinearLR(optimizer)]
    return s.SequentialLR(optimizer, parts, [3, 7])


def chain(xp, optimizer):
    s = xp.optim.lr_scheduler
    return s.ChainedScheduler([s.ConstantLR(optimizer, 0.1, 2), s.ExponentialLR(optimizer, 0.9)], optimizer)


@pytest.mark.parametrize("make", [sequence, chain])
def test_composed(make):
    """Schedules follow one another, or act together, and go on from their state."""

    def scene(xp):
        optimizer = optimizer_of(xp)
        scheduler = make(xp, optimizer)
        rates = [scheduler.get_last_lr(), *stepped(scheduler, 6)]
        state = scheduler.state_dict()
        other = make(xp, optimizer_of(xp))
        other.load_state_dict(state)
        return rates, len(state["_schedulers"]), stepped(scheduler, 3), other.get_last_lr()

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
        lambda xp, s: s.CosineAnnealingWarmRestarts(optimizer_of(xp), 0),
        lambda xp, s: s.CosineAnnealingWarmRestarts(optimizer_of(xp), 2, T_mult=0),
        lambda xp, s: s.CosineAnnealingWarmRestarts(optimizer_of(xp), 2, eta_min="0"),
        lambda xp, s: s.CosineAnnealingWarmRestarts(optimizer_of(xp), 2).step(-1),
        lambda xp, s: s.CyclicLR(optimizer_of(xp), 0.1, 1.0, mode="square"),
        lambda xp, s: s.CyclicLR(optimizer_of(xp), [0.1], 1.0),
        lambda xp, s: s.CyclicLR(xp.optim.Adagrad([xp.nn.Parameter(xp.ones(1))]), 0.1, 1.0),
        lambda xp, s: s.CyclicLR(3, 0.1, 1.0),
        lambda xp, s: s.OneCycleLR(optimizer_of(xp), 1.0),
        lambda xp, s: s.OneCycleLR(optimizer_of(xp), 1.0, total_steps=0),
        lambda xp, s: s.OneCycleLR(optimizer_of(xp), 1.0, epochs=2, steps_per_epoch=-1),
        lambda xp, s: s.OneCycleLR(optimizer_of(xp), 1.0, total_steps=9, pct_start=2.0),
        lambda xp, s: s.OneCycleLR(optimizer_of(xp), 1.0, total_steps=9, anneal_strategy="exp"),
        lambda xp, s: stepped(s.OneCycleLR(optimizer_of(xp), 1.0, total_steps=2), 3),
        lambda xp, s: s.ReduceLROnPlateau(optimizer_of(xp), factor=1.0),
        lambda xp, s: s.ReduceLROnPlateau(3),
        lambda xp, s: s.ReduceLROnPlateau(optimizer_of(xp), mode="least"),
        lambda xp, s: s.ReduceLROnPlateau(optimizer_of(xp), threshold_mode="both"),
        lambda xp, s: s.ReduceLROnPlateau(optimizer_of(xp), min_lr=[0.1]),
        lambda xp, s: s.SequentialLR(optimizer_of(xp), [], []),
        lambda xp, s: s.SequentialLR(optimizer_of(xp), [3], []),
        lambda xp, s: s.ChainedScheduler([]),
        lambda xp, s: s.ChainedScheduler([s.ReduceLROnPlateau(optimizer_of(xp))]),
        lambda xp, s: s.ChainedScheduler([s.StepLR(optimizer_of(xp), 1), s.StepLR(optimizer_of(xp), 1)]),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(lambda xp: scene(xp, xp.optim.lr_scheduler))
