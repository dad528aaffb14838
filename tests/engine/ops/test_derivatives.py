"""Derivatives against finite differences, and tangents against gradients: no second library is needed for either."""

import inspect

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from refgrad.engine import ops
from refgrad.engine.primitive import PRIMITIVES

RNG = np.random.default_rng(8)
X = RNG.permutation(np.linspace(0.1, 0.9, 6)).reshape(2, 3)
Y = RNG.permutation(np.linspace(0.15, 0.85, 6)).reshape(2, 3)
ZERO = np.where(np.arange(6).reshape(2, 3) == 1, 0, X)
CALLS = {
    "sum": (lambda x: x.sum(0, True), X),
    "mean": (lambda x: x.mean(1), X),
    "prod": (lambda x: x.prod(), X),
    "prod of a zero": (lambda x: x.prod(1), ZERO),
    "var": (lambda x: x.var(0), X),
    "std": (lambda x: x.std(1, keepdim=True), X),
    "logsumexp": (lambda x: x.logsumexp((0, 1)), X),
    "norm 2": (lambda x: x.norm(dim=0), X),
    "norm 3": (lambda x: x.norm(3), X),
    "norm 1.5": (lambda x: x.norm(1.5, 1), X),
    "norm inf": (lambda x: x.norm(float("inf")), X),
    "nansum": (lambda x: x.nansum(0), X),
    "max": (lambda x: x.max(), X),
    "max dim": (lambda x: x.max(1).values, X),
    "amin": (lambda x: x.amin(0), X),
    "median": (lambda x: x.median(1).values, X),
    "cumsum": (lambda x: x.cumsum(1), X),
    "cumprod": (lambda x: x.cumprod(1), X),
    "cumprod of a zero": (lambda x: x.cumprod(1), ZERO),
    "logcumsumexp": (lambda x: ops.logcumsumexp(x, 1), X),
    "cummax": (lambda x: x.cummax(1)[0], X),
    "sort": (lambda x: x.sort(1, descending=True)[0], X),
    "topk": (lambda x: x.topk(2, 1).values, X),
    "kthvalue": (lambda x: ops.kthvalue(x, 2, 1)[0], X),
    "dot": (lambda x, y: ops.dot(x, y), X[0], Y[0]),
    "mv": (lambda x, y: ops.mv(x, y), X, Y[0]),
    "mm": (lambda x, y: x @ y.t(), X, Y),
    "bmm": (lambda x, y: ops.bmm(x, y), X.reshape(1, 2, 3), Y.reshape(1, 3, 2)),
    "matmul": (lambda x, y: x @ y, X.reshape(3, 1, 2), Y.reshape(1, 2, 3)),
    "addmm": (lambda x, y, z: ops.addmm(x, y, z, beta=2, alpha=3), X[0], X[:, :1], Y[:1]),
    "trace": (lambda x: ops.trace(x), X),
    "linear": (lambda x, y: F.linear(x, y, y[:, 0]), X, Y),
    "softmax": (lambda x: F.softmax(x, 1), X),
    "log_softmax": (lambda x: F.log_softmax(x, 0), X),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b), X, Y[0], Y[1]),
    "mse_loss": (F.mse_loss, X, Y),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.3), X, Y),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=0.3, reduction="none"), X, Y),
    "binary_cross_entropy": (F.binary_cross_entropy, X, Y),
    "logits": (F.binary_cross_entropy_with_logits, X, Y),
    "cross_entropy": (lambda x: F.cross_entropy(x, refgrad.tensor([2, 0])), X),
    "cross_entropy of probabilities": (F.cross_entropy, X, Y),
    "embedding": (lambda w: F.embedding(refgrad.tensor([1, 1, 0]), w), X),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), X - 0.5),
    **{
        name: (getattr(F, name), 3 * (X - 0.47))
        for name in (
            "relu6",
            "leaky_relu",
            "elu",
            "selu",
            "celu",
            "gelu",
            "silu",
            "mish",
            "softplus",
            "logsigmoid",
            "hardtanh",
        )
    },
}
STEP = 1e-5


def leaves(arrays):
    return [refgrad.from_numpy(np.array(a)).requires_grad_() for a in arrays]


def scalar(call, tensors):
    """``call`` as a number: weighted by what depends on the place only."""
    result = call(*tensors)
    weights = refgrad.from_numpy(np.cos(np.arange(result.numel())).reshape(tuple(result.shape)))
    return (result * weights).sum()


def slope(call, tensors):
    """The derivative of ``scalar`` along a fixed direction, recorded."""
    grads = refgrad.autograd.grad(scalar(call, tensors), tensors, create_graph=True)
    return sum((g * refgrad.from_numpy(d)).sum() for g, d in zip(grads, directions(tensors)))


def directions(tensors):
    return [np.sin(1.0 + np.arange(t.numel())).reshape(tuple(t.shape)) for t in tensors]


def difference(function, call, arrays):
    """The derivative of ``function`` along the same direction, by central differences."""
    ways = directions(leaves(arrays))
    up, down = (leaves([a + s * STEP * d for a, d in zip(arrays, ways)]) for s in (1, -1))
    return (function(call, up).item() - function(call, down).item()) / (2 * STEP)


@pytest.mark.parametrize("name", CALLS)
def test_gradient_is_the_slope(name):
    """A gradient is the slope that finite differences measure."""
    call, *arrays = CALLS[name]
    assert slope(call, leaves(arrays)).item() == pytest.approx(difference(scalar, call, arrays), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", CALLS)
def test_second_derivative_is_the_slope_of_the_gradient(name):
    """A gradient of a gradient is the slope of the gradient that finite differences measure."""
    call, *arrays = CALLS[name]
    tensors = leaves(arrays)
    first = slope(call, tensors)
    if first.requires_grad:
        grads = refgrad.autograd.grad(first, tensors, allow_unused=True)
        second = sum((g.numpy() * d).sum() for g, d in zip(grads, directions(tensors)) if g is not None)
    else:
        second = 0.0
    assert second == pytest.approx(difference(slope, call, arrays), rel=1e-5, abs=1e-7)


TANGENTS = {
    "_sum_all": ((X,), {}),
    "_sum_dim": ((X,), {"dim": 0, "keepdim": False}),
    "_mean_all": ((X,), {}),
    "_mean_dim": ((X,), {"dim": 1, "keepdim": True}),
    "div_scalar": ((X,), {"other": 3.0}),
    "mul_scalar": ((X,), {"other": 3.0}),
    "logsumexp": ((X,), {"dim": 1, "keepdim": False}),
    "cumsum": ((X,), {"dim": 1}),
    "dot": ((X[0], Y[0]), {}),
    "mv": ((X, Y[0]), {}),
    "mm": ((X, Y.T.copy()), {}),
    "bmm": ((X.reshape(1, 2, 3), Y.reshape(1, 3, 2)), {}),
    "addmm": ((X[0], X[:, :1], Y[:1]), {"beta": 2, "alpha": 3}),
    "trace": ((X,), {}),
    "_softmax": ((X,), {"dim": 1}),
    "_log_softmax": ((X,), {"dim": 0}),
    "leaky_relu": ((X - 0.47,), {"negative_slope": 0.1}),
    "hardtanh": ((X,), {"min_val": 0.2, "max_val": 0.7}),
    "_elu": ((X - 0.47,), {"alpha": 2.0, "scale": 1.5, "input_scale": 0.5}),
    "gelu": ((X,), {"approximate": "none"}),
    "silu": ((X,), {}),
    "softplus": ((X,), {"beta": 2.0, "threshold": 1.0}),
    "logsigmoid": ((X,), {}),
}


def applied(op, rule, direction, arrays, params, result):
    """A rule, on the values that it names."""
    values = {
        "grad": direction,
        "tangent": direction,
        "result": result,
        "dtype": None,
        **params,
        **dict(zip(op.inputs, arrays)),
    }
    for what in ("shape", "strides", "dtype"):
        values |= {f"{name}_{what}": getattr(a, what) for name, a in zip(op.inputs, arrays)}
    return rule(*(values[name] for name in inspect.signature(rule).parameters))


def summed_to(array, shape):
    """``array`` summed over the dimensions that broadcasting gave it."""
    array = np.asarray(array)
    array = array.sum(tuple(range(array.ndim - len(shape))))
    return array.sum(tuple(d for d, n in enumerate(shape) if n == 1), keepdims=True)


@pytest.mark.parametrize("name", TANGENTS)
def test_tangent_is_the_transpose_of_the_gradient(name):
    """<jvp(tangent), grad> = <tangent, vjp(grad)> for each input."""
    op, (arrays, params) = PRIMITIVES[name], TANGENTS[name]
    result = np.asarray(
        op.forward(*arrays, **params) if "dtype" not in op.params else op.forward(*arrays, *params.values(), None)
    )
    grad = RNG.normal(size=result.shape)
    for input_name, array in zip(op.inputs, arrays):
        tangent = RNG.normal(size=array.shape)
        forward = applied(op, op.jvps[input_name], tangent, arrays, params, result)
        backward = summed_to(applied(op, op.vjps[input_name], grad, arrays, params, result), array.shape)
        assert np.sum(forward * grad) == pytest.approx(np.sum(tangent * backward), rel=1e-12)
