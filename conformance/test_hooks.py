"""Hooks on tensors and leaves: when they run, what they see, and what they may change."""

import functools

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


# what a hook sees


@behaviour("HOOK-01", source=SOURCE)
def test_sees_the_gradient(xp, check):
    """A tensor's hook is called with the gradient; returning None keeps it."""
    x, seen = leaf(xp, 2.0), []
    y = x * 3
    y.register_hook(seen.append)
    (y * 2).backward()
    assert len(seen) == 1
    check.close(seen[0], 2.0)
    check.close(x.grad, 6.0)


@behaviour("HOOK-07", source=SOURCE)
def test_leaf_hook_sees_this_pass_only(xp, check):
    """A leaf's hook runs before accumulation: it sees this pass's gradient, and .grad as it was."""
    x, seen = leaf(xp, 2.0), []
    x.register_hook(lambda g: seen.append((float(g), None if x.grad is None else float(x.grad))))
    (x * 3).backward()
    (x * 4).backward()
    assert seen == [(3.0, None), (4.0, 3.0)]
    check.close(x.grad, 7.0)


@behaviour("HOOK-08", source=SOURCE)
def test_leaf_hook_sees_the_sum(xp):
    """A leaf's hook is called once a pass, with the sum over all uses."""
    x, seen = leaf(xp, 2.0), []
    x.register_hook(lambda g: seen.append(float(g)))
    (x * 3 + x * 4).backward()
    assert seen == [7.0]


@behaviour("HOOK-09", source=SOURCE)
def test_intermediate_hook_sees_the_sum(xp):
    """A hook on an intermediate result sees the sum over all its uses too."""
    y, seen = leaf(xp, 2.0) * 1, []
    y.register_hook(lambda g: seen.append(float(g)))
    (y * 3 + y * 4).backward()
    assert seen == [7.0]


@behaviour("HOOK-18", source=SOURCE)
def test_not_reached(xp):
    """A hook is not called if no gradient reaches its tensor."""
    y, seen = leaf(xp, 2.0) * 1, []
    z = y * 2
    z.register_hook(lambda g: seen.append(1))
    y.backward()
    assert seen == []


@behaviour("HOOK-19", source=SOURCE)
def test_root(xp, check):
    """A hook on the root sees the gradient that backward starts with."""
    y, seen = leaf(xp, 2.0) * 3, []
    y.register_hook(seen.append)
    y.backward()
    check.close(seen[0], 1.0)


@behaviour("HOOK-66", source=SOURCE, level="may", profile="namespace")
def test_gradient_may_be_expanded(xp):
    """The gradient that a hook sees requires no grad in a plain backward; that of a sum is expanded, with stride 0."""
    y, seen = leaf(xp, 1.0, 2.0) * 1, []
    y.register_hook(lambda g: seen.append((g.requires_grad, g.stride())))
    y.sum().backward()
    assert seen == [(False, (0,))]


@behaviour("HOOK-61", source=SOURCE)
def test_outlives_its_tensor(xp):
    """A hook still runs if its tensor is gone but the graph lives."""
    x, calls = leaf(xp, 2.0), []
    y = x * 2
    y.register_hook(lambda g: calls.append(1))
    z = y * 3
    del y
    z.backward()
    assert calls == [1]


@behaviour("HOOK-20", source=SOURCE)
def test_leaf_hooks_persist(xp):
    """A leaf's hook runs in each graph that the leaf is used in."""
    x, calls = leaf(xp, 2.0), []
    x.register_hook(lambda g: calls.append(1))
    (x * 1).backward()
    (x * 2).backward()
    assert calls == [1, 1]


@behaviour("HOOK-17", source=SOURCE, profile="namespace")
def test_after_an_inplace_op(xp):
    """A hook registered after an in-place op sees the gradient of the new value."""
    y, seen = leaf(xp, 2.0) * 1, []
    y.mul_(5)
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 1).backward()
    assert seen == [1.0]


@behaviour("HOOK-64", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    "copy",
    [lambda x: x.detach().requires_grad_(), lambda x: x.detach().clone().requires_grad_()],
    ids=["detach", "clone"],
)
def test_copies_have_no_hooks(xp, check, copy):
    """detach() and clone() do not take hooks along."""
    x = leaf(xp, 2.0)
    x.register_hook(lambda g: g * 10)
    other = copy(x)
    (other * 1).backward()
    check.close(other.grad, 1.0)


# what a hook changes


@behaviour("HOOK-02", source=SOURCE)
def test_replaces_the_gradient(xp, check):
    """The tensor that a hook returns replaces the gradient."""
    x = leaf(xp, 2.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    (y * 2).backward()
    check.close(x.grad, 60.0)


@behaviour("HOOK-03", source=SOURCE)
def test_chain(xp, check):
    """Several hooks run in the order of registration, each on what the one before returned."""
    x = leaf(xp, 2.0)
    y = x * 1
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.backward()
    check.close(x.grad, 20.0)


@behaviour("HOOK-04", source=SOURCE)
def test_remove(xp, check):
    """handle.remove() takes just that hook away; a second call does nothing."""
    x = leaf(xp, 2.0)
    first = x.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g * 10)
    first.remove()
    first.remove()
    (x * 1).backward()
    check.close(x.grad, 10.0)


@behaviour("HOOK-67", source=SOURCE)
def test_sometimes_none(xp, check):
    """A hook may return None in one call and a tensor in another."""
    x = leaf(xp, 2.0)
    x.register_hook(lambda g: None if float(g) > 3 else g * 100)
    (x * 1).backward()
    (x * 4).backward()
    check.close(x.grad, 104.0)


@behaviour("HOOK-26", source=SOURCE)
def test_partial(xp, check):
    """A callable without a name, such as a functools.partial, is a hook like any other."""
    x = leaf(xp, 2.0)
    x.register_hook(functools.partial(lambda k, g: g * k, 3))
    (x * 1).backward()
    check.close(x.grad, 3.0)


@behaviour("HOOK-58", source=SOURCE, level="may", profile="namespace")
def test_expanded_replacement(xp, check):
    """A leaf's .grad is contiguous also where a hook returned an expanded tensor."""
    x = leaf(xp, 1.0, 2.0)
    x.register_hook(lambda g: xp.ones(1).expand(2))
    (x * 3).sum().backward()
    check.close(x.grad, [1.0, 1.0])
    assert x.grad.stride() == (1,)


@behaviour("HOOK-14", source=SOURCE, level="may", profile="namespace")
def test_inplace_on_the_gradient(xp, check):
    """A hook that writes into its gradient changes what flows on, though the documentation forbids it."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    y.register_hook(lambda g: (g.mul_(10), None)[1])
    (y * 2).sum().backward()
    check.close(x.grad, [20.0, 20.0])


@behaviour("HOOK-15", source=SOURCE, level="may", profile="namespace")
def test_inplace_leaves_the_earlier_sibling(xp, check):
    """Nodes run newest first: writing into a shared gradient does not harm the sibling that was done before."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 1.0, 2.0)
    y, w = x * 1, z * 1
    y.register_hook(lambda g: (g.mul_(10), None)[1])
    (y + w).backward(xp.ones(2))
    check.close(x.grad, [10.0, 10.0])
    check.close(z.grad, [1.0, 1.0])


@behaviour("HOOK-56", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("create_graph", [False, True], ids=["plain", "create_graph"])
def test_recorded_only_with_create_graph(xp, check, create_graph):
    """What a hook computes is recorded if the pass itself is, and only then."""
    x = leaf(xp, 2.0)
    y = x * 1
    y.register_hook(lambda g: g * x)
    (gradient,) = xp.autograd.grad(y, x, create_graph=create_graph)
    check.close(gradient, 2.0)
    assert gradient.requires_grad is create_graph


# errors


@behaviour("HOOK-06", source=SOURCE, level="should", profile="namespace")
def test_needs_requires_grad(xp, check):
    """A hook on a tensor that does not require grad is refused."""
    with check.raises("RuntimeError", "cannot register a hook on a tensor that doesn't require gradient"):
        xp.ones(1).register_hook(lambda g: g)


@behaviour("HOOK-10", source=SOURCE, level="should", profile="namespace")
def test_other_shape(xp, check):
    """A hook that returns another shape is an error that names the hook."""
    x = leaf(xp, 1.0, 2.0)
    x.register_hook(lambda g: xp.ones(3))
    with check.raises("RuntimeError", "hook '<lambda>' has changed the size of value"):
        (x * 1).sum().backward()


@behaviour("HOOK-11", source=SOURCE, level="should", profile="namespace")
def test_other_dtype(xp, check):
    """A hook that returns another dtype is an error that names both; nothing is cast, nothing accumulated."""
    x = leaf(xp, 1.0, 2.0)
    x.register_hook(lambda g: g.double())
    with check.raises("RuntimeError", "has changed the type of value (was torch.FloatTensor got torch.DoubleTensor)"):
        (x * 1).sum().backward()
    check.none(x.grad)


@behaviour("HOOK-12", source=SOURCE, level="should", profile="namespace")
def test_no_tensor(xp, check):
    """A hook that returns something else than a tensor or None is an error."""
    x = leaf(xp, 1.0, 2.0)
    x.register_hook(lambda g: 3.0)
    with check.raises("TypeError", "expected Variable, but hook returned 'float'"):
        (x * 1).sum().backward()


@behaviour("HOOK-13", source=SOURCE, profile="namespace")
def test_own_exception(xp, check):
    """An exception in a hook comes out of backward as it is; the leaf's .grad is untouched."""

    class Mine(Exception):
        pass

    def hook(grad):
        raise Mine("boom")

    x = leaf(xp, 1.0)
    x.register_hook(hook)
    with pytest.raises(Mine, match="boom"):
        (x * 1).backward()
    check.none(x.grad)


@behaviour("HOOK-25", source=SOURCE, level="should", profile="namespace")
def test_not_callable(xp, check):
    """What cannot be called is accepted as a hook, and fails in backward."""
    x = leaf(xp, 2.0)
    x.register_hook(3)
    with check.raises("TypeError", "'int' object is not callable"):
        (x * 1).backward()
