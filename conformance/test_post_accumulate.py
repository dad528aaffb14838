"""Hooks that run after a gradient was added to a leaf, and their order among the others."""

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


@behaviour("HOOK-36", source=SOURCE, profile="namespace")
def test_post_accumulate(xp):
    """A post-accumulate hook is called with the leaf itself, after .grad is updated."""
    x, seen = leaf(xp, 2.0), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.item())))
    (x * 3).backward()
    (x * 3).backward()
    assert seen == [(True, 3.0), (True, 6.0)]


@behaviour("HOOK-37", source=SOURCE, level="should", profile="namespace")
def test_post_accumulate_needs_a_leaf(xp, check):
    """A post-accumulate hook on a computed tensor is refused."""
    with check.raises("RuntimeError", "post accumulate grad hooks cannot be registered on non-leaf tensors"):
        (leaf(xp, 2.0) * 1).register_post_accumulate_grad_hook(lambda p: None)


@behaviour("HOOK-39", source=SOURCE, profile="namespace")
def test_post_accumulate_may_return_its_leaf(xp, check):
    """A post-accumulate hook that returns the leaf it was given changes nothing."""
    x = leaf(xp, 2.0)
    x.register_post_accumulate_grad_hook(lambda p: p)
    (x * 1).backward()
    check.close(x.grad, 1.0)


@behaviour("HOOK-40", source=SOURCE, profile="namespace")
def test_optimizer_in_backward(xp, check):
    """A post-accumulate hook may step the leaf and drop its .grad; the next pass starts afresh."""

    def step(parameter):
        with xp.no_grad():
            parameter -= parameter.grad
        parameter.grad = None

    x = leaf(xp, 2.0)
    x.register_post_accumulate_grad_hook(step)
    (x * 3).backward()
    check.close(x, -1.0)
    check.none(x.grad)


@behaviour("HOOK-41", source=SOURCE, profile="namespace")
def test_post_accumulate_once(xp):
    """A post-accumulate hook is called once a pass, however often the leaf is used."""
    x, calls = leaf(xp, 2.0), []
    x.register_post_accumulate_grad_hook(lambda p: calls.append(1))
    (x * x + x).backward()
    assert calls == [1]


@behaviour("HOOK-42", source=SOURCE, profile="namespace")
def test_post_accumulate_and_inputs(xp):
    """A post-accumulate hook is called by backward(inputs=...) only if its leaf is among the inputs."""
    x, w, calls = leaf(xp, 2.0), leaf(xp, 3.0), []
    x.register_post_accumulate_grad_hook(lambda p: calls.append(1))
    (x * w).backward(inputs=[w])
    assert calls == []
    (x * w).backward(inputs=[x])
    assert calls == [1]


@behaviour("HOOK-43", source=SOURCE, profile="namespace")
def test_order_on_a_leaf(xp):
    """On a leaf tensor hooks come first, then accumulation, then post-accumulate hooks as they were registered."""
    x, order = leaf(xp, 2.0), []
    x.register_post_accumulate_grad_hook(lambda p: order.append("post1"))
    x.register_hook(lambda g: order.append("pre"))
    x.register_post_accumulate_grad_hook(lambda p: order.append("post2"))
    (x * 1).backward()
    assert order == ["pre", "post1", "post2"]
