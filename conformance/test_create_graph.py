"""Derivatives of derivatives: nested grad, create_graph, and what .grad then is."""

import math

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
MATHS = "mathematics"
quiet = pytest.mark.filterwarnings("ignore:Using backward")

ORDERS = {
    "cube": (lambda xp, x: x**3, 2.0, [12.0, 12.0, 6.0]),
    "quartic": (lambda xp, x: x**4 - 3 * x**2 + 1, 1.5, [4.5, 21.0, 36.0, 24.0]),
    "sin": (lambda xp, x: xp.sin(x), 0.5, [math.cos(0.5), -math.sin(0.5), -math.cos(0.5), math.sin(0.5)]),
    "exp": (lambda xp, x: xp.exp(2 * x), 0.25, [2**n * math.exp(0.5) for n in (1, 2, 3, 4)]),
    "log": (lambda xp, x: xp.log(x), 2.0, [0.5, -0.25, 0.25]),
    "reciprocal": (lambda xp, x: 1 / x, 2.0, [-0.25, 0.25, -0.375]),
    "tanh": (lambda xp, x: xp.tanh(x), 0.0, [1.0, 0.0, -2.0]),
    "sigmoid": (lambda xp, x: xp.sigmoid(x), 0.0, [0.25, 0.0, -0.125]),
    "product": (lambda xp, x: x * xp.exp(x), 1.0, [n * math.e for n in (2, 3, 4)]),
    "sqrt": (lambda xp, x: xp.sqrt(x), 4.0, [0.25, -1 / 32, 3 / 256]),
    "division": (lambda xp, x: x / (1 + x), 1.0, [0.25, -0.25, 0.375]),
}


@behaviour("HO-22", source=MATHS, profile="higher")
@pytest.mark.parametrize(("fn", "x", "derivatives"), ORDERS.values(), ids=ORDERS)
def test_orders(calculus, check, fn, x, derivatives):
    """Nested gradients are the second, third and fourth derivative."""
    for order, expected in enumerate(derivatives, start=1):
        check.close(calculus.grad(fn, np.array(x), order=order), np.array(expected))


@behaviour("TUT-12", source="the tutorial", profile="higher")
def test_third_derivative_of_sin(calculus, check):
    """The third derivative of sin at 0 is -1."""
    check.close(calculus.grad(lambda xp, x: xp.sin(x), np.array(0.0), order=3), np.array(-1.0))


HESSIANS = {
    "cubes": (lambda xp, x: (x**3).sum(), lambda x: np.diag(6 * x)),
    "product": (
        lambda xp, x: x[0] * x[1] * x[2],
        lambda x: np.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]]),
    ),
    "square_of_sum": (lambda xp, x: x.sum() ** 2, lambda x: np.full((3, 3), 2.0)),
    "log_sum_exp": (
        lambda xp, x: xp.log(xp.exp(x).sum()),
        lambda x: (lambda p: np.diag(p) - np.outer(p, p))(np.exp(x) / np.exp(x).sum()),
    ),
    "quotient": (
        lambda xp, x: x[0] / x[1] + x[2],
        lambda x: np.array([[0, -1 / x[1] ** 2, 0], [-1 / x[1] ** 2, 2 * x[0] / x[1] ** 3, 0], [0, 0, 0]]),
    ),
    "broadcast": (lambda xp, x: (x * x.sum()).sum(), lambda x: np.full((3, 3), 2.0)),
}


@behaviour("HO-23", source=MATHS, profile="higher")
@pytest.mark.parametrize(("fn", "expected"), HESSIANS.values(), ids=HESSIANS)
def test_hessian(calculus, check, fn, expected):
    """The Hessian is the matrix of second derivatives, and symmetric."""
    x = np.array([0.5, -1.25, 2.0])
    hessian = calculus.hessian(fn, x)
    check.close(hessian, expected(x))
    check.close(hessian, hessian.T)


@behaviour("HO-08", source=SOURCE, profile="namespace")
def test_eight_derivatives_of_sin(xp, check):
    """autograd.grad of autograd.grad, eight times: the derivatives of sin go in a circle."""
    x = xp.tensor(0.5, dtype=xp.float64, requires_grad=True)
    y = xp.sin(x)
    for expected in [math.cos(0.5), -math.sin(0.5), -math.cos(0.5), math.sin(0.5)] * 2:
        (y,) = xp.autograd.grad(y, x, create_graph=True)
        check.close(y, expected)


@behaviour("HO-07", source=SOURCE, profile="namespace")
def test_hessian_vector_product(xp, check):
    """The gradient of a gradient with grad_outputs=v is the Hessian times v."""
    x = xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True)
    (grad,) = xp.autograd.grad((x**3).sum() + x.prod(), x, create_graph=True)
    check.close(xp.autograd.grad(grad, x, xp.tensor([1.0, 10.0], dtype=xp.float64))[0], [16.0, 121.0])


@behaviour("HO-09", source=SOURCE, profile="namespace")
def test_mixed_partials(xp, check):
    """Mixed partial derivatives do not depend on the order."""
    x, y = (xp.tensor(v, dtype=xp.float64, requires_grad=True) for v in (1.5, 0.7))
    f = (x * y).sin() * x
    (grad_x,) = xp.autograd.grad(f, x, create_graph=True)
    (grad_y,) = xp.autograd.grad(f, y, create_graph=True)
    expected = 2 * 1.5 * math.cos(1.05) - 1.5**2 * 0.7 * math.sin(1.05)
    check.close(xp.autograd.grad(grad_x, y, retain_graph=True)[0], expected)
    check.close(xp.autograd.grad(grad_y, x)[0], expected)


@behaviour("HO-18", source=SOURCE, profile="namespace")
def test_third_order_through_matmul(xp, check):
    """A third derivative mixes matmul and tanh: grad for x, then for the weight, then for x."""
    w = xp.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=xp.float64, requires_grad=True)
    x = xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True)
    (first,) = xp.autograd.grad((w @ x).tanh().sum(), x, create_graph=True)
    (second,) = xp.autograd.grad(first.pow(2).sum(), w, create_graph=True)
    (third,) = xp.autograd.grad(second.pow(2).sum(), x)
    check.close(third, [-0.14805668120430951, -0.19570944310183690])  # by mpmath, at 50 digits


@behaviour("AGR-19", source=SOURCE, level="should", profile="namespace")
def test_linear(xp, check):
    """The gradient of a linear function is a constant even with create_graph: differentiating it is an error."""
    x = xp.tensor(3.0, requires_grad=True)
    (grad,) = xp.autograd.grad(2 * x, x, create_graph=True)
    assert not grad.requires_grad
    with check.raises("RuntimeError", "does not require grad and does not have a grad_fn"):
        xp.autograd.grad(grad, x)


@behaviour("AGR-20", source=SOURCE, profile="namespace")
def test_gradient_of_a_product(xp, check):
    """d(x y)/dx depends on y and not on x."""
    x, y = xp.tensor(3.0, requires_grad=True), xp.tensor(4.0, requires_grad=True)
    (grad,) = xp.autograd.grad(x * y, x, create_graph=True)
    check.none(xp.autograd.grad(grad, x, allow_unused=True, retain_graph=True)[0])
    check.equal(xp.autograd.grad(grad, y)[0], 1.0)


@behaviour("AGR-22", source=SOURCE, profile="namespace")
def test_until_it_is_constant(xp, check):
    """x * x * x gives 12, 12, 6 at 2; the 6 does not require grad, and a fourth derivative is an error."""
    x = xp.tensor(2.0, requires_grad=True)
    y, found = x * x * x, []
    for _ in range(3):
        (y,) = xp.autograd.grad(y, x, create_graph=True)
        found.append((y.item(), y.requires_grad))
    assert found == [(12.0, True), (12.0, True), (6.0, False)]
    with check.raises("RuntimeError", "does not require grad"):
        xp.autograd.grad(y, x)


@behaviour("AGR-21", source=SOURCE, level="may", profile="namespace")
def test_power_goes_one_further(xp):
    """x ** 3 gives 12, 12, 6 and then a 0 that does not require grad: pow ends one step later than a product."""
    x = xp.tensor(2.0, requires_grad=True)
    y, found = x**3, []
    for _ in range(4):
        (y,) = xp.autograd.grad(y, x, create_graph=True)
        found.append((y.item(), y.requires_grad))
    assert found == [(12.0, True), (12.0, True), (6.0, True), (0.0, False)]


@behaviour("AGR-32", source=SOURCE, profile="namespace")
def test_inside_no_grad(xp):
    """grad with create_graph=True makes a graph inside no_grad too."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**3
    with xp.no_grad():
        (plain,) = xp.autograd.grad(y, x, retain_graph=True)
        (differentiable,) = xp.autograd.grad(y, x, create_graph=True)
    assert not plain.requires_grad
    assert differentiable.requires_grad


@behaviour("AGR-33", source=SOURCE, profile="namespace")
def test_double_backward_trick(xp, check):
    """A vector-Jacobian product is linear in its vector: its gradient for the vector is a Jacobian-vector product."""
    x, v = xp.tensor([1.0, 2.0], requires_grad=True), xp.zeros(2, requires_grad=True)
    (product,) = xp.autograd.grad(x**2, x, v, create_graph=True)
    check.equal(xp.autograd.grad(product, v, xp.tensor([1.0, 10.0]))[0], [2.0, 40.0])


@behaviour("HO-13", source=SOURCE, profile="namespace")
def test_detached_gradient(xp):
    """detach() of the first gradient ends the second."""
    x = xp.tensor(2.0, requires_grad=True)
    (grad,) = xp.autograd.grad(x**3, x, create_graph=True)
    assert grad.requires_grad
    assert not grad.detach().requires_grad


@behaviour("HO-10", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(
    ("fn", "differentiable"),
    [
        (lambda x: x.relu(), True),
        (lambda x: x.abs(), True),
        (lambda x: x.sigmoid(), True),
        (lambda x: x.sign(), False),
        (lambda x: x.floor(), False),
        (lambda x: x.clamp(0, 1), False),
    ],
    ids=["relu", "abs", "sigmoid", "sign", "floor", "clamp"],
)
def test_piecewise_linear(xp, fn, differentiable):
    """The gradient of relu and abs depends on its input, if only by zero; that of sign, floor and clamp does not."""
    x = xp.tensor([0.5], requires_grad=True)
    assert xp.autograd.grad(fn(x).sum(), x, create_graph=True)[0].requires_grad == differentiable


@behaviour("HO-04", source=SOURCE)
@quiet
def test_grad_has_a_graph(xp, check):
    """After backward(create_graph=True) the gradient requires grad and can go backward itself."""
    x = xp.tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    first, x.grad = x.grad, None
    check.equal(first, 12.0)
    first.backward()
    check.equal(x.grad, 12.0)


@behaviour("HO-06", source=SOURCE)
@quiet
def test_backward_of_grad_adds(xp, check):
    """x.grad.backward() adds the second derivative to the first."""
    x = xp.tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    x.grad.backward()
    check.equal(x.grad, 24.0)


@behaviour("HO-05", source=SOURCE, profile="namespace")
@quiet
def test_accumulated_graphs(xp, check):
    """Two backward calls with create_graph accumulate into a differentiable sum."""
    x = xp.tensor(2.0, requires_grad=True)
    for _ in range(2):
        xp.autograd.backward(x**3, create_graph=True)
    check.equal(x.grad, 24.0)
    check.equal(xp.autograd.grad(x.grad, x)[0], 24.0)


@behaviour("HO-01", source=SOURCE, level="should", profile="namespace")
def test_warning(xp, check):
    """backward(create_graph=True) warns about the reference cycle, by default once in a process."""
    x = xp.tensor(2.0, requires_grad=True)
    xp.set_warn_always(True)
    try:
        with check.warns("UserWarning", "Using backward() with create_graph=True will create a reference cycle"):
            (x**3).backward(create_graph=True)
    finally:
        xp.set_warn_always(False)


@behaviour("HO-02", source=SOURCE, level="should", profile="namespace")
@quiet
def test_warning_comes_once(xp, check):
    """The warning about the reference cycle comes once: the second call is silent."""
    x = xp.tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    with check.silent():
        (x**3).backward(create_graph=True)


@behaviour("HO-03", source=SOURCE, level="should", profile="namespace")
def test_grad_does_not_warn(xp, check):
    """autograd.grad(create_graph=True) makes no cycle and gives no warning."""
    x = xp.tensor(2.0, requires_grad=True)
    xp.set_warn_always(True)
    try:
        with check.silent():
            xp.autograd.grad(x**3, x, create_graph=True)
    finally:
        xp.set_warn_always(False)


@behaviour("HO-24", source="the tutorial", profile="namespace")
def test_gradient_penalty(xp, check):
    """A loss may contain a gradient: (df/dx) ** 2 + f with f = w x ** 2 at w = 3, x = 2 gives w the gradient 100."""
    w, x = xp.tensor(3.0, requires_grad=True), xp.tensor(2.0, requires_grad=True)
    f = w * x**2
    (grad,) = xp.autograd.grad(f, x, create_graph=True)
    (grad**2 + f).backward()
    check.equal(w.grad, 2 * 12.0 * 4.0 + 4.0)


@behaviour("HO-14", source=SOURCE, level="may", profile="namespace")
def test_second_order_at_a_pole(xp, check):
    """At 0 the second derivative of sqrt is -inf; the norm's first is 0 and its second nan."""
    x, v = xp.tensor([0.0], requires_grad=True), xp.zeros(2, requires_grad=True)
    (first,) = xp.autograd.grad(x.sqrt(), x, create_graph=True)
    check.equal(xp.autograd.grad(first, x)[0], [-math.inf])
    (first,) = xp.autograd.grad(v.norm(), v, create_graph=True)
    check.equal(first, [0.0, 0.0])
    check.equal(xp.autograd.grad(first.sum(), v)[0], [math.nan, math.nan])


SECOND_AT_KINKS = {
    "abs": (lambda xp, x: abs(x) + x**3, 0.0),
    "relu": (lambda xp, x: xp.relu(x), 0.0),
    "clamp_squared": (lambda xp, x: xp.clamp(x, 0, 1) ** 2, 2.0),
}


@behaviour("SG-42", source=SOURCE, level="may", profile="higher")
@pytest.mark.parametrize(("fn", "expected"), SECOND_AT_KINKS.values(), ids=SECOND_AT_KINKS)
def test_second_order_at_a_kink(calculus, check, fn, expected):
    """The second derivative at a kink is that of the side whose first derivative was chosen."""
    check.equal(calculus.grad(fn, np.array(0.0), order=2), np.array(expected))
