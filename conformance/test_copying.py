"""Copies: copy, deepcopy, pickle and save; what of a tensor they carry along."""

import copy
import io
import pickle

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
NON_LEAF = "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol"


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def saved(xp, value):
    file = io.BytesIO()
    xp.save(value, file)
    file.seek(0)
    return xp.load(file)


def leaf_with_grad(xp):
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    return x


@behaviour("CPY-01", source=SOURCE, profile="namespace")
def test_deepcopy(xp, check):
    """A deep copy of a leaf requires grad as it does, with values and .grad of its own."""
    x = leaf_with_grad(xp)
    y = copy.deepcopy(x)
    y.grad.add_(1)
    assert y.requires_grad
    assert y.is_leaf
    assert y.data_ptr() != x.data_ptr()
    check.close(y.grad, [2.0, 2.0])
    check.close(x.grad, [1.0, 1.0])


@behaviour("CPY-02", source=SOURCE, level="should", profile="namespace")
def test_deepcopy_of_a_non_leaf(xp, check):
    """A deep copy of a computed tensor is refused."""
    with check.raises("RuntimeError", NON_LEAF):
        copy.deepcopy(xp.ones(1, requires_grad=True) * 2)


@behaviour("CPY-03", source=SOURCE, profile="namespace")
def test_deepcopy_once(xp):
    """A tensor that occurs twice is copied once."""
    x = xp.ones(1, requires_grad=True)
    a, b = copy.deepcopy([x, x])
    assert a is b


@behaviour("CPY-03", source=SOURCE, profile="namespace")
def test_deepcopy_of_a_detached(xp, check):
    """A computed tensor can be copied deeply once it is detached."""
    check.close(copy.deepcopy((xp.ones(1, requires_grad=True) * 2).detach()), [2.0])


@behaviour("CPY-08", source=SOURCE, profile="namespace")
def test_deepcopy_keeps_aliasing(xp, check):
    """Tensors that share memory share it in their deep copies too."""
    x = xp.arange(4.0)
    c, d = copy.deepcopy([x, x[1:3]])
    c[1] = 99
    check.close(d, [99.0, 2.0])
    check.close(x, [0.0, 1.0, 2.0, 3.0])


@behaviour("CPY-04", source=SOURCE, profile="namespace")
def test_copy(xp):
    """copy.copy of a leaf is another leaf over the same memory."""
    x = xp.ones(1, requires_grad=True)
    c = copy.copy(x)
    assert c is not x
    assert c.requires_grad
    assert c.is_leaf
    assert c.data_ptr() == x.data_ptr()


@behaviour("CPY-04", source=SOURCE, profile="namespace")
def test_copy_of_a_non_leaf(xp):
    """copy.copy of a computed tensor is a leaf that requires grad, over the same memory: no error, unlike deepcopy."""
    y = xp.ones(1, requires_grad=True) * 2
    c = copy.copy(y)
    assert c.is_leaf
    assert c.requires_grad
    assert c.data_ptr() == y.data_ptr()


@behaviour("CPY-05", source=SOURCE, profile="namespace")
def test_pickle(xp, check):
    """Pickle keeps requires_grad and drops .grad."""
    y = pickled(leaf_with_grad(xp))
    assert y.requires_grad
    check.none(y.grad)
    check.close(y, [1.0, 2.0])


@behaviour("CPY-06", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("travel", [lambda xp, y: pickled(y), saved], ids=["pickle", "save"])
def test_pickle_of_a_non_leaf(xp, check, travel):
    """A computed tensor comes back from pickle, and from save, as a leaf that requires grad."""
    z = travel(xp, xp.tensor([1.0, 2.0], requires_grad=True) * 2)
    check.close(z, [2.0, 4.0])
    assert z.is_leaf
    assert z.requires_grad


@behaviour("CPY-08", source=SOURCE, profile="namespace")
def test_pickle_loses_aliasing(xp, check):
    """Views pickled together come back with memory of their own."""
    x = xp.arange(4.0)
    a, b = pickled((x, x[1:3]))
    a[1] = 99
    check.close(b, [1.0, 2.0])


@behaviour("CPY-08", source=SOURCE, profile="namespace")
def test_save_keeps_aliasing(xp, check):
    """Views saved together come back sharing memory."""
    x = xp.arange(4.0)
    a, b = saved(xp, (x, x[1:3]))
    a[1] = 99
    check.close(b, [99.0, 2.0])


@behaviour("CPY-09", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("travel", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
def test_parameter(xp, travel):
    """A Parameter stays one."""
    assert isinstance(travel(xp.nn.Parameter(xp.ones(1))), xp.nn.Parameter)


@behaviour("CPY-11", source=SOURCE, level="may", profile="namespace")
def test_clone_of_an_expanded(xp):
    """clone() of an expanded tensor has memory for each element, and keeps the graph."""
    y = xp.ones(1, requires_grad=True).expand(3).clone()
    assert y.stride() == (1,)
    assert y.requires_grad


@behaviour("CPY-12", source=SOURCE, level="should", profile="namespace")
def test_module_with_a_non_leaf(xp, check):
    """A module that holds a computed tensor cannot be copied deeply."""
    module = xp.nn.Linear(1, 1)
    module.cache = module(xp.ones(1, 1))
    with check.raises("RuntimeError", NON_LEAF):
        copy.deepcopy(module)


@behaviour("CPY-14", source=SOURCE, level="may", profile="namespace")
def test_version_of_a_copy(xp):
    """A deep copy starts at version 1."""
    x = xp.ones(1)
    x.add_(1)
    assert x._version == 1
    assert copy.deepcopy(x)._version == 1
    assert copy.deepcopy(xp.ones(1))._version == 1


@behaviour("CPY-15", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("travel", [copy.deepcopy, copy.copy, pickled], ids=["deepcopy", "copy", "pickle"])
def test_attributes(xp, travel):
    """What the user notes on a tensor survives copies."""
    x = xp.ones(1, requires_grad=True)
    x.tag = 5
    assert travel(x).tag == 5


@behaviour("CPY-15", source=SOURCE, profile="namespace")
def test_attributes_and_ops(xp):
    """What the user notes on a tensor is not passed on to results."""
    x = xp.ones(1, requires_grad=True)
    x.tag = 5
    assert not hasattr(x * 1, "tag")
