"""Checkpointing: intermediates are computed again in backward, and gradients are the same."""

import weakref

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def checkpoint(xp, function, *args, use_reentrant=False, **options):
    return xp.utils.checkpoint.checkpoint(function, *args, use_reentrant=use_reentrant, **options)


def leaf(xp, *values):
    return xp.tensor(list(values), requires_grad=True)


@behaviour("CP-06", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("use_reentrant", [False, True], ids=["hooks", "reentrant"])
def test_gradient(xp, check, use_reentrant):
    """A checkpointed function has the gradient that it has without."""
    x = leaf(xp, 1.0, 2.0)
    checkpoint(xp, lambda t: (t.exp() * t).sin(), x, use_reentrant=use_reentrant).sum().backward()
    y = leaf(xp, 1.0, 2.0)
    (y.exp() * y).sin().sum().backward()
    check.close(x.grad, check.array(y.grad))


@behaviour("CP-03", source=SOURCE, profile="namespace")
def test_reentrant_without_inputs(xp, check):
    """The reentrant variant warns where no input requires grad; what the function closes over gets no gradient then."""
    w = leaf(xp, 2.0)
    with check.warns("UserWarning", "None of the inputs have requires_grad=True. Gradients will be None"):
        y = checkpoint(xp, lambda t: t * w, xp.ones(1), use_reentrant=True)
    assert not y.requires_grad


@behaviour("CP-04", source=SOURCE, profile="namespace")
def test_closure(xp, check):
    """The variant on hooks gives a gradient to what the function closes over, even if no input requires grad."""
    w = leaf(xp, 2.0)
    checkpoint(xp, lambda t: t * w, xp.ones(1)).backward()
    check.close(w.grad, [1.0])


@behaviour("CP-05", source=SOURCE, level="should", profile="namespace")
def test_reentrant_and_grad(xp, check):
    """autograd.grad through the reentrant variant is an error."""
    x = leaf(xp, 1.0)
    y = checkpoint(xp, lambda t: t.exp(), x, use_reentrant=True)
    with check.raises(
        "RuntimeError", "torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter"
    ):
        xp.autograd.grad(y, x)


@behaviour("CP-07", source=SOURCE, level="should", profile="namespace")
def test_reentrant_and_inputs(xp, check):
    """backward(inputs=...) through the reentrant variant is an error."""
    x = leaf(xp, 1.0)
    y = checkpoint(xp, lambda t: t.exp(), x, use_reentrant=True)
    with check.raises(
        "RuntimeError", "torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter"
    ):
        y.backward(inputs=[x])


@behaviour("CP-06", source=SOURCE, profile="namespace")
def test_double_backward(xp, check):
    """The variant on hooks takes autograd.grad, and a second derivative."""
    x = leaf(xp, 1.0)
    (first,) = xp.autograd.grad(checkpoint(xp, lambda t: t**3, x), x, create_graph=True)
    check.close(first, [3.0])
    check.close(xp.autograd.grad(first, x)[0], [6.0])


@behaviour("CP-08", source=SOURCE, level="should", profile="namespace")
def test_other_shapes(xp, check):
    """A recomputation that saves tensors of another shape is an error that shows both."""
    sizes, x = [2, 3], leaf(xp, 1.0)
    y = checkpoint(xp, lambda t: (t.expand(sizes.pop(0)) * 1).exp().sum(), x)
    with check.raises(
        "CheckpointError", "have different metadata than during the forward pass.\ntensor at position 0:"
    ):
        y.backward()


@behaviour("CP-09", source=SOURCE, level="should", profile="namespace")
def test_other_number(xp, check):
    """A recomputation that saves fewer tensors is an error that counts both."""
    short, x = [False, True], leaf(xp, 1.0)
    y = checkpoint(xp, lambda t: t.exp() if short.pop(0) else t.exp().sin().exp(), x)
    with check.raises("CheckpointError", "Number of tensors saved during forward: 3"):
        y.backward()


@behaviour("CP-10", source=SOURCE, profile="namespace")
def test_random_numbers(xp, check):
    """The recomputation sees the random numbers of the forward: dropout drops the same elements."""
    seen = []

    def function(t):
        dropped = xp.nn.functional.dropout(t, 0.5)
        seen.append(check.array(dropped).copy())
        return dropped.exp()

    xp.manual_seed(0)
    checkpoint(xp, function, xp.ones(8, requires_grad=True)).sum().backward()
    assert len(seen) == 2
    check.equal(seen[0], seen[1])


@behaviour("CP-10", source=SOURCE, profile="namespace")
def test_random_state_after(xp, check):
    """The recomputation leaves the random numbers that come after it as they were."""
    x = xp.ones(8, requires_grad=True)
    xp.manual_seed(0)
    y = checkpoint(xp, lambda t: xp.nn.functional.dropout(t, 0.5).exp(), x)
    expected = check.array(xp.get_rng_state())
    y.sum().backward()
    check.equal(xp.get_rng_state(), expected)


@behaviour("CP-12", source=SOURCE, profile="namespace")
def test_no_grad(xp):
    """In no_grad a checkpointed function just runs."""
    with xp.no_grad():
        assert not checkpoint(xp, lambda t: t.exp(), leaf(xp, 1.0)).requires_grad


@behaviour("CP-13", source=SOURCE, profile="namespace")
def test_intermediates_are_not_kept(xp):
    """A tensor made inside is gone after the forward."""
    made = []

    def function(t):
        h = t.exp()
        made.append(weakref.ref(h))
        return h.sin().exp()

    y = checkpoint(xp, function, leaf(xp, 1.0))
    assert y.requires_grad
    assert made[0]() is None


@behaviour("CP-14", source=SOURCE, profile="namespace")
def test_each_pass_recomputes(xp, check):
    """Each backward pass through a retained graph computes again."""
    calls, x = [], leaf(xp, 1.0)
    y = checkpoint(xp, lambda t: (calls.append(1), t.exp())[1], x)
    y.backward(retain_graph=True)
    y.backward()
    assert len(calls) == 3
    check.close(x.grad, [5.4365635])


@behaviour("CP-15", source=SOURCE, profile="namespace")
def test_early_stop(xp):
    """The recomputation stops as soon as all that was saved is there."""
    calls = []

    def function(t):
        y = t.exp()
        calls.append("a")
        z = y + 1
        calls.append("b")
        return z

    checkpoint(xp, function, leaf(xp, 1.0)).backward()
    assert calls == ["a", "b"]


@behaviour("CP-15", source=SOURCE, profile="namespace")
def test_no_early_stop(xp):
    """set_checkpoint_early_stop(False) has the recomputation run to its end."""
    calls = []

    def function(t):
        y = t.exp()
        calls.append("a")
        return y + 1

    with xp.utils.checkpoint.set_checkpoint_early_stop(False):
        y = checkpoint(xp, function, leaf(xp, 1.0))
    y.backward()
    assert calls == ["a", "a"]


@behaviour("CP-16", source=SOURCE, profile="namespace")
def test_no_determinism_check(xp, check):
    """determinism_check='none' takes what the recomputation gives."""
    x = leaf(xp, 1.0)
    checkpoint(xp, lambda t: (t.expand(2) * 1).exp().sum(), x, determinism_check="none").backward()
    check.close(x.grad, [5.4365635])


@behaviour("CP-17", source=SOURCE, level="should", profile="namespace")
def test_reentrant_keywords(xp, check):
    """The reentrant variant takes no keyword arguments for the function."""
    with check.raises("ValueError", "Unexpected keyword arguments: k"):
        checkpoint(xp, lambda t, k: t * k, leaf(xp, 1.0), k=3, use_reentrant=True)


@behaviour("CP-17", source=SOURCE, profile="namespace")
def test_keywords(xp, check):
    """The variant on hooks passes keyword arguments on."""
    check.close(checkpoint(xp, lambda t, k: t * k, leaf(xp, 1.0), k=3), [3.0])


@behaviour("CP-18", source=SOURCE, profile="namespace")
def test_sequential(xp, check):
    """checkpoint_sequential gives the gradient that running the modules gives."""
    module = xp.nn.Sequential(xp.nn.Tanh(), xp.nn.Tanh(), xp.nn.Tanh())
    x, y = xp.ones(1, 2, requires_grad=True), xp.ones(1, 2, requires_grad=True)
    xp.utils.checkpoint.checkpoint_sequential(module, 2, x, use_reentrant=False).sum().backward()
    module(y).sum().backward()
    check.close(x.grad, check.array(y.grad))


@behaviour("CP-19", source=SOURCE, level="may", profile="namespace")
def test_input_changed_in_secret(xp, check):
    """An input changed through .data changes the gradient, in silence: the recomputation sees the new value."""
    x = leaf(xp, 1.0)
    h = x * 1
    y = checkpoint(xp, lambda t: t**2, h)
    h.data.add_(10)
    y.backward()
    check.close(x.grad, [22.0])


@behaviour("CP-19", source=SOURCE, level="should", profile="namespace")
def test_input_changed_in_place(xp, check):
    """An input written to in place since the forward is an error."""
    h = leaf(xp, 1.0) * 1
    y = checkpoint(xp, lambda t: t**2, h)
    h.add_(10)
    with check.raises("RuntimeError", "has been modified by an inplace operation"):
        y.backward()


@behaviour("CP-06", source=SOURCE, profile="namespace")
def test_nested(xp, check):
    """Checkpoints nest: the inner one is recomputed within the outer one's recomputation."""
    calls, x = [], leaf(xp, 1.0)

    def inner(t):
        calls.append("inner")
        return t.exp().sin()

    checkpoint(xp, lambda t: checkpoint(xp, inner, t * 1).exp(), x).backward()
    y = leaf(xp, 1.0)
    y.exp().sin().exp().backward()
    check.close(x.grad, check.array(y.grad))
    assert calls.count("inner") > 1


@behaviour("ISS-18", source="pytorch#36383; torch 2.13.0", profile="namespace")
@pytest.mark.parametrize("use_reentrant", [False, True], ids=["hooks", "reentrant"])
def test_view_changed_in_place(xp, check, use_reentrant):
    """A checkpointed function may return a view that was written to; each pass adds the same gradient."""
    parameter, x = xp.tensor(1.0, requires_grad=True), xp.zeros(3, requires_grad=True)
    for total in (3.0, 6.0):
        checkpoint(xp, lambda t: (t + parameter)[:].relu_(), x, use_reentrant=use_reentrant).sum().backward()
        check.close(parameter.grad, total)
