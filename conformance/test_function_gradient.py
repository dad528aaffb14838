"""autograd.Function's backward: the gradients it is given, and what becomes of those it gives."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def make(xp, forward, backward=lambda ctx, *grads: grads[0], **members):
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


# what backward is given -----------------------------------------------------------------------------------------------


def given(xp, forward):
    """What backward gets where only the first output of ``forward`` was used."""
    seen = []

    def backward(ctx, *grads):
        seen.extend(grads)
        return grads[0]

    outputs = make(xp, forward, backward).apply(xp.tensor([1.0, 2.0], requires_grad=True))
    outputs[0].sum().backward()
    return seen


@behaviour("FN-28", source=SOURCE, profile="namespace")
def test_zeros_for_unused_outputs(xp, check):
    """backward gets a gradient an output: zeros for an unused tensor, None for what is no tensor."""
    grads = given(xp, lambda ctx, x: (x * 1, 5, x.double() * 2))
    check.equal(grads[0], [1.0, 1.0])
    check.none(grads[1])
    check.equal(grads[2], [0.0, 0.0])
    assert grads[2].dtype is xp.float64


@behaviour("FN-29", source=SOURCE, profile="namespace")
def test_no_zeros(xp, check):
    """After set_materialize_grads(False) backward gets None for an unused output."""

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 1, x * 2

    grads = given(xp, forward)
    check.equal(grads[0], [1.0, 1.0])
    check.none(grads[1])


@behaviour("FN-91", source=SOURCE, level="should", profile="namespace")
def test_set_materialize_grads_takes_a_bool(xp, check):
    """set_materialize_grads takes a bool and nothing else."""
    with check.raises("TypeError", "set_materialize_grads received an invalid combination of arguments"):
        make(xp, lambda ctx, x: ctx.set_materialize_grads(0)).apply(xp.tensor(1.0, requires_grad=True))


@behaviour("FN-30", source=SOURCE, profile="namespace")
def test_integer_output(xp, check):
    """An integer output is not differentiable, and backward gets integer zeros for it."""
    grads = given(xp, lambda ctx, x: (x * 1, x.argmax()))
    check.equal(grads[1], 0)
    assert grads[1].dtype is xp.int64


@behaviour("FN-30", source=SOURCE, profile="namespace")
def test_integer_output_shape(xp):
    """The zeros for an integer output have its shape."""
    grads = given(xp, lambda ctx, x: (x * 1, xp.ones(2, 3, dtype=xp.int32)))
    assert tuple(grads[1].shape) == (2, 3)
    assert grads[1].dtype is xp.int32


@behaviour("FN-31", source=SOURCE, profile="namespace")
def test_mark_non_differentiable(xp, check):
    """An output that was marked non-differentiable does not require grad, and backward gets zeros for it."""

    def forward(ctx, x):
        y = x * 2
        ctx.mark_non_differentiable(y)
        return x * 1, y

    seen = given(xp, forward)
    check.equal(seen[1], [0.0, 0.0])
    y = make(xp, forward).apply(xp.tensor([1.0], requires_grad=True))[1]
    assert not y.requires_grad
    assert y.grad_fn is None


@behaviour("FN-92", source=SOURCE, profile="namespace")
def test_mark_non_differentiable_twice(xp):
    """A second mark_non_differentiable replaces the first."""

    def forward(ctx, x):
        a, b = x * 1, x * 2
        ctx.mark_non_differentiable(a)
        ctx.mark_non_differentiable(b)
        return a, b

    outputs = make(xp, forward).apply(xp.tensor(1.0, requires_grad=True))
    assert [y.requires_grad for y in outputs] == [True, False]


@behaviour("FN-32", source=SOURCE, profile="namespace")
def test_mark_another_tensor(xp):
    """To mark a tensor that is no output as non-differentiable changes nothing."""

    def forward(ctx, x):
        ctx.mark_non_differentiable(x.clone())
        return x * 1

    assert make(xp, forward).apply(xp.tensor(1.0, requires_grad=True)).requires_grad


@behaviour("FN-61", source=SOURCE, level="may", profile="namespace")
def test_expanded_gradient(xp):
    """The gradient that backward gets may be expanded: it is not contiguous behind a sum."""
    strides = []
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: strides.append(grad.stride()) or grad)
    function.apply(xp.tensor([1.0, 2.0], requires_grad=True)).sum().backward()
    assert strides == [(0,)]


# what backward gives --------------------------------------------------------------------------------------------------


def giving(xp, backward, *values):
    """The gradients of leaves of ``values`` after a Function that gives ``backward(grad)`` for them."""
    leaves = [xp.tensor(value, requires_grad=True) for value in values]
    make(xp, lambda ctx, *xs: xs[0] * 1, lambda ctx, grad: backward(grad)).apply(*leaves).sum().backward()
    return [x.grad for x in leaves]


COUNTS = {
    "too few": (lambda grad: grad, 1),
    "none": (lambda grad: (), 0),
    "too many": (lambda grad: (grad, grad, grad), 3),
    "not None": (lambda grad: (grad, grad, None, 3), 4),
}


@behaviour("FN-07", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("backward", "got"), COUNTS.values(), ids=COUNTS)
def test_number_of_gradients(xp, check, backward, got):
    """backward gives one gradient an argument of forward; another number is an error that says both."""
    with check.raises(
        "RuntimeError", f"function FBackward returned an incorrect number of gradients (expected 2, got {got})"
    ):
        giving(xp, backward, 1.0, 2.0)


@behaviour("FN-08", source=SOURCE, profile="namespace")
def test_extra_none(xp, check):
    """Extra gradients are fine where all are None."""
    check.equal(giving(xp, lambda grad: (grad, None, None), 1.0)[0], 1.0)


@behaviour("FN-11", source=SOURCE, profile="namespace")
def test_none(xp, check):
    """None for a tensor that requires grad leaves its .grad None, not zeros."""
    first, second = giving(xp, lambda grad: (None, grad), 1.0, 2.0)
    check.none(first)
    check.equal(second, 1.0)


@behaviour("FN-11", source=SOURCE, profile="namespace")
def test_single_none(xp, check):
    """A lone None stands for the one gradient."""
    check.none(giving(xp, lambda grad: None, 1.0)[0])


@behaviour("FN-09", source=SOURCE, level="should", profile="namespace")
def test_gradient_of_a_number(xp, check):
    """A gradient other than None for an argument that is no tensor is an error."""
    y = make(xp, lambda ctx, x, k: x * k, lambda ctx, grad: (grad, grad)).apply(xp.tensor(1.0, requires_grad=True), 3)
    with check.raises("RuntimeError", "returned a gradient different than None at position 2, but the corresponding"):
        y.backward()


@behaviour("FN-10", source=SOURCE, profile="namespace")
def test_gradient_of_a_constant(xp, check):
    """A gradient for a tensor that does not require grad is dropped in silence, whatever its shape."""
    x, k = xp.tensor([1.0], requires_grad=True), xp.tensor([3.0])
    make(xp, lambda ctx, x, k: x * k, lambda ctx, grad: (grad, xp.ones(7))).apply(x, k).backward()
    check.equal(x.grad, [1.0])
    check.none(k.grad)


@behaviour("FN-17", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("value", "kind"), [(1.0, "float"), ("a", "str")], ids=["float", "text"])
def test_no_tensor(xp, check, value, kind):
    """A gradient that is no tensor is a RuntimeError, not a TypeError."""
    with check.raises("RuntimeError", f"expected Variable or None (got {kind})"):
        giving(xp, lambda grad: value, 1.0)


@behaviour("FN-18", source=SOURCE, level="should", profile="namespace")
def test_list(xp, check):
    """Several gradients come in a tuple: a list is taken for one gradient."""
    with check.raises("RuntimeError", "expected Variable or None (got list)"):
        giving(xp, lambda grad: [grad], 1.0)


@behaviour("FN-12", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("shape", [(3,), (2, 1), (0,)], ids=str)
def test_wrong_shape(xp, check, shape):
    """A gradient of a shape that no sum takes to its argument's is an error that says both."""
    text = (
        f"Function FBackward returned an invalid gradient at index 0 - got {list(shape)} but expected shape compatible"
    )
    with check.raises("RuntimeError", text):
        giving(xp, lambda grad: xp.ones(shape), [1.0, 2.0])


@behaviour("FN-14", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("shape", [(1,), ()], ids=str)
def test_too_small(xp, check, shape):
    """A gradient is never expanded: one that is smaller than its argument is an error."""
    with check.raises("RuntimeError", f"got {list(shape)} but expected shape compatible with [2]"):
        giving(xp, lambda grad: xp.ones(shape), [1.0, 2.0])


@behaviour("FN-13", source="torch 2.13.0, against the belief that the shape must match", profile="namespace")
@pytest.mark.parametrize(("shape", "factor"), [((1, 2), 1.0), ((3, 2), 3.0), ((4, 3, 2), 12.0)], ids=str)
def test_too_large(xp, check, shape, factor):
    """A gradient with extra leading dimensions is summed down to the shape of its argument."""
    check.equal(giving(xp, lambda grad: xp.ones(shape), [1.0, 2.0])[0], [factor, factor])


@behaviour("FN-93", source=SOURCE, profile="namespace")
def test_broadcast_dimension(xp, check):
    """A gradient that is larger where its argument has size 1 is summed there."""
    check.equal(giving(xp, lambda grad: xp.ones(3, 2), [[1.0, 2.0]])[0], [[3.0, 3.0]])


@behaviour("FN-15", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool"])
def test_another_dtype(xp, check, dtype):
    """A gradient of another real type is cast to its argument's."""
    grad = giving(xp, lambda grad: xp.ones(2, dtype=getattr(xp, dtype)), [1.0, 2.0])[0]
    assert grad.dtype is xp.float32
    check.equal(grad, [1.0, 1.0])


@behaviour("FN-16", source=SOURCE, level="should", profile="namespace")
def test_complex_gradient(xp, check):
    """A complex gradient for a real argument is an error."""
    with check.raises("RuntimeError", "input_is_complex == grad_is_complex"):
        giving(xp, lambda grad: grad + 2j, 1.0)


@behaviour("FN-94", source=SOURCE, profile="namespace")
def test_real_gradient_of_complex(xp, check):
    """A real gradient for a complex argument is made complex."""
    x = xp.tensor([1 + 1j], requires_grad=True)
    y = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: xp.ones(1)).apply(x)
    y.backward(xp.ones(1, dtype=xp.complex64))
    check.equal(x.grad, [1 + 0j])


@behaviour("FN-95", source=SOURCE, level="should", profile="namespace")
def test_hooks_see_fitted_gradients(xp):
    """A hook on the node sees the gradients in the shape and type of the arguments."""
    seen = []
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: xp.ones(4, 2, dtype=xp.float64))
    y = function.apply(xp.tensor([1.0, 2.0], requires_grad=True))
    y.grad_fn.register_hook(lambda grads, incoming: seen.append((tuple(grads[0].shape), grads[0].dtype)))
    y.sum().backward()
    assert seen == [((2,), xp.float32)]


@behaviour("FN-19", source=SOURCE, profile="namespace")
def test_error_in_backward(xp, check):
    """An exception in backward comes out as it is, grad mode is on again, and what was saved is still there."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 1

    def backward(ctx, grad):
        raise KeyError("inside")

    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, forward, backward).apply(x)
    with check.raises("KeyError", "inside"):
        y.backward()
    assert xp.is_grad_enabled()
    assert y.grad_fn.saved_tensors[0] is x


# which backwards run --------------------------------------------------------------------------------------------------


def recorder(xp, ran, name):
    return make(xp, lambda ctx, x: x * 1, lambda ctx, grad: ran.append((name, grad)) or grad)


@behaviour("FN-96", source=SOURCE, profile="namespace")
def test_runs_on_zeros(xp, check):
    """A backward runs on zeros where the gradient of its output was None, and gives zeros on."""
    ran = []
    x = xp.tensor(1.0, requires_grad=True)
    h = recorder(xp, ran, "inner").apply(x) * 3
    make(xp, lambda ctx, x: x * 1, lambda ctx, grad: None).apply(h).backward()
    assert [name for name, _ in ran] == ["inner"]
    check.equal(ran[0][1], 0.0)
    check.equal(x.grad, 0.0)


@behaviour("BWD-33", source=SOURCE, profile="namespace")
def test_inputs_of_backward(xp, check):
    """backward(inputs=[h]) runs the node that made h, for its side effects, and none above it."""
    ran = []
    x = xp.tensor(2.0, requires_grad=True)
    a = recorder(xp, ran, "a").apply(x)
    h = recorder(xp, ran, "h").apply(a)
    (h * h).backward(inputs=[h])
    assert [name for name, _ in ran] == ["h"]
    check.equal(h.grad, 4.0)
    check.none(x.grad)


@behaviour("AGR-24", source=SOURCE, profile="namespace")
def test_grad_runs_what_it_needs(xp):
    """autograd.grad runs only the nodes on a way to its inputs."""
    ran = []
    x, z = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0, requires_grad=True)
    y = recorder(xp, ran, "x").apply(x) * z
    xp.autograd.grad(y, z, retain_graph=True)
    assert ran == []
    xp.autograd.grad(y, x)
    assert [name for name, _ in ran] == ["x"]


@behaviour("AGR-25", source=SOURCE, profile="namespace")
def test_grad_stops_at_its_input(xp, check):
    """autograd.grad with respect to h does not run the node that made h."""
    ran = []
    h = recorder(xp, ran, "h").apply(xp.tensor(2.0, requires_grad=True))
    check.equal(xp.autograd.grad(h * h, h)[0], 4.0)
    assert ran == []


@behaviour("EX-20", source=SOURCE, profile="namespace")
def test_backward_inside_backward(xp, check):
    """A backward may record and differentiate a graph of its own."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    def backward(ctx, grad):
        with xp.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            (x**2).backward(grad)
        return x.grad

    x = xp.tensor(3.0, requires_grad=True)
    make(xp, forward, backward).apply(x).backward()
    check.equal(x.grad, 6.0)


@behaviour("AN-13", source=SOURCE, level="should", profile="namespace")
def test_nan_under_anomaly_detection(xp, check):
    """Anomaly mode names the Function whose backward gave a nan."""
    y = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad * float("nan")).apply(xp.tensor(1.0, requires_grad=True))
    with (
        xp.autograd.set_detect_anomaly(True),
        check.raises("RuntimeError", "Function 'FBackward' returned nan values in its 0th output."),
    ):
        y.backward()


@behaviour("DEEP-03", source=SOURCE, profile="namespace")
def test_deep_chain(xp, check):
    """A chain of 5,000 Functions is run backward, and goes away, without recursion."""
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad)
    x = xp.tensor(1.0, requires_grad=True)
    for _ in range(2):
        y = x
        for _ in range(5_000):
            y = function.apply(y)
        y.backward()
        del y
    check.equal(x.grad, 2.0)
