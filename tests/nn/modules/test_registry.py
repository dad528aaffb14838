"""What a module holds, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse


def network(xp):
    """A module with a parameter, two buffers, two children, one of them twice."""
    m = xp.nn.Module()
    m.p = xp.nn.Parameter(xp.ones(2))
    m.register_buffer("b", xp.zeros(1))
    m.register_buffer("c", xp.zeros(1), persistent=False)
    m.first = xp.nn.Linear(2, 2)
    m.rest = xp.nn.Sequential(xp.nn.ReLU(), xp.nn.Linear(2, 1))
    m.again = m.first
    return m


def names(m):
    """All the lists of names that a module gives."""
    return {
        "parameters": [n for n, _ in m.named_parameters()],
        "own parameters": [n for n, _ in m.named_parameters(prefix="x", recurse=False)],
        "all parameters": [n for n, _ in m.named_parameters(remove_duplicate=False)],
        "buffers": [n for n, _ in m.named_buffers()],
        "children": [n for n, _ in m.named_children()],
        "modules": [n for n, _ in m.named_modules(prefix="x")],
        "all modules": [n for n, _ in m.named_modules(remove_duplicate=False)],
        "counts": [len(list(each)) for each in (m.parameters(), m.buffers(), m.children(), m.modules())],
        "state": list(m.state_dict()),
        "dir": [n for n in ("p", "b", "first", "again", "0") if n in dir(m)],
    }


CHANGES = {
    "nothing": lambda xp, m: None,
    "parameter over attribute": lambda xp, m: [setattr(m, "a", 3), setattr(m, "a", xp.nn.Parameter(xp.ones(1)))],
    "parameter over buffer": lambda xp, m: setattr(m, "b", xp.nn.Parameter(xp.ones(1))),
    "parameter over module": lambda xp, m: setattr(m, "first", xp.nn.Parameter(xp.ones(1))),
    "module over attribute": lambda xp, m: [setattr(m, "a", 3), setattr(m, "a", xp.nn.Tanh())],
    "module over buffer": lambda xp, m: setattr(m, "c", xp.nn.Tanh()),
    "module over module": lambda xp, m: setattr(m, "first", xp.nn.Tanh()),
    "tensor over buffer": lambda xp, m: setattr(m, "c", xp.ones(3)),
    "buffer over attribute": lambda xp, m: setattr(m, "a", xp.nn.Buffer(xp.ones(1))),
    "none over parameter": lambda xp, m: setattr(m, "p", None),
    "none over module": lambda xp, m: setattr(m, "rest", None),
    "none over buffer": lambda xp, m: setattr(m, "b", None),
    "parameter deleted": lambda xp, m: delattr(m, "p"),
    "module deleted": lambda xp, m: delattr(m, "first"),
    "buffer deleted": lambda xp, m: delattr(m, "c"),
    "places": lambda xp, m: [m.register_parameter("q", None), m.register_buffer("d", None), m.add_module("n", None)],
    "shared parameter": lambda xp, m: setattr(m.rest, "p", m.p),
    "cycle-free sharing": lambda xp, m: setattr(m, "relu", m.rest[0]),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_changes(name):
    """After each kind of assignment and deletion, all the lists are PyTorch's."""

    def scene(xp):
        m = network(xp)
        CHANGES[name](xp, m)
        return names(m), repr(m)

    agree(scene)


REFUSED = {
    "tensor over parameter": lambda xp, m: setattr(m, "p", xp.ones(1)),
    "module over parameter": lambda xp, m: setattr(m, "p", xp.nn.Tanh()),
    "number over module": lambda xp, m: setattr(m, "first", 3),
    "number over buffer": lambda xp, m: setattr(m, "b", "x"),
    "tensor as parameter": lambda xp, m: m.register_parameter("q", xp.ones(1)),
    "number as buffer": lambda xp, m: m.register_buffer("q", 3.0),
    "class as module": lambda xp, m: m.add_module("q", xp.nn.ReLU),
    "number as name": lambda xp, m: m.register_parameter(3, None),
    "number as buffer's name": lambda xp, m: m.register_buffer(3, None),
    "dot in a parameter's name": lambda xp, m: m.register_parameter("a.b", None),
    "dot in a buffer's name": lambda xp, m: m.register_buffer("a.b", None),
    "dot in a module's name": lambda xp, m: m.add_module("a.b", None),
    "empty parameter's name": lambda xp, m: m.register_parameter("", None),
    "empty buffer's name": lambda xp, m: m.register_buffer("", None),
    "empty module's name": lambda xp, m: m.add_module("", None),
    "parameter's name taken": lambda xp, m: m.register_parameter("b", None),
    "buffer's name taken": lambda xp, m: m.register_buffer("forward", None),
    "module's name taken": lambda xp, m: m.add_module("p", None),
    "missing": lambda xp, m: m.missing,
    "missing to delete": lambda xp, m: delattr(m, "missing"),
    "missing submodule": lambda xp, m: m.get_submodule("rest.7"),
    "submodule that is none": lambda xp, m: m.get_submodule("p.x"),
    "missing parameter": lambda xp, m: m.get_parameter("first.x"),
    "parameter that is none": lambda xp, m: m.get_parameter("rest"),
    "missing buffer": lambda xp, m: m.get_buffer("first.x"),
    "buffer that is none": lambda xp, m: m.get_buffer("first.weight"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name):
    """What PyTorch refuses to hold or to find is refused in its words."""
    refuse(lambda xp: REFUSED[name](xp, network(xp)))


@pytest.mark.parametrize("value", ["parameter", "module"])
def test_before_init(value):
    """Before Module.__init__ nothing can be registered."""

    def scene(xp):
        held = xp.nn.Parameter(xp.ones(1)) if value == "parameter" else xp.nn.ReLU()
        early = type("Early", (xp.nn.Module,), {"__init__": lambda self: setattr(self, "a", held)})
        return early()

    refuse(scene)


def test_by_path():
    """Modules, parameters and buffers are found by their paths."""

    def scene(xp):
        m = network(xp)
        found = m.get_submodule("rest.1"), m.get_submodule(""), m.get_parameter("rest.1.bias"), m.get_buffer("b")
        return [each is held for each, held in zip(found, (m.rest[1], m, m.rest[1].bias, m.b), strict=True)]

    agree(scene)
