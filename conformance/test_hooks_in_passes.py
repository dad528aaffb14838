"""Hooks that change hooks or run passes of their own, and what grad captures before and after them."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


@behaviour("HOOK-22", source=SOURCE, profile="namespace")
def test_registered_during_backward(xp):
    """A hook registered during a pass, on a tensor that is yet to come, is called in that pass."""
    y, calls = leaf(xp, 2.0) * 1, []
    z = y * 2
    z.register_hook(lambda g: (y.register_hook(lambda g: calls.append("late")), None)[1])
    z.backward()
    assert calls == ["late"]


@behaviour("HOOK-22", source=SOURCE, profile="namespace")
def test_removed_during_backward(xp):
    """A hook removed during a pass, before its tensor's turn, is not called."""
    y, calls = leaf(xp, 2.0) * 1, []
    handle = y.register_hook(lambda g: calls.append("gone"))
    z = y * 2
    z.register_hook(lambda g: handle.remove())
    z.backward()
    assert calls == []


@behaviour("HOOK-65", source=SOURCE, level="should", profile="namespace")
def test_grad_mode_is_off(xp, check):
    """Grad mode is off inside a hook: a graph built there cannot be run backward."""
    x, w = leaf(xp, 2.0), leaf(xp, 3.0)
    x.register_hook(lambda g: (w * 2).backward())
    with check.raises("RuntimeError", "does not require grad and does not have a grad_fn"):
        (x * 1).backward()


@behaviour("HOOK-65", source=SOURCE, profile="namespace")
def test_backward_in_a_hook(xp, check):
    """A hook may run a backward pass of its own through a graph made under enable_grad."""
    x, w = leaf(xp, 2.0), leaf(xp, 3.0)

    def hook(grad):
        with xp.enable_grad():
            (w * 2).backward()

    x.register_hook(hook)
    (x * 1).backward()
    check.close(x.grad, 1.0)
    check.close(w.grad, 2.0)


@behaviour("HOOK-65", source=SOURCE, profile="namespace")
def test_backward_through_the_same_graph(xp, check):
    """A hook may run a pass through the rest of the very graph that is running, if the buffers are retained."""
    x = leaf(xp, 2.0)
    h = x * x
    y = h * 3
    y.register_hook(lambda g: h.backward(retain_graph=True))
    y.backward()
    check.close(x.grad, 16.0)


@behaviour("HOOK-70", source=SOURCE, profile="namespace")
def test_capture_before_hooks(xp, check):
    """grad(y, [h, x]) gives h's gradient as it was before h's tensor hooks, where more is needed beyond h."""
    x = leaf(xp, 2.0)
    h = x * 3
    h.register_hook(lambda g: g * 10)
    of_h, of_x = xp.autograd.grad(h * 1, [h, x])
    check.close(of_h, 1.0)
    check.close(of_x, 30.0)


@behaviour("HOOK-70", source=SOURCE, profile="namespace")
def test_capture_after_hooks(xp, check):
    """grad(y, h) gives h's gradient as h's tensor hooks left it, where h is all that is asked for."""
    x = leaf(xp, 2.0)
    h = x * 3
    h.register_hook(lambda g: g * 10)
    check.close(xp.autograd.grad(h * 1, h)[0], 10.0)


@behaviour("HOOK-70", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("more", [False, True], ids=["alone", "with_x"])
def test_capture_ignores_node_hooks(xp, check, more):
    """A node's pre-hook never shows in the captured gradient."""
    x = leaf(xp, 2.0)
    h = x * 3
    h.grad_fn.register_prehook(lambda grads: (grads[0] * 1000,))
    check.close(xp.autograd.grad(h * 1, [h, x] if more else [h])[0], 1.0)
