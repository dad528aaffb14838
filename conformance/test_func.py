"""torch.func: transforms of functions."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@pytest.fixture
def func(xp):
    return xp.func


@behaviour("TF-01", source=SOURCE, profile="namespace")
def test_grad(xp, func, check):
    """func.grad makes the function that gives the gradient, of a function with a scalar output."""
    check.equal(func.grad(lambda x: x**3)(xp.tensor(2.0)), 12.0)
    with check.raises("RuntimeError", "Expected f(*args) to return a scalar"):
        func.grad(lambda x: x**3)(xp.tensor([1.0, 2.0]))


@behaviour("TF-03", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("argnums", "expected"), [(0, 3.0), (1, 2.0), (-1, 2.0), ((0, 1), (3.0, 2.0))])
def test_argnums(xp, func, argnums, expected):
    """argnums chooses the arguments, from the back too; a tuple gives a tuple."""
    found = func.grad(lambda x, y: x * y, argnums=argnums)(xp.tensor(2.0), xp.tensor(3.0))
    assert (tuple(g.item() for g in found) if isinstance(argnums, tuple) else found.item()) == expected


@behaviour("TF-27", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("argnums", "text"), [(2, "Got argnum=2, but only 2 positional inputs"), ((), "argnums must be non-empty")]
)
def test_wrong_argnums(xp, func, check, argnums, text):
    """argnums beyond the arguments, or none at all, is an error."""
    with check.raises("RuntimeError", text):
        func.grad(lambda x, y: x * y, argnums=argnums)(xp.tensor(2.0), xp.tensor(3.0))


@behaviour("TF-04", source=SOURCE, profile="namespace")
def test_has_aux(xp, func, check):
    """has_aux hands on what is returned beside the output."""
    gradient, aux = func.grad(lambda x: (x**2, x + 1), has_aux=True)(xp.tensor(3.0))
    check.equal(gradient, 6.0)
    check.equal(aux, 4.0)
    with check.raises("RuntimeError", "should be a tuple: (output, aux) if has_aux is True"):
        func.grad(lambda x: x**2, has_aux=True)(xp.tensor(3.0))


@behaviour("TF-05", source=SOURCE, profile="namespace")
def test_grad_and_value(xp, func, check):
    """grad_and_value gives both, the gradient first."""
    gradient, value = func.grad_and_value(lambda x: x**2)(xp.tensor(3.0))
    check.equal(gradient, 6.0)
    check.equal(value, 9.0)
    assert not gradient.requires_grad
    assert not value.requires_grad


@behaviour("TF-06", source=SOURCE, profile="namespace")
def test_nested(xp, func, check):
    """Gradients nest: the third derivative of sin at 0 is -1."""
    check.equal(func.grad(func.grad(func.grad(xp.sin)))(xp.tensor(0.0)), -1.0)


@behaviour("TF-28", source="Siskind and Pearlmutter 2005, perturbation confusion", profile="namespace")
@pytest.mark.parametrize("inner", ["reverse", "forward"])
def test_perturbation_confusion(xp, func, check, inner):
    """A derivative inside a derivative is of its own variable only: d/dx x * (d/dy (x + y)) is 1."""

    def slope(f, at):
        return func.grad(f)(at) if inner == "reverse" else func.jvp(f, (at,), (xp.ones_like(at),))[1]

    one = xp.tensor(1.0)
    check.equal(func.grad(lambda x: x * slope(lambda y: x + y, one))(one), 1.0)
    check.equal(func.jvp(lambda x: x * slope(lambda y: x + y, one), (one,), (one,))[1], 1.0)


@behaviour("TF-07", source=SOURCE, profile="namespace")
def test_trees(xp, func, check):
    """The argument may be a tree of dictionaries and lists; the gradient is one like it."""
    tree = {"a": xp.tensor([1.0, 2.0]), "b": [xp.tensor([3.0, 4.0])]}
    found = func.grad(lambda p: (p["a"] * p["b"][0]).sum())(tree)
    check.equal(found["a"], [3.0, 4.0])
    check.equal(found["b"][0], [1.0, 2.0])


@behaviour("TF-29", source=SOURCE, profile="namespace")
def test_vjp(xp, func, check):
    """func.vjp gives the value, and a function that may be called for several cotangents."""
    value, pull = func.vjp(lambda x, y: x * y, xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0]))
    check.equal(value, [3.0, 8.0])
    for scale in (1.0, 10.0):
        left, right = pull(scale * xp.ones(2))
        check.equal(left, [3.0 * scale, 4.0 * scale])
        check.equal(right, [1.0 * scale, 2.0 * scale])


@behaviour("TF-30", source=SOURCE, level="should", profile="namespace")
def test_cotangent_of_another_structure(xp, func, check):
    """Cotangents of another structure than the output's are an error."""
    _, pull = func.vjp(lambda x: (x, 2 * x), xp.tensor(3.0))
    with check.raises("RuntimeError", "Expected pytree structure of cotangents to be the same"):
        pull(xp.tensor(1.0))


@behaviour("TF-09", source=SOURCE, profile="namespace")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_jvp(xp, func, check):
    """func.jvp gives the value and its tangent; primals and tangents are tuples of tensors of the same shapes."""
    x = xp.tensor([1.0, 2.0])
    value, tangent = func.jvp(lambda x: x**2, (x,), (xp.tensor([1.0, 10.0]),))
    check.equal(value, [1.0, 4.0])
    check.equal(tangent, [2.0, 40.0])
    with check.raises("RuntimeError", "forward gradient that has a different size"):
        func.jvp(lambda x: x, (x,), (xp.ones(1),))
    with check.raises("RuntimeError", "Expected primals to be a tuple"):
        func.jvp(lambda x: x, x, x)


@behaviour("TF-31", source=SOURCE, profile="namespace")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_jvp_of_a_constant(xp, func, check):
    """The tangent of an output that is independent of the input is zeros; with strict=True, an error."""
    one = xp.tensor(1.0)
    check.equal(func.jvp(lambda x: xp.ones(2), (one,), (one,))[1], [0.0, 0.0])
    with check.raises("RuntimeError", "The output of f is independent of the inputs"):
        func.jvp(lambda x: xp.ones(2), (one,), (one,), strict=True)


@behaviour("TF-10", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_jacobians(xp, func, check, name):
    """jacrev and jacfwd give the Jacobian, by the rows or by the columns."""
    found = getattr(func, name)(lambda x: xp.stack([x.sum(), x.prod()]))(xp.tensor([2.0, 3.0, 4.0]))
    check.equal(found, [[1.0, 1.0, 1.0], [12.0, 8.0, 6.0]])


@behaviour("TF-11", source=SOURCE, profile="namespace")
def test_hessian(xp, func, check):
    """func.hessian gives the matrix of second derivatives."""
    check.equal(func.hessian(lambda x: (x**3).sum() + x.prod())(xp.tensor([1.0, 2.0])), [[6.0, 1.0], [1.0, 12.0]])


@behaviour("TF-12", source=SOURCE, profile="namespace")
def test_gradients_of_examples(xp, func, check):
    """vmap of grad gives a gradient for each example."""
    per_example = func.vmap(func.grad(lambda w, x: (w @ x) ** 2), in_dims=(None, 0))
    check.equal(per_example(xp.tensor([1.0, 2.0]), xp.eye(2)), [[2.0, 0.0], [0.0, 4.0]])


@behaviour("TF-32", source=SOURCE, profile="namespace")
def test_gradient_of_a_batch(xp, func, check):
    """grad goes through vmap, and so does ordinary autograd."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    check.equal(func.grad(lambda x: func.vmap(lambda v: v**2)(x).sum())(x.detach()), [2.0, 4.0, 6.0])
    func.vmap(lambda v: v**3)(x).sum().backward()
    check.equal(x.grad, [3.0, 12.0, 27.0])


@behaviour("TF-13", source=SOURCE, profile="namespace")
def test_no_grad_outside(xp, func, check):
    """no_grad around a transform does not switch it off."""
    with xp.no_grad():
        check.equal(func.grad(lambda x: x**2)(xp.tensor(3.0)), 6.0)


@behaviour("TF-33", source=SOURCE, profile="namespace")
def test_no_grad_inside(xp, func, check):
    """no_grad within the function makes a constant of what is computed there."""

    def fn(x):
        with xp.no_grad():
            constant = x**2
        return x - constant

    check.equal(func.grad(fn)(xp.tensor(3.0)), 1.0)


@behaviour("TF-14", source=SOURCE, profile="namespace")
def test_captured_tensor(xp, func, check):
    """A tensor that the function captures is a constant to the transform, and stays in the graph outside."""
    w = xp.tensor(5.0, requires_grad=True)
    gradient = func.grad(lambda x: x**2 * w)(xp.tensor(3.0))
    check.equal(gradient, 30.0)
    check.equal(xp.autograd.grad(gradient, w)[0], 6.0)


@behaviour("TF-34", source=SOURCE, profile="namespace")
def test_result_in_the_graph(xp, func, check):
    """The gradient at a tensor that requires grad is in its graph."""
    x = xp.tensor(3.0, requires_grad=True)
    gradient = func.grad(lambda x: x**3)(x)
    check.equal(xp.autograd.grad(gradient, x)[0], 18.0)
    check.none(x.grad)


@behaviour("TF-15", source=SOURCE, level="should", profile="namespace")
def test_requires_grad(xp, func, check):
    """requires_grad_ within a transformed function is an error."""
    with check.raises("RuntimeError", "You are attempting to call Tensor.requires_grad_()"):
        func.grad(lambda x: (x * 1).requires_grad_().sum())(xp.tensor(3.0))


@behaviour("TF-16", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("fn", "text"),
    [
        (lambda x: x.item(), "calling .item() on a Tensor"),
        (lambda x: x if x > 0 else -x, "data-dependent control flow"),
    ],
    ids=["item", "if"],
)
def test_data_dependent(xp, func, check, fn, text):
    """A number taken out of an example, and a branch on one, are errors within vmap."""
    with check.raises("RuntimeError", text):
        func.vmap(fn)(xp.tensor([1.0, 2.0]))


@behaviour("TF-17", source=SOURCE, level="should", profile="namespace")
def test_random_within_vmap(xp, func, check):
    """Random numbers within vmap are an error unless randomness says which are meant."""
    with check.raises("RuntimeError", "vmap: called random operation while in randomness error mode"):
        func.vmap(lambda x: x + xp.rand(()))(xp.zeros(2))


@behaviour("TF-35", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("randomness", "distinct"), [("same", 1), ("different", 3)])
def test_randomness(xp, func, check, randomness, distinct):
    """randomness="same" gives each example the same random numbers, "different" its own."""
    xp.manual_seed(0)
    drawn = func.vmap(lambda x: x + xp.rand(()), randomness=randomness)(xp.zeros(3))
    assert len(set(drawn.tolist())) == distinct


@behaviour("TF-18", source=SOURCE, level="should", profile="namespace")
def test_write_to_a_captured_tensor(xp, func, check):
    """A write into a captured tensor is an error within grad, and within vmap, which leaves the tensor alone."""
    captured = xp.zeros(())
    with check.raises("RuntimeError", "that would mutate a captured Tensor"):
        func.grad(lambda x: (captured.add_(x), x * captured)[1])(xp.tensor(3.0))
    with check.raises("RuntimeError", "output with shape [] doesn't match the broadcast shape [2]"):
        func.vmap(lambda x: captured.add_(x))(xp.tensor([1.0, 2.0]))
    check.equal(captured, 0.0)


@behaviour("TF-36", source=SOURCE, profile="namespace")
def test_write_to_a_new_tensor(xp, func, check):
    """A write into a tensor made within the function is recorded."""
    check.equal(func.grad(lambda x: xp.zeros(()).add_(x) * x)(xp.tensor(3.0)), 6.0)
    check.equal(
        func.grad(lambda x: (x * 1).mul_(x).exp())(xp.tensor(0.5, dtype=xp.float64)), 2 * 0.5 * 2.718281828459045**0.25
    )


@behaviour("TF-19", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", [lambda xp, x: xp.tensor(1.0), lambda xp, x: x.detach()], ids=["constant", "detach"])
def test_independent_output(xp, func, check, fn):
    """The gradient of an output that is independent of the argument is zeros: neither None nor an error."""
    check.equal(func.grad(lambda x: fn(xp, x))(xp.tensor(3.0)), 0.0)


@behaviour("TF-20", source=SOURCE, level="should", profile="namespace")
def test_integers(xp, func, check):
    """An integer argument has no gradient."""
    with check.raises("RuntimeError", "only Tensors of floating point dtype can require gradients"):
        func.grad(lambda x: x * 2.0)(xp.tensor(3))


@behaviour("TF-37", source=SOURCE, level="should", profile="namespace")
def test_numbers(xp, func, check):
    """A Python number as the argument is a ValueError."""
    with check.raises("ValueError", "Thing passed to transform API must be Tensor"):
        func.grad(lambda x: x * 2.0)(3.0)


@behaviour("TF-21", source=SOURCE, profile="namespace")
def test_functional_call(xp, func, check):
    """functional_call runs a module with other parameters: they get the gradient, its own get none."""
    module = xp.nn.Linear(1, 1, bias=False)
    before = module.weight.item()
    params = {"weight": xp.tensor([[3.0]])}
    found = func.grad(lambda p: func.functional_call(module, p, (xp.ones(1, 1),)).sum())(params)
    check.equal(found["weight"], [[1.0]])
    check.none(module.weight.grad)
    assert module.weight.item() == before


@behaviour("TF-23", source=SOURCE, level="should", profile="namespace")
def test_backward(xp, func, check):
    """backward within a transformed function is an error, and fills no .grad."""
    w = xp.tensor(2.0, requires_grad=True)

    def fn(x):
        (w * x).backward()
        return x * 2

    with check.raises("RuntimeError", "backward() called inside a functorch transform"):
        func.grad(fn)(xp.tensor(3.0))
    check.none(w.grad)


@behaviour("TF-38", source=SOURCE, profile="namespace")
def test_autograd_grad(xp, func, check):
    """autograd.grad works within a transformed function, and is differentiated where it was recorded."""

    def slope(x, recorded):
        return xp.autograd.grad(x.exp() * x, x, create_graph=recorded)[0]

    zero = xp.tensor(0.0)
    check.equal(func.grad(lambda x: slope(x, True))(zero), 2.0)
    check.equal(func.grad(lambda x: slope(x, False))(zero), 0.0)


@behaviour("TF-25", source=SOURCE, profile="namespace")
def test_jacrev_options(xp, func, check):
    """jacrev takes argnums, chunk_size and has_aux."""
    x, y = xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0])
    left, right = func.jacrev(lambda x, y: x * y, argnums=(0, 1), chunk_size=1)(x, y)
    check.equal(left, [[3.0, 0.0], [0.0, 4.0]])
    check.equal(right, [[1.0, 0.0], [0.0, 2.0]])
    jacobian, aux = func.jacrev(lambda x: (x * 2, x + 1), has_aux=True)(x)
    check.equal(jacobian, [[2.0, 0.0], [0.0, 2.0]])
    check.equal(aux, [2.0, 3.0])


@behaviour("TF-26", source=SOURCE, profile="namespace")
def test_dims(xp, func, check):
    """in_dims and out_dims say where the batch lies in the inputs and the outputs."""
    mapped = func.vmap(lambda x, y: x * y, in_dims=(0, 1), out_dims=1)
    check.equal(mapped(xp.ones(2, 3), xp.arange(6.0).view(3, 2)), [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])


INPUTS = {
    "sizes": (
        lambda xp, vmap: vmap(lambda x, y: x * y)(xp.ones(2), xp.ones(3)),
        "got sizes [2, 3] for the mapped dimension",
    ),
    "number": (lambda xp, vmap: vmap(lambda x, y: x * y)(xp.ones(2), 2.0), "We cannot vmap over non-Tensor arguments"),
    "dimension": (
        lambda xp, vmap: vmap(lambda x: x, in_dims=3)(xp.ones(2)),
        "expected in_dim to satisfy -1 <= in_dim < 1",
    ),
    "structure": (
        lambda xp, vmap: vmap(lambda x: x, in_dims=(0, 0))(xp.ones(2)),
        "in_dims is not compatible with the structure",
    ),
    "nothing": (lambda xp, vmap: vmap(lambda: 1)(), "got no inputs"),
    "output": (lambda xp, vmap: vmap(lambda x: 3.0)(xp.ones(2)), "must only return Tensors, got type <class 'float'>"),
}


@behaviour("TF-39", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("call", "text"), INPUTS.values(), ids=INPUTS)
def test_wrong_dims(xp, func, check, call, text):
    """Inputs that do not match in_dims, and outputs that are no tensors, are a ValueError."""
    with check.raises("ValueError", text):
        call(xp, func.vmap)


@behaviour("TF-40", source=SOURCE, profile="namespace")
def test_nested_vmap(xp, func, check):
    """vmap nests: an outer product."""
    outer = func.vmap(func.vmap(lambda x, y: x * y, in_dims=(None, 0)), in_dims=(0, None))
    check.equal(outer(xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0, 5.0])), [[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]])


@behaviour("TF-41", source=SOURCE, profile="namespace")
def test_constant_within_vmap(xp, func, check):
    """An output that is the same for all examples is repeated."""
    check.equal(func.vmap(lambda x: xp.ones(2))(xp.zeros(3)), [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])


@behaviour("TF-42", source=SOURCE, profile="namespace")
def test_stack_module_state(xp, func, check):
    """stack_module_state stacks the parameters of modules into new leaves, for vmap of functional_call."""
    models = [xp.nn.Linear(2, 1) for _ in range(3)]
    params, buffers = func.stack_module_state(models)
    assert buffers == {}
    assert tuple(params["weight"].shape) == (3, 1, 2)
    assert params["weight"].requires_grad
    assert params["weight"].is_leaf
    x = xp.ones(2)
    together = func.vmap(lambda p: func.functional_call(models[0], p, (x,)))(params)
    check.close(together, [m(x).tolist() for m in models])


@behaviour("TF-43", source=SOURCE, profile="namespace")
def test_batched_gradients(xp, check):
    """autograd.grad with is_grads_batched gives a row of gradients for each row of grad_outputs."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    check.equal(xp.autograd.grad(x**2, x, xp.eye(2), is_grads_batched=True)[0], [[2.0, 0.0], [0.0, 4.0]])
