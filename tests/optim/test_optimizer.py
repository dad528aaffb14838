"""Groups, state, hooks and errors of optimizers, side by side with PyTorch."""

import copy
import pickle

import pytest

from tests.nn.twins import agree, refuse


def parameter(xp, *shape):
    return xp.nn.Parameter(xp.ones(*shape))


def stepped(xp, optimizer, times=2):
    for _ in range(times):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = xp.ones_like(p)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize(
    "params",
    [
        lambda xp: [parameter(xp, 2)],
        lambda xp: (parameter(xp, i + 1) for i in range(2)),
        lambda xp: [{"params": parameter(xp, 1)}, {"params": [parameter(xp, 2)], "lr": 0.5}],
        lambda xp: xp.nn.Linear(2, 1).named_parameters(),
        lambda xp: [{"params": [("a", parameter(xp, 1))], "lr": 2.0}],
        lambda xp: [xp.ones(1, requires_grad=False)],
    ],
    ids=["list", "generator", "groups", "named", "named group", "constant"],
)
def test_groups(params):
    """What PyTorch takes for parameters makes the same groups."""

    def scene(xp):
        optimizer = xp.optim.SGD(params(xp), lr=0.1)
        groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        sizes = [[tuple(p.shape) for p in group["params"]] for group in optimizer.param_groups]
        return groups, sizes, repr(optimizer), optimizer.state_dict(), optimizer.defaults

    agree(scene)


def retained(xp):
    h = parameter(xp, 1) * 1
    h.retain_grad()
    return h


REFUSED = {
    "non-leaf": lambda xp: [parameter(xp, 1) * 2],
    "empty": lambda xp: [],
    "lone": lambda xp: parameter(xp, 1),
    "number": lambda xp: [1.0],
    "string": lambda xp: ["ab"],
    "set": lambda xp: [{"params": {parameter(xp, 1)}}],
    "mixed": lambda xp: [{"params": [parameter(xp, 1)]}, parameter(xp, 1)],
    "some names": lambda xp: [("a", parameter(xp, 1)), parameter(xp, 1)],
    "names in one group": lambda xp: [{"params": [("a", parameter(xp, 1))]}, {"params": [parameter(xp, 1)]}],
    "no names in the second": lambda xp: [{"params": [parameter(xp, 1)]}, {"params": [("a", parameter(xp, 1))]}],
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused_parameters(name):
    """What cannot be optimized is refused in PyTorch's words."""
    refuse(lambda xp: xp.optim.SGD(REFUSED[name](xp), lr=0.1))


def test_in_two_groups():
    """A parameter can be in one group only."""

    def scene(xp):
        p = parameter(xp, 1)
        return xp.optim.SGD([{"params": p}, {"params": p}], lr=0.1)

    refuse(scene)


def test_twice_in_a_group():
    """A parameter that is twice in a group is warned of."""

    def scene(xp):
        p = parameter(xp, 1)
        return len(xp.optim.SGD([p, p], lr=0.1).param_groups[0]["params"])

    agree(scene)


def test_retained_non_leaf():
    """A non-leaf that retains its gradient can be optimized."""

    def scene(xp):
        h = retained(xp)
        optimizer = xp.optim.SGD([h], lr=0.5)
        (h * 2).sum().backward()
        optimizer.step()
        return h.detach(), h.grad

    agree(scene)


def test_required_option():
    """An option without a default has to be in each group."""

    def scene(xp):
        from importlib import import_module

        module = import_module(f"{xp.__name__}.optim.optimizer")
        return xp.optim.Optimizer([{"params": parameter(xp, 1)}], {"lr": module.required})

    refuse(scene)


@pytest.mark.parametrize("group", [3, [1]])
def test_no_group(group):
    """A group has to be a dictionary."""
    refuse(lambda xp: xp.optim.SGD([parameter(xp, 1)], lr=0.1).add_param_group(group))


def test_step_of_the_base():
    """The base class has no step of its own."""
    refuse(lambda xp: xp.optim.Optimizer([parameter(xp, 1)], {}).step())


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none):
    """Gradients are forgotten, or taken out of their graph and zeroed in place."""

    def scene(xp):
        p, q, r = (xp.nn.Parameter(xp.ones(1)) for _ in range(3))
        (p**2).sum().backward(create_graph=True)
        (q * 2).sum().backward()
        before = [p.grad, q.grad, r.grad]
        xp.optim.SGD([p, q, r], lr=0.1).zero_grad(set_to_none)
        return [x.grad for x in (p, q, r)], [x.grad is g for x, g in zip((p, q, r), before)]

    agree(scene)


OPTIMIZERS = {
    "SGD": {"momentum": 0.9}, "Adam": {"amsgrad": True}, "AdamW": {}, "RMSprop": {"centered": True}, "Adagrad": {},
}  # fmt: skip


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_state_round_trip(name):
    """State goes from one optimizer to another, options along, and both go on alike."""

    def scene(xp):
        def make(lr):
            params = [parameter(xp, 2), parameter(xp, 1, 2)]
            return xp.optim.__dict__[name]([{"params": params[:1]}, {"params": params[1:]}], lr=lr, **OPTIMIZERS[name])

        first, second = stepped(xp, make(0.1)), make(0.7)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        stepped(xp, second)
        return first.state_dict(), second.state_dict(), [p for g in second.param_groups for p in g["params"]]

    agree(scene)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_copies(again):
    """A copied optimizer moves copies of the parameters, from the state there was."""

    def scene(xp):
        optimizer = stepped(xp, xp.optim.SGD([parameter(xp, 2)], lr=0.1, momentum=0.9))
        twin = stepped(xp, again(optimizer))
        return (
            optimizer.state_dict(),
            twin.state_dict(),
            optimizer.param_groups[0]["params"],
            twin.param_groups[0]["params"],
        )

    agree(scene)


def test_state_in_another_type():
    """Loaded state is brought to its parameter's type, but for the count of steps; unknown keys are kept."""

    def scene(xp):
        p = parameter(xp, 1)
        optimizer = xp.optim.Adam([p])
        held = optimizer.state_dict()
        one = xp.ones(1, dtype=xp.float64)
        held["state"] = {0: {"step": one, "exp_avg": one, "list": [one, 3]}, "other": 5}
        optimizer.load_state_dict(held)
        return optimizer.state[p], optimizer.state["other"]

    agree(scene)


def test_state_of_other_groups():
    """State of another number of groups, or of parameters, is refused."""

    def scene(xp, *sizes):
        held = xp.optim.SGD([{"params": [parameter(xp, 1) for _ in range(n)]} for n in sizes], lr=0.1).state_dict()
        xp.optim.SGD([parameter(xp, 1)], lr=0.1).load_state_dict(held)

    refuse(lambda xp: scene(xp, 1, 1))
    refuse(lambda xp: scene(xp, 2))


def test_step_hooks():
    """Hooks see the optimizer and the arguments of its step, and a pre-hook may give others."""

    def scene(xp):
        seen = []
        optimizer = xp.optim.SGD([parameter(xp, 1)], lr=0.1)
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append((o is args[0], len(args), kwargs)))
        optimizer.register_step_pre_hook(lambda o, args, kwargs: ((args[0],), {"closure": lambda: 7}))
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(sorted(kwargs)))
        return optimizer.step(), seen

    agree(scene)


def test_pair_that_is_none():
    """A pre-hook may give nothing but a pair."""

    def scene(xp):
        optimizer = xp.optim.SGD([parameter(xp, 1)], lr=0.1)
        optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
        try:
            optimizer.step()
        except RuntimeError as error:  # its text starts with the address of a function
            raise RuntimeError(str(error).partition("must return")[2]) from None

    refuse(scene)


def test_state_hooks():
    """Hooks before and after saving and loading see, and may replace, what goes through."""

    def scene(xp):
        seen = []
        optimizer = xp.optim.SGD([parameter(xp, 1)], lr=0.1)
        optimizer.register_state_dict_pre_hook(lambda o: seen.append("before saving"))
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
        optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append(state.pop("extra")))
        optimizer.register_load_state_dict_post_hook(lambda o: seen.append("after loading"))
        optimizer.load_state_dict(optimizer.state_dict())
        return seen

    agree(scene)


def test_closure():
    """A closure runs with gradients recorded, before the step, once."""

    def scene(xp):
        p, seen = parameter(xp, 1), []
        optimizer = xp.optim.SGD([p], lr=0.5)

        def closure():
            seen.append((xp.is_grad_enabled(), p.item()))
            optimizer.zero_grad()
            loss = (p * 3).sum()
            loss.backward()
            return loss

        with xp.no_grad():
            loss = optimizer.step(closure)
        return loss, p, seen, xp.is_grad_enabled()

    agree(scene)


def test_grad_mode_after_an_error():
    """A closure that fails leaves grad mode as it was."""

    def scene(xp):
        optimizer = xp.optim.SGD([parameter(xp, 1)], lr=0.5)
        try:
            optimizer.step(lambda: 1 / 0)
        except ZeroDivisionError:
            return xp.is_grad_enabled()

    agree(scene)


def test_optimizer_of_ones_own():
    """A subclass gets hooks around the step that it defines, once, also where it calls that of its base."""

    def scene(xp):
        seen = []

        class Loud(xp.optim.SGD):
            def step(self, closure=None):
                seen.append("step")
                return super().step(closure)

        optimizer = Loud([parameter(xp, 1)], lr=0.1)
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("hook"))
        stepped(xp, optimizer, 1)
        return seen[0], seen[-1], optimizer.param_groups[0]["params"], repr(optimizer)

    agree(scene)
