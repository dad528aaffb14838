"""``backward`` and ``grad``: every way in which their arguments can be wrong, and what the right ones mean."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, leaf, live


def fresh(xp: Any, dtype: str = "float32") -> tuple[Any, Any]:
    """A leaf of two elements and a tensor made from it."""
    x = leaf(xp, 1.0, 2.0, dtype=dtype)
    return x, x * x


# backward -------------------------------------------------------------------------------------------------------------


@live
def test_an_implicit_gradient_needs_one_element(xp: Any) -> Any:
    """Without a gradient the output must have one element, in whatever shape."""
    x, y = fresh(xp)
    return [
        attempt(y.backward),
        attempt(lambda: xp.autograd.backward(y)),
        attempt(lambda: xp.autograd.grad(y, x)),
        attempt(lambda: xp.autograd.grad(y[:1].reshape(1, 1), x)),
        attempt((y[:0]).backward),
        attempt(y.sum().backward),
        x.grad,
    ]


@live
def test_an_implicit_gradient_needs_a_real_output(xp: Any) -> Any:
    """Without a gradient the output must be real."""
    z = leaf(xp, 1 + 2j, dtype="complex64")
    return [attempt((z * z).backward), attempt(lambda: xp.autograd.grad(z * z, z)), attempt(z.abs().backward), z.grad]


@live
def test_gradients_that_do_not_fit(xp: Any) -> Any:
    """A gradient must have the output's shape, exactly."""
    x, y = fresh(xp)
    shapes = [(), (1,), (3,), (1, 2), (2, 1), (0,)]
    return [attempt(lambda s=s: y.backward(xp.ones(s), retain_graph=True)) for s in shapes] + [
        attempt(lambda s=s: xp.autograd.grad(y, x, xp.ones(s))) for s in shapes
    ]


@live
def test_gradients_of_other_types(xp: Any) -> Any:
    """Between real types a gradient is cast; between real and complex it is refused."""
    x, y = fresh(xp)
    names = ["float64", "int64", "bool", "complex64"]
    seen = [attempt(lambda n=n: y.backward(xp.ones(2, dtype=getattr(xp, n)), retain_graph=True)) for n in names]
    z = leaf(xp, 1 + 2j, 3j, dtype="complex64")
    seen += [
        attempt(lambda n=n: (z * z).backward(xp.ones(2, dtype=getattr(xp, n))))
        for n in ["float32", "complex128", "complex64"]
    ]
    return seen, x.grad, z.grad


@live
def test_gradients_that_are_no_tensors(xp: Any) -> Any:
    """Gradients are tensors or None."""
    x, y = fresh(xp)
    wrong = [2.0, 3, "text", [1.0, 1.0], object()]
    return [attempt(lambda w=w: xp.autograd.backward([y], [w])) for w in wrong[:3]] + [
        attempt(lambda w=w: y.backward(w)) for w in wrong[:2]
    ] + [attempt(lambda: y.backward([1.0, 1.0])), attempt(lambda: xp.autograd.grad([y], [x], [2.0]))]  # fmt: skip


@live
def test_outputs_that_need_no_gradient(xp: Any) -> Any:
    """Outputs without a graph are refused by position."""
    x, y = fresh(xp)
    constant = xp.ones(2)
    ones = xp.ones(2)
    return [
        attempt(lambda: constant.sum().backward()),
        attempt(lambda: constant.backward(ones)),
        attempt(lambda: xp.autograd.backward([y, constant], [ones, ones])),
        attempt(lambda: xp.autograd.grad([constant, y], x, [ones, ones])),
        attempt(lambda: xp.autograd.grad(constant, x)),
        attempt(lambda: xp.autograd.backward(constant)),
        attempt(lambda: y.detach().sum().backward()),
        attempt(lambda: xp.tensor([1, 2]).sum().backward()),
        x.grad,
    ]


@live
def test_outputs_that_are_no_tensors(xp: Any) -> Any:
    """Outputs are tensors or sequences of tensors."""
    x, _ = fresh(xp)
    return [
        attempt(lambda: xp.autograd.grad([3.0], x)),
        attempt(lambda: xp.autograd.grad(3.0, x)),
        attempt(lambda: xp.autograd.backward(3.0)),
        attempt(lambda: xp.autograd.backward(None)),
        attempt(lambda: xp.autograd.backward([None])),
    ]


@live
def test_numbers_of_outputs_and_gradients(xp: Any) -> Any:
    """There is one gradient an output."""
    x, y = fresh(xp)
    z = x.exp()
    ones = xp.ones(2)
    return [
        attempt(lambda: xp.autograd.backward([y, z], [ones])),
        attempt(lambda: xp.autograd.backward([y], [ones, ones])),
        attempt(lambda: xp.autograd.grad([y, z], x, [ones])),
        attempt(lambda: xp.autograd.grad([y, z], x, ones)),
        attempt(lambda: xp.autograd.grad([y], x, [ones, ones])),
        attempt(lambda: xp.autograd.backward([], [])),
        attempt(lambda: xp.autograd.grad([], x)),
        x.grad,
    ]


@live
def test_gradients_given_in_part(xp: Any) -> Any:
    """None among the gradients stands for the implicit one."""
    x, y = fresh(xp)
    s = x.sum()
    xp.autograd.backward([y, s], [xp.tensor([1.0, 10.0]), None], retain_graph=True)
    return x.grad, attempt(lambda: xp.autograd.backward([y, s], [None, xp.tensor(1.0)]))


@live
def test_empty_inputs(xp: Any) -> Any:
    """An empty list of inputs is an error, not the default."""
    x, y = fresh(xp)
    return [
        attempt(lambda: y.sum().backward(inputs=[])),
        attempt(lambda: xp.autograd.backward(y.sum(), inputs=())),
        attempt(lambda: xp.autograd.grad(y.sum(), [])),
        attempt(lambda: xp.autograd.grad(y.sum(), ())),
        x.grad,
    ]


@live
def test_inputs_that_need_no_gradient(xp: Any) -> Any:
    """Inputs must require a gradient."""
    x, y = fresh(xp)
    constant = xp.ones(2)
    return [
        attempt(lambda: y.sum().backward(inputs=[constant])),
        attempt(lambda: y.sum().backward(inputs=[x, constant])),
        attempt(lambda: xp.autograd.grad(y.sum(), constant)),
        attempt(lambda: xp.autograd.grad(y.sum(), [x, constant], allow_unused=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), x.detach())),
        x.grad,
    ]


@live
def test_inputs_outside_the_graph(xp: Any) -> Any:
    """``backward`` passes over inputs that the output does not depend on; ``grad`` refuses them unless allowed."""
    x, y = fresh(xp)
    other = leaf(xp, 5.0)
    y.sum().backward(inputs=[other, x], retain_graph=True)
    copy = x * 1
    return [
        x.grad,
        other.grad,
        attempt(lambda: xp.autograd.grad(y.sum(), [x, copy], retain_graph=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), other, retain_graph=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), other, retain_graph=True, allow_unused=False)),
        attempt(lambda: xp.autograd.grad(y.sum(), other, retain_graph=True, allow_unused=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), [other, copy], retain_graph=True, materialize_grads=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), other, allow_unused=True, materialize_grads=True)),
        attempt(lambda: xp.autograd.grad(y.sum(), other, allow_unused=False, materialize_grads=True)),
    ]


@live
def test_inputs_as_one_tensor(xp: Any) -> Any:
    """One tensor serves for a sequence of one; a tuple, a list and a generator serve too."""
    x, y = fresh(xp)
    s = y.sum()
    s.backward(inputs=x, retain_graph=True)
    grads = [xp.autograd.grad(s, form, retain_graph=True) for form in (x, [x], (x,))]
    return x.grad, grads, [type(g).__name__ for g in grads]


@live
def test_an_inner_input_of_backward(xp: Any) -> Any:
    """``backward(inputs=...)`` fills inner tensors too, and has them retain their gradient from then on."""
    x, y = fresh(xp)
    y.sum().backward(inputs=[y])
    return y.retains_grad, y.grad, x.grad


@live
def test_options_are_positional_in_pytorch_s_order(xp: Any) -> Any:
    """``Tensor.backward(gradient, retain_graph, create_graph, inputs)`` and so ``backward`` and ``grad``."""
    x, y = fresh(xp)
    ones = xp.ones(2)
    y.backward(ones, True, False, [x])
    xp.autograd.backward(y, ones, True, False)
    (g,) = xp.autograd.grad(y, x, ones, True, True, True, True)
    return x.grad, g, attempt(lambda: y.backward(ones, wrong=1)), attempt(lambda: y.backward(gradient=ones)), x.grad


@live
def test_retain_graph_follows_create_graph(xp: Any) -> Any:
    """``retain_graph`` defaults to ``create_graph``; named apart, each does its own."""
    seen = []
    for retain in (None, False, True):
        for create in (False, True):
            x, y = fresh(xp)
            (g,) = xp.autograd.grad(y, x, xp.ones(2), retain_graph=retain, create_graph=create)
            seen.append((g, attempt(lambda x=x, y=y: xp.autograd.grad(y, x, xp.ones(2)))))
    return seen


@live
def test_backward_with_create_graph_warns(xp: Any) -> Any:
    """``backward(create_graph=True)`` warns of the cycle, and gives a recorded ``.grad``."""
    x = leaf(xp, 3.0)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    return first, x.grad


@live
def test_deprecated_arguments(xp: Any) -> Any:
    """``grad_variables`` and ``only_inputs=False`` warn; two names for the gradients are refused."""
    x, y = fresh(xp)
    ones = xp.ones(2)
    xp.autograd.backward(y, grad_variables=ones, retain_graph=True)
    both = attempt(lambda: xp.autograd.backward(y, ones, grad_variables=ones))
    return x.grad, both, xp.autograd.grad(y, x, ones, only_inputs=False)


@live
def test_batched_gradients(xp: Any) -> Any:
    """``is_grads_batched`` takes one gradient a row and gives one result a row."""
    x, y = fresh(xp)
    rows = xp.eye(2)
    return xp.autograd.grad(y, x, rows, is_grads_batched=True, retain_graph=True)


@live
def test_a_recorded_gradient_of_the_passed_one(xp: Any) -> Any:
    """Under ``create_graph`` the result is differentiable with respect to the gradient that was passed."""
    x, y = fresh(xp)
    v = leaf(xp, 1.0, 1.0)
    (g,) = xp.autograd.grad(y, x, v, create_graph=True)
    return xp.autograd.grad(g.sum(), [v, x])


@live
def test_higher_orders(xp: Any) -> Any:
    """Derivatives of derivatives, five deep, and none beyond the degree of a polynomial."""
    x = leaf(xp, 2.0)
    y, seen = x**4 + x.sin(), []
    for _ in range(5):
        (y,) = xp.autograd.grad(y, x, create_graph=True)
        seen.append(y)
    z = x * 3
    (slope,) = xp.autograd.grad(z, x, create_graph=True)
    return seen, slope, attempt(lambda: xp.autograd.grad(slope, x))


@live
def test_zero_sized_outputs(xp: Any) -> Any:
    """An output without elements is differentiated with a gradient without elements."""
    x = xp.ones(0, 3, requires_grad=True)
    (x * 2).backward(xp.ones(0, 3))
    (x.exp()).sum().backward()
    return x.grad


@live
def test_grad_in_no_grad(xp: Any) -> Any:
    """A pass inside ``no_grad`` works as outside, and records what it is asked to record."""
    x, y = fresh(xp)
    with xp.no_grad():
        (g,) = xp.autograd.grad(y, x, xp.ones(2), create_graph=True)
        failed = attempt(lambda: y.sum().backward())
    return g, failed, x.grad


@live
def test_a_pass_checks_versions(xp: Any) -> Any:
    """What was saved and written to since is refused, with its type, shape, maker and versions."""
    texts = []
    for dtype in ("float32", "float64"):
        x = leaf(xp, 1.0, 2.0, dtype=dtype)
        for make in (
            lambda x: x.exp(),
            lambda x: (x * 1).mul_(2),
            lambda x: (x * 1)[0],
            lambda x: x.detach().clone().t(),
        ):
            y = make(x)
            z = y * y * x.sum()
            with xp.no_grad():
                y.add_(1)
                y.zero_()
            texts.append(attempt(lambda z=z: z.sum().backward()))
    flags = xp.tensor([True, False])
    w = xp.where(flags, x, x * 2)
    flags.zero_()
    texts.append(attempt(lambda: w.sum().backward()))
    return texts


@live
def test_the_roots_are_looked_at_first(xp: Any) -> Any:
    """A root without a history is told of before an input without one, and no input at all before both."""
    _, y = fresh(xp)
    bare = xp.ones(())
    return [
        attempt(lambda: xp.autograd.grad(bare, bare)),
        attempt(lambda: xp.autograd.grad([y.sum(), bare], [bare])),
        attempt(lambda: xp.autograd.grad(y, [])),
        attempt(lambda: xp.autograd.grad(y.sum(), bare)),
        attempt(lambda: bare.backward(inputs=[bare])),
    ]


@live
def test_a_single_root_hears_of_the_pass(xp: Any) -> Any:
    """A single root's hooks run and its gradient is retained, though nothing that is wanted lies beyond it."""
    heard: list[Any] = []
    x, y = fresh(xp)
    stranger = leaf(xp, 1.0)
    y.retain_grad()
    for tensor, name in ((x, "x"), (y, "y"), (stranger, "stranger")):
        tensor.register_hook(lambda grad, name=name: heard.append(name))
    one, two = xp.ones(2), [xp.ones(2)] * 2
    return [
        xp.autograd.grad(y, stranger, one, allow_unused=True, retain_graph=True),
        xp.autograd.grad(x, stranger, one, allow_unused=True),
        xp.autograd.grad([x, y], [stranger], two, allow_unused=True, retain_graph=True),
        y.backward(one, inputs=[stranger]),
        (heard, y.grad, x.grad, stranger.grad),
    ]


@live
def test_batched_without_gradients(xp: Any) -> Any:
    """A batched grad needs gradients to take the batch from."""
    x = leaf(xp, 1.0, 2.0)
    grad = xp.autograd.grad
    return [
        attempt(lambda: grad(x * 2, x, is_grads_batched=True)),
        attempt(lambda: grad((x * 2).sum(), x, is_grads_batched=True)),
    ]
