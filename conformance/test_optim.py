"""torch.optim: groups, gradients set to None, steps and their values, and state."""

import copy

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def parameter(xp, *values):
    return xp.nn.Parameter(xp.tensor(list(values)))


# -- gradients


@behaviour("ACC-08", source=SOURCE, profile="namespace")
def test_zero_grad(xp, check):
    """Optimizer.zero_grad() sets gradients to None, not to zero."""
    p = parameter(xp, 1.0, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1)
    p.sum().backward()
    optimizer.zero_grad()
    check.none(p.grad)


@behaviour("ACC-09", source=SOURCE, profile="namespace")
def test_zero_grad_in_place(xp, check):
    """zero_grad(set_to_none=False) zeroes gradients in place."""
    p = parameter(xp, 1.0, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1)
    p.sum().backward()
    held = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is held
    check.equal(held, [0.0, 0.0])


@behaviour("ACC-10", source=SOURCE, profile="namespace")
def test_zero_grad_with_a_graph(xp, check):
    """zero_grad(set_to_none=False) takes a gradient out of its graph before it zeroes it."""
    p = parameter(xp, 1.0, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1)
    (p**2).sum().backward(create_graph=True)
    assert p.grad.grad_fn is not None
    optimizer.zero_grad(set_to_none=False)
    check.equal(p.grad, [0.0, 0.0])
    check.none(p.grad.grad_fn)


@behaviour("ACC-12", source=SOURCE, profile="namespace")
def test_none_and_zero(xp, check):
    """A step passes over a parameter without a gradient; one whose gradient is zero still moves, by its momentum."""
    for grad, expected in ((None, 0.0), (xp.zeros(1), -0.9)):
        p = parameter(xp, 1.0)
        optimizer = xp.optim.SGD([p], lr=1.0, momentum=0.9)
        p.grad = xp.ones(1)
        optimizer.step()
        p.grad = grad
        optimizer.step()
        check.close(p, [expected])


@behaviour("OPT-01", source=SOURCE, profile="namespace")
def test_zero_grad_between_passes(xp, check):
    """zero_grad() between forward and backward changes nothing: gradients are no part of the graph."""
    p = parameter(xp, 1.0)
    y = p * 2
    xp.optim.SGD([p], lr=0.1).zero_grad()
    y.backward()
    check.equal(p.grad, [2.0])


@behaviour("ACC-30", source=SOURCE, level="should", profile="namespace")
def test_step_between_passes(xp, check):
    """A step between forward and backward breaks the graphs that saved the parameter, and no others."""
    p = parameter(xp, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1)
    p.grad = xp.ones(1)
    unsaved, saved = p * 2, p * p
    optimizer.step()
    unsaved.backward()
    check.equal(p.grad, [3.0])
    with check.raises("RuntimeError", "modified by an inplace operation"):
        saved.backward()


# -- steps

# three steps down |p|**2 / 2 from (1, -2)
OPTIMIZERS = {
    "SGD": ({"lr": 0.1}, [0.729, -1.458]),
    "SGD-momentum": ({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.5}, [0.263125, -0.52625]),
    "SGD-nesterov": ({"lr": 0.1, "momentum": 0.9, "nesterov": True}, [0.327321, -0.654642]),
    "SGD-dampening": ({"lr": 0.1, "momentum": 0.5, "dampening": 0.5, "maximize": True}, [1.31775, -2.6355]),
    "Adam": ({"lr": 0.1}, [0.701586, -1.700623]),
    "Adam-amsgrad": ({"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "betas": (0.5, 0.5)}, [0.70105, -1.700107]),
    "AdamW": ({"lr": 0.1, "weight_decay": 0.5}, [0.574974, -1.431025]),
    "RMSprop": ({"lr": 0.1}, [0.0, -0.309687]),
    "RMSprop-centered": ({"lr": 0.1, "centered": True, "momentum": 0.5}, [-0.298191, 0.454475]),
    "Adagrad": ({"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.1}, [0.834711, -1.827818]),
}


def make(xp, name, params):
    """The optimizer of that name, with its options in the table."""
    return getattr(xp.optim, name.partition("-")[0])(params, **OPTIMIZERS[name][0])


def descend(p, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        ((p * p).sum() / 2).backward()
        optimizer.step()


@behaviour("OPT-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_three_steps(xp, check, name):
    """Three steps from (1, -2) down |p|**2 / 2 go where PyTorch's go."""
    p = xp.nn.Parameter(xp.tensor([1.0, -2.0], dtype=xp.float64))
    descend(p, make(xp, name, [p]), 3)
    check.close(p, OPTIMIZERS[name][1], atol=1e-6, rtol=0)


@behaviour("INP-35", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("name", "writes"), [("SGD", 1), ("Adam", 1), ("AdamW", 2), ("RMSprop", 1), ("Adagrad", 1)])
def test_version(xp, check, name, writes):
    """A step counts as one write into the parameter; AdamW's as two, since it decays the weights first."""
    p = parameter(xp, 1.0)
    p.grad = xp.ones(1)
    before = p._version
    make(xp, name, [p]).step()
    check.equal(p._version - before, writes)


@behaviour("EX-08", source=SOURCE, profile="namespace")
def test_step_is_not_recorded(xp, check):
    """A step is not recorded: the parameter stays the same leaf, over the same memory."""
    p = parameter(xp, 1.0)
    where = p.data_ptr()
    optimizer = xp.optim.SGD([p], lr=0.1)
    (p * 2).backward()
    optimizer.step()
    assert p.is_leaf
    assert p.requires_grad
    check.none(p.grad_fn)
    assert p.data_ptr() == where


@behaviour("EX-09", source=SOURCE, profile="namespace")
def test_closure(xp, check):
    """step(closure) calls it with gradients recorded, even inside no_grad, and gives what it gave."""
    p = parameter(xp, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * 2).sum()
        loss.backward()
        return loss

    with xp.no_grad():
        check.equal(optimizer.step(closure), 2.0)
    check.equal(p.grad, [2.0])
    check.close(p, [0.8])


@behaviour("OPT-03", source=SOURCE, profile="namespace")
def test_differentiable_step(xp, check):
    """A step with differentiable=True is recorded: gradients flow through it, to the parameter it started from."""
    p = parameter(xp, 2.0)
    moved = p.clone()
    moved.grad = moved.detach() * 3
    xp.optim.SGD([moved], lr=0.1, weight_decay=0.5, differentiable=True).step()
    check.close(moved, [1.3])
    moved.sum().backward()
    check.close(p.grad, [0.95])


# -- groups


@behaviour("OPT-04", source=SOURCE, profile="namespace")
def test_groups(xp, check):
    """Each group has its own options, the defaults where it names none, and may be changed between steps."""
    p, q = parameter(xp, 1.0), parameter(xp, 1.0)
    optimizer = xp.optim.SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.1)
    p.grad, q.grad = xp.ones(1), xp.ones(1)
    optimizer.step()
    check.close(p, [0.9])
    check.close(q, [0.5])
    optimizer.param_groups[0]["lr"] = 0.4
    optimizer.step()
    check.close(p, [0.5])
    check.close(q, [0.0])
    r = parameter(xp, 1.0)
    optimizer.add_param_group({"params": [r]})
    assert [group["lr"] for group in optimizer.param_groups] == [0.4, 0.5, 0.1]


@behaviour("EX-07", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        (lambda xp, p: [p * 2], "ValueError", "can't optimize a non-leaf Tensor"),
        (lambda xp, p: [], "ValueError", "optimizer got an empty parameter list"),
        (lambda xp, p: p, "TypeError", "params argument given to the optimizer should be an iterable of"),
        (lambda xp, p: [1.0], "TypeError", "optimizer can only optimize Tensors, but one of the params is float"),
        (lambda xp, p: [{"params": {p}}], "TypeError", "the ordering of tensors in sets will change between runs"),
        (lambda xp, p: [{"params": p}, {"params": p}], "ValueError", "some parameters appear in more than one"),
        (lambda xp, p: [("p", p), p], "ValueError", "Some param names are missing"),
    ],
    ids=["non-leaf", "empty", "lone", "number", "set", "twice", "names"],
)  # fmt: skip
def test_refused_parameters(xp, check, params, error, text):
    """An optimizer refuses what it cannot move, non-leaves first among them."""
    with check.raises(error, text):
        xp.optim.SGD(params(xp, parameter(xp, 1.0)), lr=0.1)


@behaviour("OPT-05", source=SOURCE, level="should", profile="namespace")
def test_duplicates(xp, check):
    """A parameter that is twice in one group is warned of."""
    p = parameter(xp, 1.0)
    with check.warns("UserWarning", "optimizer contains a parameter group with duplicate parameters"):
        xp.optim.SGD([p, p], lr=0.1)


@behaviour("OPT-06", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("SGD", {"lr": -1.0}, "Invalid learning rate: -1.0"),
        ("SGD", {"momentum": -1.0}, "Invalid momentum value: -1.0"),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("Adam", {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        ("Adam", {"betas": (1.0, 0.5)}, "Invalid beta parameter at index 0: 1.0"),
        ("Adam", {"betas": (0.5, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
        ("AdamW", {"weight_decay": -1.0}, "Invalid weight_decay value: -1.0"),
        ("RMSprop", {"alpha": -1.0}, "Invalid alpha value: -1.0"),
        ("Adagrad", {"lr_decay": -1.0}, "Invalid lr_decay value: -1.0"),
    ],
)
def test_refused_options(xp, check, name, options, text):
    """An optimizer refuses options out of range and names them."""
    with check.raises("ValueError", text):
        getattr(xp.optim, name)([parameter(xp, 1.0)], **options)


@behaviour("OPT-07", source=SOURCE, level="should", profile="namespace")
def test_printed_optimizer(xp, check):
    """An optimizer prints the options of each group in alphabetical order."""
    check.text(
        repr(xp.optim.SGD([parameter(xp, 1.0)], lr=0.1, momentum=0.9)),
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0.9\n    nesterov: False\n    weight_decay: 0\n)",
    )


# -- state


@behaviour("OPT-08", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_resumed(xp, check, name):
    """An optimizer that loads another's state goes on as that one does."""
    p = xp.nn.Parameter(xp.tensor([1.0, -2.0], dtype=xp.float64))
    first = make(xp, name, [p])
    descend(p, first, 2)
    q = xp.nn.Parameter(p.detach().clone())
    second = make(xp, name, [q])
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    descend(p, first, 2)
    descend(q, second, 2)
    check.equal(q, p)


@behaviour("OPT-09", source=SOURCE, profile="namespace")
def test_state_dict(xp, check):
    """state_dict() names parameters by place; those that moved have state, Adam's with a count of steps as a tensor."""
    p, q = parameter(xp, 1.0), parameter(xp, 1.0)
    optimizer = xp.optim.Adam([{"params": [p]}, {"params": [q]}], lr=0.1)
    assert optimizer.state_dict()["state"] == {}
    q.grad = xp.ones(1)
    optimizer.step()
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert list(state["state"]) == [1]
    assert sorted(state["state"][1]) == ["exp_avg", "exp_avg_sq", "step"]
    check.equal(state["state"][1]["step"], 1.0)
    assert state["state"][1]["exp_avg"] is optimizer.state[q]["exp_avg"]


@behaviour("OPT-10", source=SOURCE, level="should", profile="namespace")
def test_state_that_does_not_fit(xp, check):
    """State for other groups is refused; state in another type is brought to the parameter's."""
    p = parameter(xp, 1.0)
    optimizer = xp.optim.SGD([p], lr=0.1, momentum=0.9)
    state = xp.optim.SGD([parameter(xp, 1.0), parameter(xp, 1.0)], lr=0.1).state_dict()
    with check.raises("ValueError", "doesn't match the size of optimizer's group"):
        optimizer.load_state_dict(state)
    with check.raises("ValueError", "loaded state dict has a different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    held = optimizer.state_dict()
    held["state"] = {0: {"momentum_buffer": xp.ones(1, dtype=xp.float64)}}
    optimizer.load_state_dict(held)
    assert optimizer.state[p]["momentum_buffer"].dtype == xp.float32


@behaviour("OPT-11", source=SOURCE, profile="namespace")
def test_step_hooks(xp):
    """Hooks run before and after each step, until they are removed."""
    p, seen = parameter(xp, 1.0), []
    optimizer = xp.optim.SGD([p], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", p.item())))
    handle = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", o is optimizer)))
    p.grad = xp.ones(1)
    optimizer.step()
    handle.remove()
    p.grad = None
    optimizer.step()
    assert [name for name, _ in seen] == ["before", "after", "before"]
    assert seen[:2] == [("before", 1.0), ("after", True)]


@behaviour("OPT-12", source=SOURCE, profile="namespace")
def test_optimizer_of_ones_own(xp, check):
    """A subclass of Optimizer gets groups, state, defaults and hooks, and its step runs as it is written."""

    class Signs(xp.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @xp.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                    p.sub_(p.grad.sign(), alpha=group["lr"])

    p, seen = parameter(xp, 1.0, -2.0), []
    optimizer = Signs([p], lr=0.25)
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(o))
    (p * p).sum().backward()
    optimizer.step()
    check.equal(p, [0.75, -1.75])
    assert optimizer.state[p] == {"steps": 1}
    assert seen == [optimizer]


# -- training


@behaviour("OPT-16", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("name", "options"), [("SGD", {"lr": 0.5, "momentum": 0.9}), ("Adam", {"lr": 0.05})])
def test_training(xp, name, options):
    """A network of two layers learns the exclusive or."""
    xp.manual_seed(1)
    nn = xp.nn
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = xp.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = xp.tensor([[0.0], [1.0], [1.0], [0.0]])
    optimizer, criterion = getattr(xp.optim, name)(model.parameters(), **options), nn.BCEWithLogitsLoss()
    losses = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 < losses[0]
