"""What passes through a graph run, prune, keep and free, as custom Functions see it; and what grad gives back."""

import gc
import weakref

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
FREED = "Trying to backward through the graph a second time (or directly access saved tensors after"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


def function(xp, forward, backward):
    """A custom Function of two plain functions."""
    kind = type("F", (xp.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
    return kind.apply


def noting(xp, notes):
    """A custom Function that passes everything on, and notes that its backward ran."""

    def backward(ctx, grad):
        notes.append("ran")
        return grad

    return function(xp, lambda ctx, x: x * 1, backward)


# what runs


@behaviour("AGR-24", source=SOURCE, profile="namespace")
def test_pruned(xp):
    """autograd.grad runs no node that is not on a way to an input."""
    ran, x, z = [], leaf(xp, 2.0), leaf(xp, 3.0)
    y = noting(xp, ran)(x) * z
    xp.autograd.grad(y, z, retain_graph=True)
    assert ran == []
    xp.autograd.grad(y, x)
    assert ran == ["ran"]


@behaviour("AGR-25", source=SOURCE, profile="namespace")
def test_node_of_an_input(xp):
    """autograd.grad with respect to a computed tensor does not run that tensor's own node."""
    ran = []
    h = noting(xp, ran)(leaf(xp, 2.0))
    xp.autograd.grad(h * h, h)
    assert ran == []


@behaviour("HO-11", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("create_graph", [False, True], ids=["plain", "create_graph"])
def test_grad_mode(xp, create_graph):
    """Grad mode in a custom backward is what create_graph says."""
    seen = []

    def backward(ctx, grad):
        seen.append(xp.is_grad_enabled())
        return grad

    x = leaf(xp, 2.0)
    xp.autograd.grad(function(xp, lambda ctx, x: x * 1, backward)(x), x, create_graph=create_graph)
    assert seen == [create_graph]


@behaviour("MODE-28", source=SOURCE)
def test_grad_mode_of_hooks(xp):
    """Grad mode is off in the hooks of a plain backward: what they compute requires no grad."""
    x, seen = leaf(xp, 1.0), []
    x.register_hook(lambda g: seen.append((x * 2).requires_grad))
    (x * 2).backward()
    assert seen == [False]


@behaviour("EX-20", source=SOURCE, profile="namespace")
def test_backward_in_a_backward(xp, check):
    """A custom backward may run a pass of its own through a graph that it makes."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        with xp.enable_grad():
            inner = x.detach().requires_grad_()
            (inner**2).backward(grad)
        return inner.grad

    x = leaf(xp, 3.0)
    function(xp, forward, backward)(x).backward()
    check.close(x.grad, 6.0)


# what is kept


@behaviour("RET-06", source=SOURCE, profile="namespace")
def test_saved_tensors_are_freed(xp, check):
    """What a custom Function saved cannot be read after backward, nor used again."""
    kept = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        kept.append(ctx)
        return x * x

    y = function(xp, forward, lambda ctx, grad: 2 * grad * ctx.saved_tensors[0])(leaf(xp, 2.0))
    y.backward()
    with check.raises("RuntimeError", FREED):
        kept[0].saved_tensors  # noqa: B018
    with check.raises("RuntimeError", FREED):
        y.backward()


@behaviour("RET-07", source=SOURCE, profile="namespace")
def test_attributes_are_not_freed(xp, check):
    """What a custom Function keeps as an attribute of ctx is not freed: backward runs twice."""

    def forward(ctx, x):
        ctx.x = x.detach()
        return x * x

    x = leaf(xp, 2.0)
    y = function(xp, forward, lambda ctx, grad: 2 * grad * ctx.x)(x)
    y.backward()
    y.backward()
    check.close(x.grad, 8.0)


@behaviour("DEEP-08", source=SOURCE, level="may", profile="namespace")
def test_saved_input_lives(xp):
    """An intermediate that a later node saved lives on after its name is deleted."""
    y = leaf(xp, 1.0, 2.0) + 1
    z = y * y
    alive = weakref.ref(y)
    del y
    assert alive() is not None
    assert z.grad_fn._saved_self.grad_fn is not None


@behaviour("DEEP-12", source=SOURCE, profile="namespace")
def test_no_growth(xp):
    """A thousand training steps leave no tensor behind."""
    x = leaf(xp, 1.0, 2.0)

    def step():
        (x.exp() * x).sum().backward()
        x.grad = None

    def living():
        gc.collect()
        return sum(type(each) is xp.Tensor for each in gc.get_objects())

    step()
    before = living()
    for _ in range(1000):
        step()
    assert living() == before


@behaviour("DEEP-14", source=SOURCE)
def test_keyboard_interrupt(xp):
    """A KeyboardInterrupt in a hook comes out of backward."""

    def stop(grad):
        raise KeyboardInterrupt("stop")

    x = leaf(xp, 1.0)
    x.register_hook(stop)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        (x * 1).backward()


@behaviour("DEEP-03", source=SOURCE, profile="namespace")
def test_long_chain(xp, check):
    """A chain of 5,000 custom nodes runs backward, and is deleted, without recursion."""
    apply = function(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad)
    x = leaf(xp, 1.0)
    y = x
    for _ in range(5_000):
        y = apply(y)
    y.backward(retain_graph=True)
    del y
    check.close(x.grad, 1.0)


# second derivatives


def square_once(xp):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    return function(
        xp, forward, xp.autograd.function.once_differentiable(lambda ctx, grad: 2 * grad * ctx.saved_tensors[0])
    )


@behaviour("HO-15", source=SOURCE, level="should", profile="namespace")
def test_once_differentiable_is_a_constant(xp, check):
    """Where the incoming gradient requires no grad, a once_differentiable backward gives a constant, without an "
    "error."""
    x = leaf(xp, 2.0)
    (first,) = xp.autograd.grad(square_once(xp)(x), x, create_graph=True)
    with check.raises("RuntimeError", "does not require grad and does not have a grad_fn"):
        xp.autograd.grad(first, x)


@behaviour("HO-16", source=SOURCE, level="should", profile="namespace")
def test_once_differentiable_has_no_graph(xp):
    """That first gradient requires no grad, though create_graph asked for it."""
    x = leaf(xp, 2.0)
    (first,) = xp.autograd.grad(square_once(xp)(x), x, create_graph=True)
    assert not first.requires_grad
    assert first.grad_fn is None


@behaviour("HO-15", source=SOURCE, level="should", profile="namespace")
def test_once_differentiable_twice(xp, check):
    """Where the incoming gradient requires grad, differentiating a once_differentiable backward is an error of its "
    "own."""
    x = leaf(xp, 2.0)
    (first,) = xp.autograd.grad(square_once(xp)(x) ** 2, x, create_graph=True)
    with check.raises(
        "RuntimeError", "trying to differentiate twice a function that was marked with @once_differentiable"
    ):
        first.backward()


@behaviour("HO-19", source=SOURCE, profile="namespace")
def test_constant_derivative(xp, check):
    """The second derivative by an input that the first does not depend on is None, not zero."""
    x, y = leaf(xp, 1.0), leaf(xp, 2.0)
    (first,) = xp.autograd.grad(x * y, x, create_graph=True)
    check.none(xp.autograd.grad(first, x, allow_unused=True)[0])


@behaviour("HO-20", source=SOURCE, profile="namespace")
def test_hook_is_differentiated(xp, check):
    """Under create_graph what a hook computes is differentiated too."""
    x = leaf(xp, 3.0)
    y = x * 2
    y.register_hook(lambda g: g * x)
    (first,) = xp.autograd.grad(y, x, create_graph=True)
    check.close(first, 6.0)
    check.close(xp.autograd.grad(first, x)[0], 2.0)


# what grad gives


@behaviour("AGR-09", source=SOURCE, level="should", profile="namespace")
def test_output_of_several_elements(xp, check):
    """autograd.grad of an output with several elements needs grad_outputs."""
    x = leaf(xp, 3.0, 4.0)
    with check.raises("RuntimeError", "grad can be implicitly created only for scalar outputs"):
        xp.autograd.grad(x * x, x)


@behaviour("AGR-17", source=SOURCE, level="should", profile="namespace")
def test_only_inputs(xp, check):
    """only_inputs=False changes nothing but for a warning."""
    x = leaf(xp, 3.0)
    with check.warns("FutureWarning", "only_inputs argument is deprecated and is ignored now"):
        (gradient,) = xp.autograd.grad(x * x, x, only_inputs=False)
    check.close(gradient, 6.0)


@behaviour("AGR-30", source=SOURCE, profile="namespace")
def test_batch(xp, check):
    """is_grads_batched=True gives a gradient for each row of grad_outputs."""
    x = leaf(xp, 1.0, 2.0)
    (rows,) = xp.autograd.grad(x * x, x, xp.eye(2), is_grads_batched=True)
    check.close(rows, [[2.0, 0.0], [0.0, 4.0]])


@behaviour("AGR-34", source=SOURCE, profile="namespace")
def test_hooks_of_an_input(xp, check):
    """The hooks of an input change what autograd.grad gives."""
    x = leaf(xp, 2.0)
    x.register_hook(lambda g: g * 100)
    check.close(xp.autograd.grad(x * 3, x)[0], 300.0)


@behaviour("AGR-35", source=SOURCE, profile="namespace")
def test_post_accumulate_hooks(xp):
    """Post-accumulate hooks do not run in autograd.grad."""
    x, calls = leaf(xp, 2.0), []
    x.register_post_accumulate_grad_hook(lambda p: calls.append(1))
    xp.autograd.grad(x * 3, x)
    assert calls == []


@behaviour("AGR-44", source=SOURCE, level="may", profile="namespace")
def test_result_is_grad_outputs(xp):
    """A gradient that nothing changes on its way is the very tensor that was given."""
    x, given = leaf(xp, 1.0, 2.0), xp.ones(2)
    assert xp.autograd.grad(x + 1, x, given)[0] is given


@behaviour("AGR-45", source=SOURCE, level="may", profile="namespace")
def test_results_are_one(xp):
    """Two gradients that are the same may be one object."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 1.0, 2.0)
    of_x, of_z = xp.autograd.grad(x + z, [x, z], xp.ones(2))
    assert of_x is of_z
