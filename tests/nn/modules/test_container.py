"""Containers, side by side with PyTorch."""

import operator
from collections import OrderedDict

import pytest

from tests.nn.twins import agree, refuse


def layers(nn, count=3):
    return [nn.Linear(1, i + 1) for i in range(count)]


SEQUENTIAL = {
    "index": lambda nn, m: [m[0], m[-1]],
    "slice": lambda nn, m: [m[1:], m[::2]],
    "set": lambda nn, m: [m.__setitem__(1, nn.Tanh()), m],
    "delete": lambda nn, m: [m.__delitem__(0), m, m.__delitem__(slice(1, None)), m],
    "append": lambda nn, m: m.append(nn.ReLU()),
    "insert": lambda nn, m: [m.insert(1, nn.ReLU()), m.insert(-1, nn.Tanh()), m.insert(5, nn.GELU())],
    "extend": lambda nn, m: m.extend([nn.ReLU(), nn.Tanh()]),
    "pop": lambda nn, m: [m.pop(1), m],
    "add": lambda nn, m: [m + nn.Sequential(nn.ReLU()), m],
    "add in place": lambda nn, m: m.__iadd__(nn.Sequential(nn.ReLU())),
    "times": lambda nn, m: [m * 2, 2 * m, m],
    "times in place": lambda nn, m: m.__imul__(3),
    "named": lambda nn, m: nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))[1:],
    "length": lambda nn, m: [len(m), list(m), [name for name in dir(m) if name.isdigit()]],
}


@pytest.mark.parametrize("name", list(SEQUENTIAL))
def test_sequential(name):
    """A Sequential is taken apart and put together as PyTorch's, names included."""
    agree(lambda xp: repr(SEQUENTIAL[name](xp.nn, xp.nn.Sequential(*layers(xp.nn)))))


@pytest.mark.parametrize(
    "scene",
    [
        lambda nn, m: m[3],
        lambda nn, m: m.__setitem__(-4, nn.ReLU()),
        lambda nn, m: operator.add(m, [nn.ReLU()]),
        lambda nn, m: m * 0,
        lambda nn, m: m * 1.5,
        lambda nn, m: m.insert(5, nn.ReLU()),
        lambda nn, m: m.append(3),
        lambda nn, m: nn.Sequential(3),
    ],
)
def test_refused_sequential(scene):
    """What PyTorch's Sequential refuses is refused in its words."""
    refuse(lambda xp: scene(xp.nn, xp.nn.Sequential(*layers(xp.nn))))


LISTS = {
    "index": lambda nn, m: [m[0], m[-1], m[1:]],
    "change": lambda nn, m: [m.append(nn.ReLU()), m.insert(0, nn.Tanh()), m.extend([nn.ReLU()]), m.pop(1), m],
    "delete": lambda nn, m: [m.__delitem__(slice(0, 2)), m],
    "add": lambda nn, m: [operator.add(m, [nn.ReLU()]), m.__iadd__([nn.ReLU(), nn.ReLU()])],
    "runs": lambda nn, m: nn.ModuleList(
        [nn.ReLU(), nn.ReLU(), nn.Tanh(), nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())]
    ),
    "empty": lambda nn, m: nn.ModuleList(),
}


@pytest.mark.parametrize("name", list(LISTS))
def test_list(name):
    """A ModuleList is taken apart and put together as PyTorch's, and prints runs of equal modules on one line."""
    agree(lambda xp: repr(LISTS[name](xp.nn, xp.nn.ModuleList(layers(xp.nn)))))


@pytest.mark.parametrize(
    "scene", [lambda nn, m: m[5], lambda nn, m: m.extend(3), lambda nn, m: m.append("a"), lambda nn, m: m(1)]
)
def test_refused_list(scene):
    """What PyTorch's ModuleList refuses is refused in its words."""
    refuse(lambda xp: scene(xp.nn, xp.nn.ModuleList(layers(xp.nn))))


def test_dictionary():
    """A ModuleDict is read and changed as PyTorch's, with its order."""

    def scene(xp):
        nn = xp.nn
        m = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
        m.update([("c", nn.Linear(1, 1))])
        m["b"] = nn.GELU()
        popped = m.pop("a")
        kept = repr(m), list(m.keys()), repr(list(m.values())), repr(list(m.items())), "a" in m, len(m), list(m)
        del m["b"]
        m.update(nn.ModuleDict({"d": nn.ReLU()}))
        left = repr(m)
        m.clear()
        return repr(popped), kept, left, repr(m)

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda nn: nn.ModuleDict(3),
        lambda nn: nn.ModuleDict([3]),
        lambda nn: nn.ModuleDict([("a",)]),
        lambda nn: nn.ModuleDict({"a": 3}),
        lambda nn: nn.ModuleDict({"a.b": nn.ReLU()}),
        lambda nn: nn.ModuleDict()["a"],
        lambda nn: nn.ParameterDict(3),
        lambda nn: nn.ParameterDict({3: 4}),
        lambda nn: nn.ParameterDict()(1),
        lambda nn: nn.ParameterList(3),
        lambda nn: nn.ParameterList()[0],
        lambda nn: nn.ParameterList()(1),
    ],
)
def test_refused_contents(scene):
    """What PyTorch's dictionaries and parameter lists refuse is refused in its words."""
    refuse(lambda xp: scene(xp.nn))


def test_parameter_list():
    """A ParameterList makes parameters of tensors, keeps the rest, and prints both."""

    def scene(xp):
        m = xp.nn.ParameterList([xp.ones(2), 3, xp.nn.Parameter(xp.ones(1, 2), requires_grad=False)])
        m.append(xp.zeros(1))
        m += [xp.ones(1, dtype=xp.float64)]
        m[0] = xp.zeros(3)
        return (
            repr(m),
            len(m),
            list(dict(m.named_parameters())),
            repr(m[1:3]),
            [type(v).__name__ for v in m],
            repr(m[-1]),
        )

    agree(scene)


def test_parameter_dict():
    """A ParameterDict takes a plain dictionary in the order of its keys, and other mappings as they come."""

    def scene(xp):
        m = xp.nn.ParameterDict({"b": xp.ones(2), "a": xp.zeros(1)})
        m.update(OrderedDict(z=xp.ones(1), y=3))
        m["c"] = xp.nn.Parameter(xp.ones(1))
        popped = m.pop("b")
        return (
            repr(m),
            list(m),
            list(m.keys()),
            "b" in m,
            len(m),
            popped,
            [type(v).__name__ for v in m.values()],
            m.state_dict(),
        )

    agree(scene)
