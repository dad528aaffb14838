"""Modules as a whole, side by side with PyTorch."""

import copy
import pickle

import pytest

import refgrad
from tests.nn.twins import agree, grads, refuse


def network(xp):
    xp.manual_seed(0)
    nn = xp.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Dropout(), nn.LayerNorm(4)), nn.Linear(4, 1, bias=False))


def trained(xp):
    m = network(xp)
    m(xp.ones(2, 3)).sum().backward()
    return m


@pytest.mark.parametrize(
    "change",
    [
        lambda xp, m: m.double(),
        lambda xp, m: m.to(xp.float64),
        lambda xp, m: m.to("cpu"),
        lambda xp, m: m.to("cpu", xp.float64),
        lambda xp, m: m.to(dtype=xp.float64),
        lambda xp, m: m.to(xp.ones(1, dtype=xp.float64)),
        lambda xp, m: m.double().float(),
        lambda xp, m: m.half(),
        lambda xp, m: m.type(xp.float64),
        lambda xp, m: m.cpu(),
    ],
    ids=["double", "to dtype", "to device", "to both", "to keyword", "to tensor", "float", "half", "type", "cpu"],
)
def test_types(change):
    """A change of type keeps the Parameter objects, and brings gradients and buffers along."""

    def scene(xp):
        m = trained(xp)
        m.register_buffer("count", xp.zeros(1, dtype=xp.int64))
        m.register_buffer("mean", xp.zeros(1))
        before = list(m.parameters())
        assert change(xp, m) is m
        return [a is b for a, b in zip(before, m.parameters())], list(m.parameters()), grads(m), list(m.buffers())

    agree(scene)


def test_complex_type():
    """A complex type is warned of."""
    agree(lambda xp: [xp.nn.Linear(1, 1).to(xp.complex64).weight.dtype])


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: network(xp).to(xp.int64),
        lambda xp: network(xp).train("yes"),
        lambda xp: xp.nn.Module()(1),
        lambda xp: xp.nn.Module(1),
        lambda xp: xp.nn.Module(a=1),
        lambda xp: type("Net", (xp.nn.Module,), {})(1, 2),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(scene)


def test_arguments_for_a_second_base():
    """With call_super_init the arguments go on to the next base."""

    def scene(xp):
        base = type("Base", (), {"__init__": lambda self, value: setattr(self, "value", value)})
        mixed = type("Mixed", (xp.nn.Module, base), {"call_super_init": True})
        return mixed(3).value

    agree(scene)


def test_modes():
    """train, eval and requires_grad_ reach all modules below, and give the module."""

    def scene(xp):
        m = network(xp)
        modes = [each.training for each in (*m.modules(), *m.eval().modules(), *m[1].train().modules(), *m.modules())]
        return modes, m.requires_grad_(False) is m, [p.requires_grad for p in m.parameters()]

    agree(scene)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none):
    """zero_grad forgets gradients, or zeroes the objects that are there."""

    def scene(xp):
        m = trained(xp)
        before = grads(m)
        m.zero_grad(set_to_none=set_to_none)
        return before, [a is b for a, b in zip(before, grads(m))], grads(m)

    agree(scene)


def test_apply():
    """apply goes through children first."""

    def scene(xp):
        seen = []
        m = network(xp)
        return m.apply(lambda each: seen.append(repr(each))) is m, seen

    agree(scene)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies(again):
    """A copied module has parameters of its own, equal to the first's, without gradients, and the same names."""

    def scene(xp):
        m = trained(xp)
        twin = again(m)
        shared = [a is b or a.data_ptr() == b.data_ptr() for a, b in zip(m.parameters(), twin.parameters())]
        return shared, list(twin.named_parameters()), grads(twin), repr(twin), twin.eval()(xp.ones(1, 3))

    agree(scene)


def test_printed():
    """extra_repr may have several lines, and stands before the children."""

    def scene(xp):
        extra = {"extra_repr": lambda self: "one\ntwo"}
        m = type("Net", (xp.nn.Module,), extra)()
        alone = repr(m)
        m.child = xp.nn.Sequential(xp.nn.ReLU())
        m.none = None
        m.add_module("empty", None)
        return alone, repr(m)

    agree(scene)


def test_plain_attributes():
    """What is neither parameter, buffer nor module is an ordinary attribute."""

    def scene(xp):
        m = xp.nn.Module()
        m.x, m.t, m.layers = 3, xp.ones(1), [xp.nn.ReLU()]
        return m.x, m.t, len(m.layers), m.state_dict(), list(m.children())

    agree(scene)


def test_graph_is_freed():
    """A module keeps nothing of a pass: its parameters are the only tensors left."""
    import gc
    import weakref

    m = network(refgrad)
    y = m(refgrad.ones(2, 3))
    node = weakref.ref(y.grad_fn)
    gc.disable()
    try:
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()
