"""autograd.Function differentiated again, and what its graph keeps alive."""

import gc
import weakref

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
NO_HISTORY = "does not require grad and does not have a grad_fn"
TWICE = "trying to differentiate twice a function that was marked with @once_differentiable"


def make(xp, forward, backward=lambda ctx, *grads: grads[0], **members):
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


def cubed(ctx, x):
    """A forward that saves its input."""
    ctx.save_for_backward(x)
    return x**3


# twice ----------------------------------------------------------------------------------------------------------------


@behaviour("HO-11", source=SOURCE, profile="namespace")
def test_grad_mode_in_backward(xp):
    """Grad mode inside backward is on just where create_graph is."""
    modes = []
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: modes.append(xp.is_grad_enabled()) or grad)
    x = xp.tensor(2.0, requires_grad=True)
    xp.autograd.grad(function.apply(x), x)
    xp.autograd.grad(function.apply(x), x, create_graph=True)
    assert modes == [False, True]


@behaviour("FN-42", source=SOURCE, profile="namespace")
def test_saved_input(xp, check):
    """A backward computed from a saved input has the right second derivative."""
    x = xp.tensor(2.0, requires_grad=True)
    function = make(xp, cubed, lambda ctx, grad: 3 * ctx.saved_tensors[0] ** 2 * grad)
    (first,) = xp.autograd.grad(function.apply(x), x, create_graph=True)
    check.equal(first, 12.0)
    check.equal(xp.autograd.grad(first, x)[0], 12.0)


@behaviour("FN-42", source=SOURCE, profile="namespace")
def test_third_order(xp, check):
    """So has the third, by the recorded ops of backward."""
    x = xp.tensor(2.0, requires_grad=True)
    function = make(xp, cubed, lambda ctx, grad: 3 * ctx.saved_tensors[0] ** 2 * grad)
    (first,) = xp.autograd.grad(function.apply(x), x, create_graph=True)
    (second,) = xp.autograd.grad(first, x, create_graph=True)
    check.equal(xp.autograd.grad(second, x)[0], 6.0)


@behaviour("FN-42", source=SOURCE, profile="namespace")
def test_saved_result(xp, check):
    """A backward computed from a saved output has the right second derivative: it runs through the Function again."""

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    x = xp.tensor(0.5, requires_grad=True)
    function = make(xp, forward, lambda ctx, grad: ctx.saved_tensors[0] * grad)
    (first,) = xp.autograd.grad(function.apply(x), x, create_graph=True)
    check.close(xp.autograd.grad(first, x)[0], 1.6487212)


@behaviour("FN-41", source="torch 2.13.0, against the belief that torch ops suffice", profile="namespace")
def test_saved_intermediate(xp, check):
    """An intermediate that forward saved is a constant to the second derivative, which is silently wrong."""

    def forward(ctx, x):
        square = x**2
        ctx.save_for_backward(x, square)
        return x * square

    def backward(ctx, grad):
        x, square = ctx.saved_tensors
        return (square + 2 * x * x) * grad

    x = xp.tensor(2.0, requires_grad=True)
    (first,) = xp.autograd.grad(make(xp, forward, backward).apply(x), x, create_graph=True)
    check.equal(first, 12.0)
    check.equal(xp.autograd.grad(first, x)[0], 8.0)  # 12 is the derivative


@behaviour("FN-41", source=SOURCE, profile="namespace")
def test_intermediate_only(xp, check):
    """A gradient computed from saved intermediates alone has no history."""

    def forward(ctx, x):
        square = x**2
        ctx.save_for_backward(square)
        return x * square

    x = xp.tensor(2.0, requires_grad=True)
    function = make(xp, forward, lambda ctx, grad: 3 * ctx.saved_tensors[0] * grad)
    (first,) = xp.autograd.grad(function.apply(x), x, create_graph=True)
    with check.raises("RuntimeError", NO_HISTORY):
        xp.autograd.grad(first, x)


@behaviour("FN-113", source=SOURCE, profile="namespace")
def test_function_in_backward(xp, check):
    """A backward may apply another Function, which is then what the second derivative runs through."""
    inner = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: grad * 5)
    function = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: inner.apply(grad))
    x = xp.tensor(1.0, requires_grad=True)
    (first,) = xp.autograd.grad(function.apply(x) ** 2, x, create_graph=True)
    assert first.grad_fn.name() == "FBackward"
    check.equal(first, 8.0)
    check.equal(xp.autograd.grad(first, x)[0], 20.0)


@behaviour("FN-114", source=SOURCE, profile="namespace")
def test_zeros_under_create_graph(xp, check):
    """Under create_graph the zeros for an unused output are constants."""
    seen = []

    def backward(ctx, first, second):
        seen.append((first.requires_grad, second.requires_grad))
        return first + second

    x = xp.tensor(1.0, requires_grad=True)
    a, _ = make(xp, lambda ctx, x: (x * 1, x * 2), backward).apply(x)
    (first,) = xp.autograd.grad(a * a, x, create_graph=True)
    assert seen == [(True, False)]
    check.equal(xp.autograd.grad(first, x)[0], 2.0)


# once only ------------------------------------------------------------------------------------------------------------


def once(xp, backward=lambda ctx, grad: 2 * grad * ctx.saved_tensors[0]):
    """The square, to be differentiated once only."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    return make(xp, forward, xp.autograd.function.once_differentiable(backward))


@behaviour("FN-115", source=SOURCE, profile="namespace")
def test_once_differentiable(xp, check):
    """A once_differentiable backward runs with grad mode off, create_graph or not, and gives the right gradient."""
    modes = []

    def backward(ctx, grad):
        modes.append(xp.is_grad_enabled())
        return 2 * grad * ctx.saved_tensors[0]

    x = xp.tensor(2.0, requires_grad=True)
    check.equal(xp.autograd.grad(once(xp, backward).apply(x), x)[0], 4.0)
    check.equal(xp.autograd.grad(once(xp, backward).apply(x) ** 2, x, create_graph=True)[0], 32.0)
    assert modes == [False, False]


@behaviour("HO-15", source=SOURCE, profile="namespace")
def test_once_differentiable_on_a_constant(xp, check):
    """Where the incoming gradient is a constant, so is the gradient, and a second grad finds no history."""
    x = xp.tensor(2.0, requires_grad=True)
    (first,) = xp.autograd.grad(once(xp).apply(x), x, create_graph=True)
    with check.raises("RuntimeError", NO_HISTORY):
        xp.autograd.grad(first, x)


@behaviour("HO-15", source=SOURCE, level="should", profile="namespace")
def test_once_differentiable_twice(xp, check):
    """Where the incoming gradient has a history, backward through the gradient is the dedicated error."""
    x = xp.tensor(2.0, requires_grad=True)
    (first,) = xp.autograd.grad(once(xp).apply(x) ** 2, x, create_graph=True)
    with check.raises("RuntimeError", TWICE):
        first.backward()


@behaviour("HO-16", source=SOURCE, profile="namespace")
def test_once_differentiable_history(xp):
    """The gradient of a constant has no grad_fn; that of a recorded one has an Error node."""
    x = xp.tensor(2.0, requires_grad=True)
    (constant,) = xp.autograd.grad(once(xp).apply(x), x, create_graph=True)
    (recorded,) = xp.autograd.grad(once(xp).apply(x) ** 2, x, create_graph=True)
    assert not constant.requires_grad
    assert constant.grad_fn is None
    assert recorded.grad_fn.name() == "torch::autograd::Error"


@behaviour("FN-116", source=SOURCE, level="should", profile="namespace")
def test_once_differentiable_wraps(xp):
    """once_differentiable keeps the name and the docstring of backward."""

    @xp.autograd.function.once_differentiable
    def backward(ctx, grad):
        """The gradient."""

    assert (backward.__name__, backward.__doc__) == ("backward", "The gradient.")


# memory ---------------------------------------------------------------------------------------------------------------


@behaviour("FN-45", source=SOURCE, level="may", profile="namespace")
def test_no_cycle_by_a_saved_output(xp):
    """To save an output makes no cycle: the result dies with its last name."""

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    y = make(xp, forward).apply(xp.tensor(2.0, requires_grad=True))
    alive = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert alive() is None
    finally:
        gc.enable()


@behaviour("FN-117", source=SOURCE, level="may", profile="namespace")
def test_attributes_die_with_the_graph(xp):
    """What hangs on ctx lives as long as the graph, and dies with it, without the garbage collector."""
    noted = type("Noted", (), {})()
    alive = weakref.ref(noted)
    y = make(xp, lambda ctx, x: x * 1).apply(xp.tensor([1.0], requires_grad=True)) * 2
    y.grad_fn.next_functions[0][0].note = noted
    del noted
    assert alive() is not None
    gc.disable()
    try:
        del y
        assert alive() is None
    finally:
        gc.enable()


@behaviour("FN-118", source=SOURCE, level="may", profile="namespace")
def test_saved_tensors_die_at_backward(xp):
    """A tensor that only save_for_backward keeps dies at backward, though the result lives."""

    def forward(ctx, x):
        ctx.save_for_backward(x * 1)
        return x * 1

    y = make(xp, forward, lambda ctx, grad: grad * ctx.saved_tensors[0]).apply(xp.tensor([1.0], requires_grad=True))
    alive = weakref.ref(y.grad_fn.saved_tensors[0])
    assert alive() is not None
    y.backward()
    gc.collect()
    assert alive() is None


@behaviour("FN-119", source=SOURCE, level="may", profile="namespace")
def test_node_alone(xp):
    """A node that was taken from a result works on after the result is gone."""
    x = xp.tensor(1.0, requires_grad=True)
    node = make(xp, cubed).apply(x).grad_fn
    assert node.name() == "FBackward"
    assert node.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
    assert node.saved_tensors[0] is x


# beside the other features --------------------------------------------------------------------------------------------


@behaviour("SH-14", source=SOURCE, profile="namespace")
def test_saved_tensors_hooks(xp):
    """saved_tensors_hooks see what save_for_backward saves, and nothing that hangs on ctx."""
    calls = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.z = x * 3
        return x * 1

    x = xp.tensor([3.0], requires_grad=True)
    with xp.autograd.graph.saved_tensors_hooks(
        lambda t: calls.append("pack") or t, lambda t: calls.append("unpack") or t
    ):
        y = make(xp, forward, lambda ctx, grad: grad * ctx.saved_tensors[0]).apply(x)
    y.backward()
    assert calls == ["pack", "unpack"]


@behaviour("ISS-22", source="torch 2.13.0; pytorch#128611", level="may", profile="namespace")
def test_replaced_saved_tensor(xp):
    """A saved tensor that a hook replaced is another tensor: a write into it does not count for the original."""
    written = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    def backward(ctx, grad):
        before = a._version
        with xp.no_grad():
            ctx.saved_tensors[0].add_(1)
        written.append(a._version - before)
        return grad

    a = xp.tensor([1.0], requires_grad=True)
    other = a.detach().clone()
    with xp.autograd.graph.saved_tensors_hooks(lambda t: other, lambda t: t):
        y = make(xp, forward, backward).apply(a)
    y.backward()
    assert written == [0]


HOOKS = {
    "tensor": (lambda xp, y: y.register_hook(lambda grad: grad * 2), 20.0),
    "prehook": (lambda xp, y: y.grad_fn.register_prehook(lambda grads: (grads[0] * 3,)), 30.0),
    "hook": (lambda xp, y: y.grad_fn.register_hook(lambda grads, incoming: (grads[0] + 1,)), 11.0),
}


@behaviour("FN-120", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("register", "expected"), HOOKS.values(), ids=HOOKS)
def test_hooks(xp, check, register, expected):
    """Hooks on a Function's result and on its node change what flows."""
    x = xp.tensor([1.0], requires_grad=True)
    y = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad * 10).apply(x)
    register(xp, y)
    y.backward()
    check.equal(x.grad, [expected])


@behaviour("FN-121", source=SOURCE, profile="namespace")
def test_gradient_edge(xp, check):
    """A gradient edge of a Function's result is its node, and can be differentiated."""
    x = xp.tensor([1.0], requires_grad=True)
    h = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad * 10).apply(x)
    edge = xp.autograd.graph.get_gradient_edge(h)
    assert edge.node is h.grad_fn
    y = (h * 2).sum()
    check.equal(xp.autograd.grad(y, edge, retain_graph=True)[0], [2.0])
    xp.autograd.backward(edge, xp.tensor([3.0]))
    check.equal(x.grad, [30.0])
