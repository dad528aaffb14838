"""autograd.Function: what apply takes and gives, and what the node that it records is."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def make(xp, forward, backward=lambda ctx, *grads: grads[0], **members):
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


# the node -------------------------------------------------------------------------------------------------------------


@behaviour("FN-01", source=SOURCE, profile="namespace")
def test_apply_records(xp, check):
    """The result of apply requires grad where an argument does, and backward runs the user's formula."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: grad * 100).apply(x)
    y.backward(xp.tensor([1.0, 3.0]))
    assert y.requires_grad
    assert not y.is_leaf
    check.equal(y, [2.0, 4.0])
    check.equal(x.grad, [100.0, 300.0])


@behaviour("FN-01", source=SOURCE, level="should", profile="namespace")
def test_node_name(xp, check):
    """The node is called <Class>Backward, in its name, its class and the printed tensor."""
    y = make(xp, lambda ctx, x: x * 2).apply(xp.tensor(1.0, requires_grad=True))
    check.text(y.grad_fn.name(), "FBackward")
    check.text(type(y.grad_fn).__name__, "FBackward")
    check.text(repr(y), "tensor(2., grad_fn=<FBackward>)")


@behaviour("FN-77", source=SOURCE, level="should", profile="namespace")
def test_node_is_a_node(xp):
    """What grad_fn shows of a Function is an instance of autograd.graph.Node, as every node is."""
    y = make(xp, lambda ctx, x: x * 2).apply(xp.tensor(1.0, requires_grad=True))
    assert isinstance(y.grad_fn, xp.autograd.graph.Node)
    assert isinstance((y * 2).grad_fn, xp.autograd.graph.Node)


@behaviour("FN-78", source=SOURCE, level="should", profile="namespace")
def test_next_functions(xp):
    """next_functions has one entry a tensor argument, empty for those that need no gradient, none for plain values."""
    x = xp.tensor(1.0, requires_grad=True)
    h = x * 2
    node = make(xp, lambda ctx, a, k, b, c: a * k).apply(h, 3, xp.tensor(1.0), x).grad_fn
    assert node.next_functions == ((h.grad_fn, 0), (None, 0), (node.next_functions[2][0], 0))
    assert node.next_functions[2][0].name() == "torch::autograd::AccumulateGrad"


@behaviour("FN-73", source=SOURCE, level="should", profile="namespace")
def test_outputs_share_a_node(xp):
    """Several outputs share one node, and are numbered."""
    a, b = make(xp, lambda ctx, x: (x * 1, x * 2)).apply(xp.tensor(1.0, requires_grad=True))
    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)


@behaviour("FN-57", source=SOURCE, profile="namespace")
def test_context_is_the_node(xp):
    """The ctx of forward is the ctx of backward, attributes and all, and it is what grad_fn shows."""
    seen = []

    def forward(ctx, x):
        ctx.tag = 5
        seen.append(ctx)
        return x * 1

    def backward(ctx, grad):
        seen.append(ctx)
        return grad * ctx.tag

    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, forward, backward).apply(x)
    y.backward()
    assert seen[0] is seen[1] is y.grad_fn
    assert y.grad_fn.tag == 5
    assert x.grad.item() == 5.0


@behaviour("FN-79", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", ["shape", "dtype", "outputs", "saved", "hooks", "run", "release", "versions", "plan"])
def test_any_attribute(xp, name):
    """A ctx takes an attribute of any name, and backward finds it."""
    found = []

    def forward(ctx, x):
        setattr(ctx, name, 17)
        return x * 1

    def backward(ctx, grad):
        found.append(getattr(ctx, name))
        return grad * 2

    x = xp.tensor([1.0], requires_grad=True)
    (make(xp, forward, backward).apply(x) * 3).backward()
    assert found == [17]
    assert x.grad.item() == 6.0


@behaviour("FN-80", source=SOURCE, profile="namespace")
def test_subclass(xp, check):
    """A subclass of a Function inherits forward, and its own backward is used."""
    parent = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: grad * 2)
    child = type("Child", (parent,), {"backward": staticmethod(lambda ctx, grad: grad * 50)})
    x = xp.tensor(1.0, requires_grad=True)
    y = child.apply(x)
    y.backward()
    assert y.grad_fn.name() == "ChildBackward"
    check.equal(x.grad, 50.0)


# when it is recorded --------------------------------------------------------------------------------------------------


@behaviour("FN-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("requires_grad", [True, False], ids=["no_grad", "constant"])
def test_not_recorded(xp, check, requires_grad):
    """Under no_grad, or where no argument requires grad, forward runs and nothing is recorded."""
    x = xp.tensor([1.0], requires_grad=requires_grad)
    with xp.set_grad_enabled(not requires_grad):
        y = make(xp, lambda ctx, x: x * 2).apply(x)
    assert not y.requires_grad
    assert y.grad_fn is None
    check.equal(y, [2.0])


@behaviour("FN-76", source=SOURCE, profile="namespace")
def test_no_tensor_arguments(xp, check):
    """A Function without tensor arguments gives a tensor that does not require grad."""
    y = make(xp, lambda ctx, k: xp.ones(k)).apply(2)
    assert not y.requires_grad
    check.equal(y, [1.0, 1.0])


@behaviour("FN-26", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("wrapped", [lambda x: [x], lambda x: (x,), lambda x: {0: x}], ids=["list", "tuple", "dict"])
def test_tensors_inside_containers(xp, wrapped):
    """A tensor inside a list, tuple or dict among the arguments is not tracked."""
    x = xp.tensor(1.0, requires_grad=True)
    assert not make(xp, lambda ctx, xs: xs[0] * 1).apply(wrapped(x)).requires_grad


@behaviour("FN-59", source=SOURCE, profile="namespace")
def test_constant_output(xp, check):
    """An output that was not computed from the arguments requires grad all the same."""
    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, lambda ctx, x: xp.ones(3), lambda ctx, grad: grad.sum()).apply(x)
    y.sum().backward()
    assert y.requires_grad
    check.equal(x.grad, 3.0)


@behaviour("FN-60", source=SOURCE, profile="namespace")
def test_integer_outputs(xp):
    """Outputs of integer and bool type do not require grad, whatever the arguments."""
    function = make(xp, lambda ctx, x, i: (i * 2, x.long(), x > 0), lambda ctx, *grads: (None, None))
    outputs = function.apply(xp.tensor(1.0, requires_grad=True), xp.tensor(3))
    assert [y.requires_grad for y in outputs] == [False, False, False]
    assert [y.grad_fn for y in outputs] == [None, None, None]


@behaviour("FN-74", source=SOURCE, profile="namespace")
def test_unused_output(xp, check):
    """The backward of a Function whose output is not used does not run."""
    ran = []
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: ran.append(1) or grad)
    x = xp.tensor(1.0, requires_grad=True)
    function.apply(x)
    (x * 2).backward()
    assert ran == []
    check.equal(x.grad, 2.0)


@behaviour("FN-58", source=SOURCE, profile="namespace")
def test_forward_called_directly(xp, check):
    """forward called by itself is an ordinary function: its ops are recorded, and backward is not used."""
    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: grad * 100).forward(None, x)
    y.backward()
    check.equal(x.grad, 2.0)
    assert y.grad_fn.name() == "MulBackward0"


@behaviour("MODE-27", source=SOURCE, profile="namespace")
def test_grad_mode_inside(xp):
    """Grad mode is off inside forward and inside backward, and on again after both."""
    modes = []

    def forward(ctx, x):
        modes.append(xp.is_grad_enabled())
        return x * 1

    def backward(ctx, grad):
        modes.append(xp.is_grad_enabled())
        return grad

    make(xp, forward, backward).apply(xp.tensor(1.0, requires_grad=True)).backward()
    assert [*modes, xp.is_grad_enabled()] == [False, False, True]


@behaviour("FN-81", source=SOURCE, profile="namespace")
def test_enable_grad_in_forward(xp, check):
    """What forward records under enable_grad is dropped: the result belongs to the Function alone."""

    def forward(ctx, x):
        with xp.enable_grad():
            return x * 3

    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, forward, lambda ctx, grad: grad * 100).apply(x)
    y.backward()
    assert y.grad_fn.name() == "FBackward"
    check.equal(x.grad, 100.0)


@behaviour("FN-82", source=SOURCE, profile="namespace")
def test_error_in_forward(xp, check):
    """An exception in forward comes out as it is, and grad mode is on again."""

    def forward(ctx, x):
        raise KeyError("inside")

    with check.raises("KeyError", "inside"):
        make(xp, forward).apply(xp.tensor(1.0, requires_grad=True))
    assert xp.is_grad_enabled()


@behaviour("FN-83", source=SOURCE, profile="namespace")
def test_nested(xp, check):
    """A Function applied inside another's forward is part of it: only the outer backward runs."""
    inner = make(xp, lambda ctx, x: x * 2, lambda ctx, grad: grad * 1000)
    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, lambda ctx, x: inner.apply(x) + 1, lambda ctx, grad: grad * 7).apply(x)
    y.backward()
    check.equal(y, 3.0)
    check.equal(x.grad, 7.0)


# arguments and outputs ------------------------------------------------------------------------------------------------


@behaviour("FN-25", source=SOURCE, profile="namespace", torch=">=2.13")
@pytest.mark.parametrize("call", [lambda f, x, w: f(x, w=w), lambda f, x, w: f(w=w, x=x)], ids=["one", "all"])
def test_keyword_arguments(xp, check, call):
    """apply takes keyword arguments, and tensors among them are tracked; gradients go by forward's own order."""
    x, w = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0, requires_grad=True)
    function = make(xp, lambda ctx, x, w=None: x * w, lambda ctx, grad: (grad * 10, grad * 20))
    y = call(function.apply, x, w)
    y.backward()
    check.equal(y, 6.0)
    check.equal(x.grad, 10.0)
    check.equal(w.grad, 20.0)


KEYWORDS = {
    "unknown": (lambda ctx, x: x * 1, {"z": 1}, "forward() got an unexpected keyword argument 'z'"),
    "keyword only": (lambda ctx, x, *, k=1: x * k, {"k": 2}, "forward() got an unexpected keyword argument 'k'"),
    "gap": (lambda ctx, x, k=3, w=2: x * w, {"w": 2}, "forward() missing required argument: 'k' (position 1)"),
    "twice": (lambda ctx, x: x * 1, {"x": 1}, "forward() got multiple values for argument 'x'"),
}


@behaviour("FN-84", source=SOURCE, level="should", profile="namespace", torch=">=2.13")
@pytest.mark.parametrize(("forward", "keywords", "text"), KEYWORDS.values(), ids=KEYWORDS)
def test_keyword_argument_errors(xp, check, forward, keywords, text):
    """Keyword arguments fill forward's positional parameters without a gap; anything else is a TypeError."""
    with check.raises("TypeError", text):
        make(xp, forward).apply(xp.tensor(1.0, requires_grad=True), **keywords)


@behaviour("FN-70", source=SOURCE, level="should", profile="namespace")
def test_missing_argument(xp, check):
    """A missing argument is the forward's own TypeError."""
    with check.raises("TypeError", "missing 1 required positional argument: 'w'"):
        make(xp, lambda ctx, x, w: x * w).apply(xp.tensor(1.0, requires_grad=True))


@behaviour("FN-71", source=SOURCE, profile="namespace")
def test_same_tensor_twice(xp, check):
    """The gradients of a tensor that was passed twice are added."""
    x = xp.tensor(2.0, requires_grad=True)
    make(xp, lambda ctx, x, w: x * w, lambda ctx, grad: (grad * 1, grad * 10)).apply(x, x).backward()
    check.equal(x.grad, 11.0)


@behaviour("FN-27", source=SOURCE, profile="namespace")
def test_plain_outputs(xp):
    """Outputs that are no tensors pass through a tuple as they are."""
    outputs = make(xp, lambda ctx, x: (x * 1, 5, "a", None)).apply(xp.tensor(1.0, requires_grad=True))
    assert outputs[0].requires_grad
    assert outputs[1:] == (5, "a", None)


@behaviour("FN-27", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("value", [5, None, "a"], ids=repr)
def test_no_tensor_output(xp, value):
    """A Function may give something that is no tensor at all."""
    assert make(xp, lambda ctx, x: value).apply(xp.tensor(1.0, requires_grad=True)) == value


@behaviour("FN-27", source="torch 2.13.0, against the belief that lists work like tuples", profile="namespace")
@pytest.mark.parametrize("wrapped", [lambda *ys: list(ys), lambda *ys: dict(enumerate(ys))], ids=["list", "dict"])
def test_list_of_outputs(xp, wrapped):
    """Tensors inside a list or a dict that forward returns are silently not differentiable."""
    outputs = make(xp, lambda ctx, x: wrapped(x * 1, x * 2)).apply(xp.tensor(1.0, requires_grad=True))
    assert [outputs[0].requires_grad, outputs[1].requires_grad] == [False, False]


@behaviour("FN-85", source=SOURCE, profile="namespace")
def test_tuples(xp):
    """A tuple of one stays a tuple, an empty one is fine, and a named tuple comes out as a plain one."""
    from collections import namedtuple

    pair = namedtuple("pair", "a b")
    x = xp.tensor(1.0, requires_grad=True)
    assert make(xp, lambda ctx, x: ()).apply(x) == ()
    assert len(make(xp, lambda ctx, x: (x * 1,)).apply(x)) == 1
    outputs = make(xp, lambda ctx, x: pair(x * 1, x * 2)).apply(x)
    assert type(outputs) is tuple
    assert outputs[1].requires_grad


# definitions ----------------------------------------------------------------------------------------------------------


@behaviour("FN-66", source=SOURCE, profile="namespace")
def test_without_staticmethod(xp, check):
    """forward and backward work without the staticmethod decorator too."""
    function = type(
        "F", (xp.autograd.Function,), {"forward": lambda ctx, x: x * 1, "backward": lambda ctx, grad: grad * 3}
    )
    x = xp.tensor(1.0, requires_grad=True)
    function.apply(x).backward()
    check.equal(x.grad, 3.0)


@behaviour("FN-23", source=SOURCE, profile="namespace")
def test_vjp(xp, check):
    """vjp is another name for backward."""
    members = {"forward": staticmethod(lambda ctx, x: x * 1), "vjp": staticmethod(lambda ctx, grad: grad * 5)}
    x = xp.tensor(1.0, requires_grad=True)
    type("F", (xp.autograd.Function,), members).apply(x).backward()
    check.equal(x.grad, 5.0)


@behaviour("FN-22", source=SOURCE, level="should", profile="namespace")
def test_both_backward_and_vjp(xp, check):
    """A Function with both a backward and a vjp fails at backward."""
    y = make(xp, lambda ctx, x: x * 1, vjp=staticmethod(lambda ctx, grad: grad)).apply(
        xp.tensor(1.0, requires_grad=True)
    )
    with check.raises("RuntimeError", "Implementing both 'backward' and 'vjp' for a custom Function is not allowed"):
        y.backward()


@behaviour("FN-20", source=SOURCE, level="should", profile="namespace")
def test_missing_backward(xp, check):
    """A Function without a backward fails at backward, not before."""
    function = type("F", (xp.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 1)})
    y = function.apply(xp.tensor(1.0, requires_grad=True))
    with check.raises("NotImplementedError", "You must implement either the backward or vjp method"):
        y.backward()


@behaviour("FN-21", source=SOURCE, level="should", profile="namespace")
def test_missing_forward(xp, check):
    """A Function without a forward fails at apply."""
    function = type("F", (xp.autograd.Function,), {})
    with check.raises("NotImplementedError", "You must implement the forward function for custom autograd.Function"):
        function.apply(xp.tensor(1.0, requires_grad=True))


@behaviour("FN-24", source=SOURCE, level="should", profile="namespace")
def test_instance(xp, check):
    """To make an instance of a Function warns; to call it is an error."""
    function = make(xp, lambda ctx, x: x * 1)
    with check.warns("DeprecationWarning", "should not be instantiated"):
        instance = function()
    with check.raises("RuntimeError", "Legacy autograd function with non-static forward method is deprecated"):
        instance(xp.tensor(1.0))
