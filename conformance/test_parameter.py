"""torch.nn.Parameter: a leaf that a module owns."""

import copy
import pickle

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("LEAF-40", source=SOURCE, profile="namespace")
def test_parameter(xp):
    """A Parameter is a leaf that requires grad, outside the graph of what it was made from, over the same memory."""
    h = xp.tensor([1.0], requires_grad=True) * 2
    p = xp.nn.Parameter(h)
    assert p.is_leaf
    assert p.requires_grad
    assert p.grad_fn is None
    assert p.data_ptr() == h.data_ptr()


@behaviour("LEAF-41", source=SOURCE, level="should", profile="namespace")
def test_parameter_of_integers(xp, check):
    """A Parameter of integers is refused unless requires_grad is False."""
    assert not xp.nn.Parameter(xp.ones(2, dtype=xp.int64), requires_grad=False).requires_grad
    with check.raises("RuntimeError", "can require gradients"):
        xp.nn.Parameter(xp.ones(2, dtype=xp.int64))


@behaviour("LEAF-57", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("use", [lambda p: p * 2, lambda p: p.detach(), lambda p: p.data], ids=["*", "detach", "data"])
def test_what_a_parameter_gives(xp, use):
    """Arithmetic with a Parameter, its detached tensor and its data are plain tensors."""
    assert type(use(xp.nn.Parameter(xp.ones(1)))) is xp.Tensor


@behaviour("NNM-01", source=SOURCE, level="should", profile="namespace")
def test_printed_parameter(xp, check):
    """A Parameter prints as its tensor below the words "Parameter containing:"."""
    p = xp.nn.Parameter(xp.tensor([1.0, 2.5]))
    check.text(repr(p), "Parameter containing:\ntensor([1.0000, 2.5000], requires_grad=True)")
    check.text(repr(xp.nn.Parameter(xp.ones(1), requires_grad=False)), "Parameter containing:\ntensor([1.])")


@behaviour("BWD-54", source=SOURCE, profile="namespace")
def test_backward_from_a_parameter(xp, check):
    """backward() of a 0-d Parameter gives it the gradient 1, a plain tensor."""
    p = xp.nn.Parameter(xp.tensor(2.0))
    p.backward()
    check.equal(p.grad, 1.0)
    assert type(p.grad) is xp.Tensor


@behaviour("ACC-27", source=SOURCE, profile="namespace")
def test_gradient_of_a_parameter(xp, check):
    """The gradient of a Parameter is a plain tensor, a leaf that requires no grad."""
    p = xp.nn.Parameter(xp.ones(1))
    (p * 2).backward()
    assert type(p.grad) is xp.Tensor
    assert p.grad.is_leaf
    assert not p.grad.requires_grad
    check.none(p.grad.grad)


@behaviour("EX-12", source=SOURCE, profile="namespace")
def test_shared_weights(xp, check):
    """A Parameter used twice gets the sum; two Parameters over one memory get a gradient each."""
    p = xp.nn.Parameter(xp.ones(1))
    q = xp.nn.Parameter(p.data)
    (p * 2 + q * 3 + p).backward()
    check.equal(p.grad, [3.0])
    check.equal(q.grad, [3.0])
    assert p.data_ptr() == q.data_ptr()


@behaviour("CPY-09", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
def test_copied_parameter(xp, check, again):
    """deepcopy and pickle of a Parameter give a Parameter with its values and without its gradient."""
    p = xp.nn.Parameter(xp.tensor([1.0, 2.0]))
    (p * 2).sum().backward()
    q = again(p)
    assert type(q) is xp.nn.Parameter
    assert q.requires_grad
    check.equal(q, [1.0, 2.0])
    check.none(q.grad)
    assert q.data_ptr() != p.data_ptr()
