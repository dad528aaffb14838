"""The tutorial's programs and exercises, whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

TUTORIAL = "the tutorial"
GOLDEN = json.loads((Path(__file__).parent / "goldens" / "torch-2.13" / "linear_regression.json").read_text())
RATE, EPOCHS = 0.05, 100


def mean_square(x, w, b, y):
    return ((x * w + b - y) ** 2).mean()


@behaviour("TUT-20", source="the tutorial; recorded from torch 2.13.0", profile="namespace")
def test_linear_regression(xp, check):
    """The linear regression from seed 42 draws PyTorch's data, and its loss curve and final w and b are PyTorch's."""
    xp.manual_seed(42)
    x = xp.randn(100, 1)
    y = 3 * x + 2 + 0.1 * xp.randn(100, 1)
    w, b = xp.randn(1, requires_grad=True), xp.zeros(1, requires_grad=True)
    check.close(x, GOLDEN["x"])
    check.close(y, GOLDEN["y"])
    check.close(w, GOLDEN["start"])
    check.close(np.array(descend(xp, x, y, w, b), np.float32), GOLDEN["losses"])
    check.close(w, GOLDEN["w"])
    check.close(b, GOLDEN["b"])


def descend(xp, x, y, w, b):
    losses = []
    for _ in range(EPOCHS):
        loss = mean_square(x, w, b, y)
        loss.backward()
        with xp.no_grad():
            w -= RATE * w.grad
            b -= RATE * b.grad
        w.grad.zero_()
        b.grad.zero_()
        losses.append(loss.item())
    return losses


@behaviour("TUT-21", source="the tutorial; recorded from torch 2.13.0")
def test_linear_regression_on_a_tape(xp, check):
    """The linear regression on PyTorch's data, updated in place under no_grad, has PyTorch's loss curve, w and b."""
    x, y = xp.tensor(GOLDEN["x"]), xp.tensor(GOLDEN["y"])
    w, b = xp.tensor(GOLDEN["start"], requires_grad=True), xp.tensor([0.0], requires_grad=True)
    check.close(np.array(descend(xp, x, y, w, b), np.float32), GOLDEN["losses"])
    check.close(check.array(w).astype(np.float32), GOLDEN["w"])
    check.close(check.array(b).astype(np.float32), GOLDEN["b"])


@behaviour("TUT-22", source="the tutorial; recorded from torch 2.13.0", profile="core")
def test_linear_regression_by_function(calculus, check):
    """The linear regression as a function and its gradient has PyTorch's loss curve, w and b."""
    x, y = (np.array(GOLDEN[name], np.float32) for name in "xy")
    w, b = np.array(GOLDEN["start"], np.float32), np.zeros(1, np.float32)
    losses = []
    for _ in range(EPOCHS):
        loss, grads = calculus.vjp(lambda xp, w, b: mean_square(xp.tensor(x), w, b, xp.tensor(y)), (w, b))
        w, b = (p - np.float32(RATE) * grad for p, grad in zip((w, b), grads, strict=True))
        losses.append(float(loss))
    check.close(np.array(losses, np.float32), GOLDEN["losses"])
    check.close(w, GOLDEN["w"])
    check.close(b, GOLDEN["b"])


@behaviour("TUT-23", source="the tutorial; mathematics", profile="core")
def test_first_gradient_of_the_regression(calculus, check):
    """The regression's first gradient is the mean of 2 e x for w, and of 2 e for b, e being the error."""
    x, y, start = (np.array(GOLDEN[name]) for name in ("x", "y", "start"))
    _, (grad_w, grad_b, _, _) = calculus.vjp(lambda xp, w, b, x, y: mean_square(x, w, b, y), (start, np.zeros(1), x, y))
    error = x * start - y
    check.close(grad_w, [(2 * error * x).mean()])
    check.close(grad_b, [(2 * error).mean()])


CUBICS = {
    "x ** 3": (lambda x: x**3, 27.0, 27.0),
    "x ** 3 - 4 x ** 2 + 6 x - 2": (lambda x: x**3 - 4 * x**2 + 6 * x - 2, 7.0, 9.0),
    "2 x ** 3 + 5 x": (lambda x: 2 * x**3 + 5 * x, 69.0, 59.0),
}


@behaviour("TUT-24", source="the tutorial, exercise")
@pytest.mark.parametrize(("fn", "value", "derivative"), CUBICS.values(), ids=CUBICS)
def test_cubic_at_three(xp, check, fn, value, derivative):
    """A cubic's value and derivative at 3."""
    x = xp.tensor(3.0, requires_grad=True)
    y = fn(x)
    y.backward()
    check.close(y, value)
    check.close(x.grad, derivative)


@behaviour("TUT-25", source="the tutorial, exercise", profile="core")
@pytest.mark.parametrize(("fn", "value", "derivative"), CUBICS.values(), ids=CUBICS)
def test_cubic_by_function(calculus, check, fn, value, derivative):
    """A cubic's value and derivative at 3, asked of a function."""
    found, (grad,) = calculus.vjp(lambda xp, x: fn(x), (np.array(3.0),))
    check.close(found, np.array(value))
    check.close(grad, np.array(derivative))


INPUTS, TARGETS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]]


def weights():
    """A 2-4-1 network's first weights."""
    rng = np.random.default_rng(1)
    return [rng.normal(size=(2, 4)), np.zeros(4), rng.normal(size=(4, 1)), np.zeros(1)]


def network(xp, x, w1, b1, w2, b2):
    return xp.sigmoid(xp.tanh(x @ w1 + b1) @ w2 + b2)


@behaviour("TUT-26", source="the tutorial, exercise")
def test_xor(xp, check):
    """A 2-layer network of plain tensors learns XOR: 300 steps of gradient descent bring the loss below 0.01."""
    x, y = xp.tensor(INPUTS), xp.tensor(TARGETS)
    parameters = [xp.tensor(p.tolist(), requires_grad=True) for p in weights()]
    for _ in range(300):
        loss = ((network(xp, x, *parameters) - y) ** 2).mean()
        loss.backward()
        with xp.no_grad():
            for p in parameters:
                p -= 2.0 * p.grad
                p.grad = None
    assert loss.item() < 0.01
    check.equal(check.array(network(xp, x, *parameters)).round(), TARGETS)


@behaviour("TUT-27", source="the tutorial, exercise", profile="core")
def test_xor_by_function(calculus, check):
    """The same network learns XOR where the gradients are asked of a function."""
    x, y, parameters = np.array(INPUTS), np.array(TARGETS), weights()

    def loss(xp, x, y, *parameters):
        return ((network(xp, x, *parameters) - y) ** 2).mean()

    for _ in range(300):
        value, (_, _, *grads) = calculus.vjp(loss, (x, y, *parameters))
        parameters = [p - 2.0 * grad for p, grad in zip(parameters, grads, strict=True)]
    assert value < 0.01
    check.equal(calculus.value(network, x, *parameters).round(), TARGETS)


@behaviour("TUT-28", source="the tutorial, exercise; mathematics", profile="core")
def test_gradients_of_the_network(calculus, check):
    """The 2-layer network's gradients are those of backpropagation written by hand."""
    x, y, (w1, b1, w2, b2) = np.array(INPUTS), np.array(TARGETS), weights()
    _, grads = calculus.vjp(
        lambda xp, *p: ((network(xp, xp.tensor(x), *p) - xp.tensor(y)) ** 2).mean(), (w1, b1, w2, b2)
    )
    hidden = np.tanh(x @ w1 + b1)
    out = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
    d_out = 2 * (out - y) / y.size * out * (1 - out)
    d_hidden = d_out @ w2.T * (1 - hidden**2)
    for grad, expected in zip(grads, (x.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_out, d_out.sum(0)), strict=True):
        check.close(grad, expected)


@behaviour("TUT-29", source="the tutorial, exercise")
@pytest.mark.parametrize("size", [5, 20, 50, 100])
def test_gradient_accumulation(xp, check, size):
    """Mean losses over mini-batches, each weighted by its share, accumulate to the full batch's gradient."""
    x, y = GOLDEN["x"], GOLDEN["y"]
    full, parts = ([xp.tensor([0.5], requires_grad=True), xp.tensor([-0.25], requires_grad=True)] for _ in range(2))
    mean_square(xp.tensor(x), *full, xp.tensor(y)).backward()
    for start in range(0, 100, size):
        batch = slice(start, start + size)
        (mean_square(xp.tensor(x[batch]), *parts, xp.tensor(y[batch])) * (size / 100)).backward()
    for p, q in zip(full, parts, strict=True):
        check.close(q.grad, check.array(p.grad))


@behaviour("TUT-30", source="the tutorial, exercise", profile="namespace")
def test_third_derivative_of_sin(xp, check):
    """The third derivative of sin at 0, by grad of grad of grad, is -1; the first two are 1 and 0."""
    x = xp.tensor(0.0, requires_grad=True)
    y = xp.sin(x)
    for expected in (1.0, 0.0, -1.0):
        (y,) = xp.autograd.grad(y, x, create_graph=True)
        check.equal(y, expected)


@behaviour("TUT-31", source=TUTORIAL)
def test_forgotten_zeroing(xp, check):
    """Without zeroing, a descent step uses the sum of all gradients so far."""
    w = xp.tensor([1.0], requires_grad=True)
    seen = []
    for _ in range(3):
        (2 * w).backward()
        seen.append(w.grad.item())
    assert seen == [2.0, 4.0, 6.0]


@behaviour("TUT-32", source=TUTORIAL)
def test_detached_metric(xp, check):
    """Losses kept as item() or detached do not hold the graph, and the running sum is a plain number."""
    w, total = xp.tensor([2.0], requires_grad=True), 0.0
    for _ in range(3):
        loss = (w * w).sum()
        total += loss.item()
        assert not loss.detach().requires_grad
    assert isinstance(total, float)
    assert total == 12.0


@behaviour("TUT-33", source=TUTORIAL)
def test_frozen_layer(xp, check):
    """A layer whose weight does not require grad passes the gradient on and keeps none."""
    x = xp.tensor([[1.0, 2.0]], requires_grad=True)
    frozen, trained = xp.tensor([[1.0, 0.5], [-1.0, 2.0]]), xp.tensor([[3.0], [4.0]], requires_grad=True)
    ((x @ frozen) @ trained).sum().backward()
    check.none(frozen.grad)
    check.equal(trained.grad, [[-1.0], [4.5]])
    check.equal(x.grad, [[5.0, 5.0]])
