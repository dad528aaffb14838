"""State dictionaries, side by side with PyTorch."""

from collections import OrderedDict

import pytest

from tests.nn.twins import agree, refuse


def network(xp):
    xp.manual_seed(0)
    m = xp.nn.Sequential(xp.nn.Linear(2, 3), xp.nn.Sequential(xp.nn.Linear(3, 1)))
    m.register_buffer("mean", xp.zeros(()))
    m.register_buffer("scratch", xp.zeros(1), persistent=False)
    return m


def test_contents():
    """Keys, order, values and metadata are PyTorch's; the values share memory and require no grad."""

    def scene(xp):
        m = network(xp)
        state = m.state_dict()
        shared = state["0.weight"].data_ptr() == m[0].weight.data_ptr()
        kept = m.state_dict(keep_vars=True)["0.weight"] is m[0].weight
        return (
            state,
            dict(state._metadata),
            shared,
            kept,
            list(m[1].state_dict(prefix="x.")),
            type(state).__mro__[-3].__name__,
        )

    agree(scene)


def test_destination():
    """A destination is filled, and given back."""

    def scene(xp):
        target = OrderedDict(a=1)
        return network(xp).state_dict(destination=target) is target, list(target)

    agree(scene)


def test_positional_arguments():
    """Positional arguments still work, with a warning."""
    agree(lambda xp: list(network(xp).state_dict(OrderedDict(), "p.")))


LOADS = {
    "own": lambda xp, m: m.load_state_dict(m.state_dict()),
    "other": lambda xp, m: m.load_state_dict({k: v * 2 for k, v in m.state_dict().items()}),
    "other type": lambda xp, m: m.load_state_dict({k: v.double() for k, v in m.state_dict().items()}),
    "missing": lambda xp, m: m.load_state_dict({"0.weight": xp.ones(3, 2)}, strict=False),
    "unexpected": lambda xp, m: m.load_state_dict({**m.state_dict(), "x": 1, "1.0.x.y": 2, "5.z": 3}, strict=False),
    "one element for none": lambda xp, m: m.load_state_dict({**m.state_dict(), "mean": xp.ones(1)}),
    "assigned": lambda xp, m: m.load_state_dict({k: v.double() for k, v in m.state_dict().items()}, assign=True),
    "assigned parameters": lambda xp, m: m.load_state_dict(
        {k: xp.nn.Parameter(v, requires_grad=False) for k, v in m.state_dict().items()}, assign=True
    ),
    "from above": lambda xp, m: m[1].load_state_dict(
        {k[2:]: v for k, v in m.state_dict().items() if k.startswith("1.")}
    ),
}


@pytest.mark.parametrize("name", list(LOADS))
def test_load(name):
    """Loading gives PyTorch's answer and leaves PyTorch's values in the parameters that were there."""

    def scene(xp):
        m = network(xp)
        before = list(m.parameters())
        result = LOADS[name](xp, m)
        same = [a is b for a, b in zip(before, m.parameters())]
        return str(result), list(result), m.state_dict(), same, [p.requires_grad for p in m.parameters()]

    agree(scene)


@pytest.mark.parametrize(
    "state",
    [
        lambda xp, m: {},
        lambda xp, m: [1],
        lambda xp, m: {**m.state_dict(), "x": 1},
        lambda xp, m: {"x": 1, "1.0.x.y": 2, "0.weight": xp.ones(3, 2)},
        lambda xp, m: {**m.state_dict(), "0.weight": xp.ones(2, 3)},
        lambda xp, m: {**m.state_dict(), "0.weight": [1.0]},
        lambda xp, m: {**m.state_dict(), "mean": xp.ones(2)},
    ],
    ids=["empty", "list", "unexpected", "both", "shape", "no tensor", "0-d"],
)
def test_refused(state):
    """What does not fit is refused, all of it named in one error."""

    def scene(xp):
        m = network(xp)
        m.load_state_dict(state(xp, m))

    refuse(scene)


def test_extra_state():
    """What get_extra_state gives is saved under its own key, and handed to set_extra_state."""

    def scene(xp):
        class Counter(xp.nn.Module):
            count = 0

            def get_extra_state(self):
                return self.count

            def set_extra_state(self, state):
                self.count = state

        first, second = Counter(), Counter()
        first.count = 5
        state = first.state_dict(prefix="a.")
        second.load_state_dict(first.state_dict())
        return (
            dict(state),
            second.count,
            Counter().load_state_dict({}, strict=False),
            xp.nn.Linear(1, 1).load_state_dict({"_extra_state": 1}, strict=False),
        )

    agree(scene)


def test_hooks():
    """Hooks before and after saving and loading see, and may change, what goes through."""

    def scene(xp):
        m, seen = xp.nn.Linear(1, 1, bias=False), []
        m.register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append(("save", prefix, keep_vars)))
        m.register_state_dict_post_hook(lambda module, state, prefix, metadata: state.update(extra=1))
        m.register_load_state_dict_pre_hook(lambda module, state, prefix, *rest: seen.append(state.pop("extra")))
        m.register_load_state_dict_post_hook(lambda module, keys: seen.append(list(keys)))
        m.load_state_dict(m.state_dict())
        return seen

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda m: [m.register_state_dict_post_hook(lambda *args: 1), m.state_dict()],
        lambda m: [m.register_load_state_dict_post_hook(lambda *args: 1), m.load_state_dict(m.state_dict())],
    ],
)
def test_hooks_that_return(scene):
    """Hooks after saving or loading must not return anything."""
    refuse(lambda xp: scene(xp.nn.Linear(1, 1)))
