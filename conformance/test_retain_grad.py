"""retain_grad: the gradient of a tensor that is no leaf."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


@behaviour("HOOK-27", source=SOURCE, profile="namespace")
def test_retain_grad(xp, check):
    """retain_grad() has .grad of an intermediate result filled; calling it twice is fine."""
    y = leaf(xp, 2.0) * 3
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * y).backward()
    check.close(y.grad, 12.0)


@behaviour("HOOK-28", source=SOURCE, profile="namespace")
def test_retain_grad_of_a_leaf(xp):
    """retain_grad() on a leaf does nothing: retains_grad stays False."""
    x = leaf(xp, 2.0)
    x.retain_grad()
    assert not x.retains_grad


@behaviour("HOOK-29", source=SOURCE, level="should", profile="namespace")
def test_retain_grad_needs_requires_grad(xp, check):
    """retain_grad() on a tensor that does not require grad is refused."""
    with check.raises("RuntimeError", "can't retain_grad on Tensor that has requires_grad=False"):
        xp.ones(1).retain_grad()


@behaviour("HOOK-30", source=SOURCE, profile="namespace")
def test_retained_grad_accumulates(xp, check):
    """A retained .grad accumulates over passes, as a leaf's does."""
    y = leaf(xp, 2.0) * 3
    y.retain_grad()
    z = y * y
    z.backward(retain_graph=True)
    z.backward()
    check.close(y.grad, 24.0)


@behaviour("HOOK-31", source=SOURCE, profile="namespace")
def test_retained_grad_is_hooked(xp, check):
    """A retained .grad is what the tensor's hooks made of it, whichever was asked for first."""
    x = leaf(xp, 2.0)
    y = x * 1
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.backward()
    check.close(y.grad, 10.0)
    check.close(x.grad, 10.0)


@behaviour("HOOK-32", source=SOURCE, profile="namespace")
def test_retained_grad_follows_an_inplace_op(xp, check):
    """After an in-place op the retained .grad is that of the new value."""
    y = leaf(xp, 2.0) * 1
    y.retain_grad()
    y.mul_(5)
    y.backward()
    check.close(y.grad, 1.0)


@behaviour("HOOK-34", source=SOURCE, level="may", profile="namespace")
def test_retained_grad_is_its_own(xp):
    """A retained .grad shares no memory with the leaf's, and is contiguous."""
    x = leaf(xp, 1.0, 2.0)
    y = x + 0
    y.retain_grad()
    y.sum().backward()
    assert y.grad.data_ptr() != x.grad.data_ptr()
    assert y.grad.is_contiguous()


@behaviour("HOOK-35", source=SOURCE, level="may", profile="namespace")
def test_retains_grad_survives_detach(xp):
    """retains_grad stays True after detach_()."""
    y = leaf(xp, 2.0) * 3
    y.retain_grad()
    y.detach_()
    assert y.retains_grad


@behaviour("HOOK-62", source=SOURCE, profile="namespace")
def test_retained_grad_of_nobody(xp, check):
    """retain_grad() on a tensor that is gone by the time of backward does no harm."""
    x = leaf(xp, 2.0)
    y = x * 2
    y.retain_grad()
    z = y * 3
    del y
    z.backward()
    check.close(x.grad, 6.0)


@behaviour("HOOK-73", source=SOURCE, level="may", profile="namespace")
def test_retained_across_a_change_of_shape(xp, check):
    """A tensor that is transposed in place goes on retaining its gradient, in the shape it had when it was asked to."""
    y = xp.ones(2, 3, requires_grad=True) * 2
    y.retain_grad()
    y.t_()
    assert y.retains_grad
    y.retain_grad()
    (y * xp.arange(6.0).view(3, 2)).sum().backward()
    check.equal(y.grad, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])


@behaviour("HOOK-74", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize("hooked_before", [False, True], ids=["first", "second"])
def test_hook_after_a_change_of_shape(xp, hooked_before):
    """A hook added after unsqueeze_() joins the tensor's earlier hooks, on the old shape; the first one sees the new."""
    y, shapes = xp.ones(2, 3, requires_grad=True) * 2, []
    if hooked_before:
        y.register_hook(lambda g: None)
    y.unsqueeze_(0)
    y.register_hook(lambda g: shapes.append(tuple(g.shape)))
    y.sum().backward()
    assert shapes == [(2, 3) if hooked_before else (1, 2, 3)]
