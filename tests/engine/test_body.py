"""The bodies of ops: one compiled text for all ops of a shape, with each op's own names in it."""

import inspect
import traceback

import pytest

import refgrad
from refgrad.engine import ops
from refgrad.engine.body import compiled, shape


@pytest.mark.parametrize(("one", "other"), [(ops.sin, ops.cos), (ops.sinh, ops.cosh)])
def test_shared(one, other):
    """Two ops of one shape run the same code, but for its names."""
    assert shape(one.op, "function") == shape(other.op, "function")
    assert one.__code__.co_code == other.__code__.co_code == compiled(shape(one.op, "function")).co_code
    assert (one.__name__, one.__code__.co_name) == (one.op.name, one.op.name)


def test_names():
    """Inputs and parameters are known by the forward's names, in a call and to who asks for a signature."""
    assert str(inspect.signature(ops.maximum)) == "(input, other, *, out=None)"
    assert ops.maximum(other=refgrad.tensor(2.0), input=refgrad.tensor(1.0)).item() == 2.0
    with pytest.raises(TypeError, match=r"maximum\(\) missing 1 required positional argument: 'other'"):
        ops.maximum(refgrad.tensor(1.0))


def test_defaults():
    """Parameters keep the forward's defaults, by position and by keyword."""
    x, y = refgrad.tensor(1.0), refgrad.tensor(2.0)
    assert ops.add(x, y).item() == 3.0
    assert ops.add(x, y, alpha=3).item() == 7.0
    assert refgrad.tensor(1.0).add_(y, alpha=3).item() == 7.0


def test_star():
    """An op of many inputs passes its parameters on by name."""
    assert refgrad.cat((refgrad.ones(1, 2), refgrad.ones(1, 2)), dim=1).shape == (1, 4)


def test_traceback():
    """A traceback shows the lines of a body, which no file holds."""
    with pytest.raises(RuntimeError) as caught:
        ops.maximum(refgrad.ones(2), refgrad.ones(3))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert any(frame.name == "maximum" and frame.line for frame in frames)
