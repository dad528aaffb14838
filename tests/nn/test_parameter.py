"""Parameters and buffers, side by side with PyTorch."""

import copy
import pickle

import pytest

from tests.nn.twins import agree, refuse


def test_version_is_shared():
    """A Parameter counts writes together with the tensor it was made from."""

    def scene(xp):
        t = xp.ones(2)
        p = xp.nn.Parameter(t)
        t.add_(1)
        return p, p._version, p._is_view(), p.is_leaf

    agree(scene)


def test_of_a_view():
    """A Parameter of a view is no view."""

    def scene(xp):
        p = xp.nn.Parameter(xp.ones(2, 3)[0])
        return p._is_view(), p._base, p.storage_offset()

    agree(scene)


@pytest.mark.parametrize("data", [3, [1.0], "a"])
def test_of_no_tensor(data):
    """What is no tensor is refused."""
    refuse(lambda xp: xp.nn.Parameter(data))


def test_of_nothing():
    """Without data a Parameter is empty."""
    agree(lambda xp: [xp.nn.Parameter(), repr(xp.nn.Parameter())])


def test_subclass():
    """A subclass of Parameter prints its name, is registered, and gives plain tensors."""

    def scene(xp):
        special = type("Special", (xp.nn.Parameter,), {})
        module = xp.nn.Module()
        module.p = special(xp.ones(2))
        return repr(module.p), isinstance(module.p, special), type(module.p * 2).__name__, list(module.state_dict())

    agree(scene)


def test_shared_in_a_copy():
    """deepcopy keeps a Parameter that is there twice one object, and drops its gradient; pickle does too."""

    def scene(xp):
        p = xp.nn.Parameter(xp.ones(2))
        p.sum().backward()
        copied, pickled = copy.deepcopy([p, p]), pickle.loads(pickle.dumps([p, p]))
        return copied[0] is copied[1], pickled[0] is pickled[1], copied[0].grad, pickled[0].grad, repr(pickled[0])

    agree(scene)


def test_buffer():
    """A Buffer is a plain tensor that isinstance knows, and its persistence is the module's."""

    def scene(xp):
        module = xp.nn.Module()
        module.a, module.b = xp.nn.Buffer(xp.ones(1)), xp.nn.Buffer(xp.ones(1), persistent=False)
        known = isinstance(module.a, xp.nn.Buffer), isinstance(xp.ones(1), xp.nn.Buffer)
        return known, type(module.a).__name__, module.state_dict(), list(dict(module.named_buffers()))

    agree(scene)
