"""torch.nn.functional: activations and losses of a small network."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0; mathematics"
X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], np.float32)
G = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]], np.float32)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.fixture
def nn(xp):
    """The functional namespace."""
    return xp.nn.functional


@pytest.fixture
def x(xp):
    """A leaf of two rows."""
    return xp.tensor(X.tolist(), requires_grad=True)


ACTIVATIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
}


@behaviour("FUN-01", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("name", "value", "derivative"), [(name, *row) for name, row in ACTIVATIONS.items()], ids=ACTIVATIONS
)
def test_activation(xp, nn, x, check, name, value, derivative):
    """relu, sigmoid and tanh are the same as functions of nn.functional, of the module, and as methods."""
    for y in (getattr(nn, name)(x), getattr(xp, name)(x), getattr(x, name)()):
        check.close(y, value(X))
        check.close(xp.autograd.grad(y, x, xp.tensor(G.tolist()))[0], G * derivative(X))


@behaviour("FUN-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax(xp, nn, x, check, dim):
    """softmax sums to 1 along its dimension; its gradient is s (g - sum(g s))."""
    s = _softmax(X, dim)
    y = nn.softmax(x, dim=dim)
    check.close(y, s)
    y.backward(xp.tensor(G.tolist()))
    check.close(x.grad, s * (G - (G * s).sum(dim, keepdims=True)))


@behaviour("FUN-03", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_log_softmax(xp, nn, x, check, dim):
    """log_softmax is the logarithm of softmax, computed without overflow."""
    s = _softmax(X, dim)
    y = nn.log_softmax(x, dim=dim)
    check.close(y, np.log(s))
    y.backward(xp.tensor(G.tolist()))
    check.close(x.grad, G - s * G.sum(dim, keepdims=True))
    check.close(nn.log_softmax(xp.tensor([1000.0, 0.0]), dim=0), [0.0, -1000.0])


@behaviour("FUN-04", source=SOURCE, level="should", profile="namespace")
def test_softmax_along_nothing(nn, x, check):
    """softmax without dim warns, and takes the last dimension of a matrix."""
    with check.warns("UserWarning", "Implicit dimension choice for softmax has been deprecated"):
        y = nn.softmax(x)
    check.close(y, _softmax(X, 1))


REDUCTIONS = ["mean", "sum", "none"]


@behaviour("FUN-05", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mse_loss(xp, nn, x, check, reduction):
    """mse_loss is the squared difference, averaged unless told otherwise; both arguments get gradients."""
    target = xp.tensor(G.tolist(), requires_grad=True)
    loss = nn.mse_loss(x, target, reduction=reduction)
    squares, scale = (X - G) ** 2, {"mean": 1 / X.size, "sum": 1.0, "none": 1.0}[reduction]
    check.close(loss, squares if reduction == "none" else squares.sum() * np.float32(scale))
    loss.sum().backward()
    check.close(x.grad, 2 * (X - G) * np.float32(scale))
    check.close(target.grad, -2 * (X - G) * np.float32(scale))


@behaviour("FUN-06", source=SOURCE, level="should", profile="namespace")
def test_mse_loss_of_two_sizes(xp, nn, x, check):
    """mse_loss of two sizes broadcasts, with a warning."""
    with check.warns(
        "UserWarning", "Using a target size (torch.Size([3])) that is different to the input size (torch.Size([2, 3]))"
    ):
        loss = nn.mse_loss(x, xp.zeros(3))
    check.close(loss, (X**2).mean())


@behaviour("FUN-07", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy(xp, nn, x, check, reduction):
    """cross_entropy of scores and class indices is minus the log_softmax at the class, by default averaged."""
    s, classes = _softmax(X, 1), [2, 0]
    loss = nn.cross_entropy(x, xp.tensor(classes), reduction=reduction)
    each, scale = -np.log(s[[0, 1], classes]), {"mean": 0.5, "sum": 1.0, "none": 1.0}[reduction]
    check.close(loss, each if reduction == "none" else each.sum() * np.float32(scale))
    loss.sum().backward()
    check.close(x.grad, (s - np.eye(3, dtype=np.float32)[classes]) * np.float32(scale))


@behaviour("FUN-08", source=SOURCE, profile="namespace")
def test_cross_entropy_of_probabilities(xp, nn, x, check):
    """cross_entropy takes class probabilities too."""
    p = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], np.float32)
    loss = nn.cross_entropy(x, xp.tensor(p.tolist()))
    check.close(loss, -(p * np.log(_softmax(X, 1))).sum(1).mean())
    loss.backward()
    check.close(x.grad, (_softmax(X, 1) - p) / 2)


@behaviour("SG-35", source="torch 2.13.0", profile="namespace")
def test_ignored_class(xp, nn, x, check):
    """A target of -100 is ignored: it adds no loss, no gradient, and does not count in the average."""
    loss = nn.cross_entropy(x, xp.tensor([-100, 1]))
    check.close(loss, -np.log(_softmax(X, 1))[1, 1])
    loss.backward()
    check.close(x.grad, np.array([[0, 0, 0], _softmax(X, 1)[1] - [0, 1, 0]], np.float32))


@behaviour("FUN-09", source=SOURCE, profile="namespace")
def test_large_scores(xp, nn, check):
    """cross_entropy of scores of 1000 neither overflows nor loses the gradient."""
    scores = xp.tensor([[1000.0, 0.0], [0.0, 1000.0]], requires_grad=True)
    loss = nn.cross_entropy(scores, xp.tensor([0, 0]))
    check.close(loss, 500.0)
    loss.backward()
    check.close(scores.grad, [[0.0, 0.0], [-0.5, 0.5]])


@behaviour("FUN-10", source="torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda xp, nn, x: nn.cross_entropy(x, xp.tensor([0, 3])), "IndexError", "Target 3 is out of bounds."),
        (
            lambda xp, nn, x: nn.cross_entropy(x, xp.tensor([0, 1, 2])),
            "ValueError",
            "Expected input batch_size (2) to match target batch_size (3).",
        ),
        (
            lambda xp, nn, x: nn.mse_loss(x, x, reduction="middle"),
            "ValueError",
            "middle is not a valid value for reduction",
        ),
    ],
    ids=["class_out_of_range", "batch_size", "reduction"],
)
def test_refused(xp, nn, x, check, call, error, text):
    """A class out of range, targets of another number and an unknown reduction are errors."""
    with check.raises(error, text):
        call(xp, nn, x)


@behaviour("FUN-11", source="torch 2.13.0", level="should", profile="namespace")
def test_node_names(xp, nn, x, check):
    """The functions leave their own nodes in the graph."""
    target = xp.tensor([0, 1])
    names = {
        nn.relu(x): "ReluBackward0",
        nn.softmax(x, dim=1): "SoftmaxBackward0",
        nn.mse_loss(x, x * 2): "MseLossBackward0",
        nn.cross_entropy(x, target): "NllLossBackward0",
        nn.log_softmax(x, dim=1): "LogSoftmaxBackward0",
    }
    for y, name in names.items():
        check.text(y.grad_fn.name(), name)


@behaviour("FUN-12", source=SOURCE, profile="namespace")
def test_second_order(xp, nn, check):
    """The losses can be differentiated twice: cross_entropy's Hessian is diag(s) - s s^T."""
    scores = xp.tensor([[0.5, -1.0, 2.0]], dtype=xp.float64, requires_grad=True)
    (grad,) = xp.autograd.grad(nn.cross_entropy(scores, xp.tensor([1])), scores, create_graph=True)
    rows = [check.array(xp.autograd.grad(grad[0, k], scores, retain_graph=True)[0])[0] for k in range(3)]
    s = _softmax(np.array([0.5, -1.0, 2.0]), 0)
    check.close(np.array(rows), np.diag(s) - np.outer(s, s))


@behaviour("FUN-13", source=SOURCE, profile="namespace")
def test_composed_twins(xp, nn, x, check):
    """A loss and the same written with elementary ops have the same value and gradient."""
    target, classes = xp.tensor(G.tolist()), xp.tensor([2, 0])
    pairs = [
        (nn.mse_loss(x, target), ((x - target) ** 2).mean()),
        (nn.cross_entropy(x, classes), -nn.log_softmax(x, dim=1)[[0, 1], [2, 0]].mean()),
        (nn.softmax(x, dim=1)[0, 0], x[0].exp()[0] / x[0].exp().sum()),
    ]
    for fused, composed in pairs:
        check.close(fused, check.array(composed))
        check.close(xp.autograd.grad(fused, x)[0], check.array(xp.autograd.grad(composed, x)[0]))
