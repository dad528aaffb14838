"""torch.autograd.functional: products with Jacobians and Hessians, and the matrices."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
STRICT = "strict mode"


@pytest.fixture
def af(xp):
    return xp.autograd.functional


def stacked(xp, x):
    return xp.stack([x.sum(), x.prod()])


@behaviour("AF-01", source=SOURCE, profile="namespace")
def test_vjp(xp, af, check):
    """vjp gives the value of a function, and the product of a vector with its Jacobian, both outside any graph."""
    value, product = af.vjp(lambda x: x**2, xp.tensor([1.0, 2.0]), xp.tensor([1.0, 10.0]))
    check.equal(value, [1.0, 4.0])
    check.equal(product, [2.0, 40.0])
    assert not product.requires_grad


@behaviour("AF-02", source=SOURCE, profile="namespace")
def test_create_graph(xp, af, check):
    """create_graph=True leaves a product in the graph of its input."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    for product in (af.vjp, af.jvp):
        _, result = product(lambda x: x**3, x, xp.ones(2), create_graph=True)
        check.equal(xp.autograd.grad(result.sum(), x)[0], [6.0, 12.0])


@behaviour("AF-03", source=SOURCE, profile="namespace")
def test_jvp(xp, af, check):
    """jvp gives the value of a function, and the product of its Jacobian with a vector."""
    value, product = af.jvp(lambda x: stacked(xp, x), xp.tensor([2.0, 3.0]), xp.tensor([1.0, 10.0]))
    check.equal(value, [5.0, 6.0])
    check.equal(product, [11.0, 23.0])


@behaviour("AF-04", source=SOURCE, profile="namespace")
def test_no_vector(xp, af, check):
    """The vector of jvp may be left out for an input of one element."""
    check.equal(af.jvp(lambda x: x**2, xp.tensor([3.0]))[1], [6.0])
    check.equal(af.vjp(lambda x: (x**2).sum(), xp.tensor([3.0, 4.0]))[1], [6.0, 8.0])


@behaviour("AF-19", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("name", ["vjp", "jvp"])
def test_vector_is_needed(xp, af, check, name):
    """Without a vector, vjp needs an output of one element, and jvp an input."""
    with check.raises("RuntimeError", "The vector v can only be None if"):
        getattr(af, name)(lambda x: x**2, xp.tensor([1.0, 2.0]))


@behaviour("AF-20", source=SOURCE, level="should", profile="namespace")
def test_vector_of_another_size(xp, af, check):
    """A vector of another size than what it is multiplied with is an error."""
    with check.raises("RuntimeError", "v has invalid size: should be torch.Size([2]) but got torch.Size([3])"):
        af.jvp(lambda x: x**2, xp.ones(2), xp.ones(3))


@behaviour("AF-05", source=SOURCE, profile="namespace")
def test_jacobian(xp, af, check):
    """A Jacobian has the output's shape, then the input's."""
    check.equal(af.jacobian(lambda x: stacked(xp, x), xp.tensor([2.0, 3.0, 4.0])), [[1.0, 1.0, 1.0], [12.0, 8.0, 6.0]])


@behaviour("AF-21", source=SOURCE, profile="namespace")
def test_jacobian_of_several_inputs(xp, af, check):
    """A Jacobian for a tuple of inputs is a tuple."""
    rows = af.jacobian(lambda x, y: x * y, (xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0])))
    assert isinstance(rows, tuple)
    check.equal(rows[0], [[3.0, 0.0], [0.0, 4.0]])
    check.equal(rows[1], [[1.0, 0.0], [0.0, 2.0]])


@behaviour("AF-22", source=SOURCE, profile="namespace")
def test_jacobian_of_several_outputs(xp, af, check):
    """A Jacobian of a tuple of outputs is a tuple; for a tuple of inputs too, a tuple of tuples."""
    rows = af.jacobian(lambda x: (x, x * 2), xp.tensor([1.0, 2.0]))
    check.equal(rows[1], [[2.0, 0.0], [0.0, 2.0]])
    nested = af.jacobian(lambda x, y: (x, x * y), (xp.tensor(1.0), xp.tensor(2.0)))
    assert [[block.item() for block in row] for row in nested] == [[1.0, 0.0], [2.0, 1.0]]


@behaviour("AF-06", source=SOURCE, profile="namespace")
def test_independent_output(xp, af, check):
    """The Jacobian of an output that is independent of the input is zeros; in strict mode, an error."""
    check.equal(af.jacobian(lambda x: xp.ones(1), xp.tensor([1.0, 2.0])), [[0.0, 0.0]])
    with check.raises("RuntimeError", STRICT):
        af.jacobian(lambda x: xp.ones(1), xp.tensor([1.0, 2.0]), strict=True)


@behaviour("AF-23", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("name", ["vjp", "jvp"])
def test_strict_products(xp, af, check, name):
    """In strict mode, a product for an input that the output is independent of is an error."""
    inputs, v = (xp.ones(2), xp.ones(2)), xp.ones(2)
    with check.raises("RuntimeError", STRICT):
        getattr(af, name)(lambda x, y: x * 2, inputs, v if name == "vjp" else (v, v), strict=True)


@behaviour("AF-07", source=SOURCE, profile="namespace")
def test_jacobian_in_a_graph(xp, af, check):
    """A Jacobian requires grad with create_graph=True only, even where the input requires it."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    assert not af.jacobian(lambda x: x**3, x).requires_grad
    jacobian = af.jacobian(lambda x: x**3, x, create_graph=True)
    check.equal(xp.autograd.grad(jacobian.sum(), x)[0], [6.0, 12.0])


WAYS = {
    "vectorize": {"vectorize": True},
    "forward-mode": {"vectorize": True, "strategy": "forward-mode"},
}


@behaviour("AF-08", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_other_ways(xp, af, check, options):
    """vectorize and forward mode give the same Jacobian."""
    x = xp.tensor([1.0, 2.0, 3.0], dtype=xp.float64)

    def fn(x):
        return x.sin() * x.sum()

    check.close(af.jacobian(fn, x, **options), check.array(af.jacobian(fn, x)))


@behaviour("AF-24", source=SOURCE, profile="namespace")
def test_forward_mode_of_several(xp, af):
    """Forward mode gives the same tuple of tuples."""
    inputs = (xp.tensor([1.0, 2.0]), xp.tensor([3.0]))

    def fn(x, y):
        return x * y, x.sum()

    forward = af.jacobian(fn, inputs, vectorize=True, strategy="forward-mode")
    reverse = af.jacobian(fn, inputs)
    assert [[b.tolist() for b in row] for row in forward] == [[b.tolist() for b in row] for row in reverse]


REFUSED = {
    "not vectorized": ({"strategy": "forward-mode"}, "NotImplementedError", "implemented for `vectorize=True`"),
    "strict": ({"vectorize": True, "strict": True}, "RuntimeError", "are not supported together"),
    "unknown": ({"strategy": "x"}, "AssertionError", "Expected strategy to be either"),
}


@behaviour("AF-09", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("options", "kind", "text"), REFUSED.values(), ids=REFUSED)
def test_refused_options(xp, af, check, options, kind, text):
    """Options that do not go together are an error."""
    with check.raises(kind, text):
        af.jacobian(lambda x: x, xp.tensor([1.0]), **options)


@behaviour("AF-10", source=SOURCE, profile="namespace")
def test_hessian(xp, af, check):
    """hessian gives the matrix of second derivatives of a function of one element, and refuses more."""
    check.equal(af.hessian(lambda x: (x**3).sum(), xp.tensor([1.0, 2.0])), [[6.0, 0.0], [0.0, 12.0]])
    with check.raises("RuntimeError", "should contain a single element"):
        af.hessian(lambda x: x**3, xp.tensor([1.0, 2.0]))


@behaviour("AF-11", source=SOURCE, profile="namespace")
def test_hessian_of_several_inputs(xp, af, check):
    """The Hessian for a tuple of inputs is a tuple of tuples, the mixed blocks among them."""
    blocks = af.hessian(lambda x, y: (x * y).sum(), (xp.tensor([1.0, 2.0]), xp.tensor([3.0, 4.0])))
    check.equal(blocks[0][0], [[0.0, 0.0], [0.0, 0.0]])
    check.equal(blocks[0][1], [[1.0, 0.0], [0.0, 1.0]])
    check.equal(blocks[1][0], [[1.0, 0.0], [0.0, 1.0]])


@behaviour("AF-25", source=SOURCE, profile="namespace")
def test_hessian_forward_over_reverse(xp, af, check):
    """The Hessian by forward over reverse mode is the same."""
    x = xp.tensor([1.0, 2.0])
    check.equal(
        af.hessian(lambda x: (x**3).sum() + x.prod(), x, vectorize=True, outer_jacobian_strategy="forward-mode"),
        [[6.0, 1.0], [1.0, 12.0]],
    )


@behaviour("AF-12", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", ["hvp", "vhp"])
def test_product_with_the_hessian(xp, af, check, name):
    """hvp and vhp give the value, and the product of the Hessian, which is symmetric, with a vector."""
    x, v = xp.tensor([1.0, 2.0]), xp.tensor([1.0, 10.0])
    value, product = getattr(af, name)(lambda x: (x**3).sum() + x.prod(), x, v)
    check.equal(value, 11.0)
    check.equal(product, [16.0, 121.0])


KINDS = {
    "number as input": (lambda x: x, 1.0, "The inputs given to jacobian"),
    "list as input": (lambda x: x, [1.0], "The inputs given to jacobian"),
    "number as output": (lambda x: 1.0, None, "The outputs of the user-provided function given to jacobian"),
    "list as output": (lambda x: [x], None, "The outputs of the user-provided function given to jacobian"),
}


@behaviour("AF-13", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("fn", "given", "text"), KINDS.values(), ids=KINDS)
def test_no_tensors(xp, af, check, fn, given, text):
    """Inputs and outputs that are neither tensors nor tuples of them are a TypeError."""
    with check.raises("TypeError", f"{text} must be either a Tensor or a tuple of Tensors"):
        af.jacobian(fn, xp.tensor([1.0]) if given is None else given)


@behaviour("AF-16", source=SOURCE, profile="namespace")
def test_hessian_of_a_linear_function(xp, af, check):
    """The Hessian of a linear function is zeros; in strict mode, an error."""
    check.equal(af.hessian(lambda x: x.sum(), xp.tensor([1.0, 2.0])), [[0.0, 0.0], [0.0, 0.0]])
    with check.raises("RuntimeError", "is independent of the input. This is not allowed in strict mode"):
        af.hessian(lambda x: x.sum(), xp.tensor([1.0, 2.0]), strict=True)


@behaviour("AF-17", source=SOURCE, profile="namespace")
def test_inputs_are_left_alone(xp, af, check):
    """The inputs keep their requires_grad, and get no .grad."""
    x, y = xp.tensor([1.0, 2.0]), xp.tensor([1.0], requires_grad=True)
    af.jacobian(lambda x: x**2, x)
    af.jacobian(lambda x: x**2, y)
    assert not x.requires_grad
    assert y.requires_grad
    check.none(x.grad)
    check.none(y.grad)


@behaviour("AF-18", source=SOURCE, profile="namespace")
def test_no_grad(xp, af, check):
    """A derivative is computed within no_grad too."""
    with xp.no_grad():
        check.equal(af.jacobian(lambda x: x**2, xp.tensor([1.0, 2.0])), [[2.0, 0.0], [0.0, 4.0]])
        check.equal(af.vjp(lambda x: x**2, xp.tensor([3.0]))[1], [6.0])
