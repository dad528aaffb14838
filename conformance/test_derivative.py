"""First derivatives of single ops, against formulas written by hand, with cotangents that are not constant."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

MATHS = "mathematics"
X = np.array([[0.3, -1.2, 2.1], [1.7, -0.4, -2.5]])
Y = np.array([[1.1, 0.6, -1.4], [-2.2, 0.9, 3.0]])
POSITIVE = np.array([[0.3, 1.2, 2.1], [1.7, 0.4, 2.5]])
UNIT = np.array([[0.3, -0.2, 0.9], [-0.7, 0.4, -0.5]])
G = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])

UNARY = {
    "neg": (lambda xp, x: -x, X, lambda x: -np.ones_like(x)),
    "add_scalar": (lambda xp, x: x + 3, X, lambda x: np.ones_like(x)),
    "scalar_minus": (lambda xp, x: 3 - x, X, lambda x: -np.ones_like(x)),
    "mul_scalar": (lambda xp, x: 2.5 * x, X, lambda x: np.full_like(x, 2.5)),
    "div_scalar": (lambda xp, x: x / 4, X, lambda x: np.full_like(x, 0.25)),
    "scalar_over": (lambda xp, x: 2 / x, X, lambda x: -2 / x**2),
    "square": (lambda xp, x: x**2, X, lambda x: 2 * x),
    "cube": (lambda xp, x: x**3, X, lambda x: 3 * x**2),
    "pow_minus_1": (lambda xp, x: x**-1, X, lambda x: -1 / x**2),
    "pow_half": (lambda xp, x: x**0.5, POSITIVE, lambda x: 0.5 / np.sqrt(x)),
    "pow_0": (lambda xp, x: x**0, X, lambda x: np.zeros_like(x)),
    "scalar_base": (lambda xp, x: 2**x, X, lambda x: np.log(2) * 2.0**x),
    "exp": (lambda xp, x: xp.exp(x), X, np.exp),
    "expm1": (lambda xp, x: xp.expm1(x), X, np.exp),
    "log": (lambda xp, x: xp.log(x), POSITIVE, lambda x: 1 / x),
    "log1p": (lambda xp, x: xp.log1p(x), POSITIVE, lambda x: 1 / (1 + x)),
    "log2": (lambda xp, x: xp.log2(x), POSITIVE, lambda x: 1 / (x * np.log(2))),
    "sqrt": (lambda xp, x: xp.sqrt(x), POSITIVE, lambda x: 0.5 / np.sqrt(x)),
    "rsqrt": (lambda xp, x: xp.rsqrt(x), POSITIVE, lambda x: -0.5 * x**-1.5),
    "reciprocal": (lambda xp, x: xp.reciprocal(x), X, lambda x: -1 / x**2),
    "sin": (lambda xp, x: xp.sin(x), X, np.cos),
    "cos": (lambda xp, x: xp.cos(x), X, lambda x: -np.sin(x)),
    "tan": (lambda xp, x: xp.tan(x), UNIT, lambda x: 1 / np.cos(x) ** 2),
    "asin": (lambda xp, x: xp.asin(x), UNIT, lambda x: 1 / np.sqrt(1 - x**2)),
    "acos": (lambda xp, x: xp.acos(x), UNIT, lambda x: -1 / np.sqrt(1 - x**2)),
    "atan": (lambda xp, x: xp.atan(x), X, lambda x: 1 / (1 + x**2)),
    "sinh": (lambda xp, x: xp.sinh(x), X, np.cosh),
    "cosh": (lambda xp, x: xp.cosh(x), X, np.sinh),
    "tanh": (lambda xp, x: xp.tanh(x), X, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (lambda xp, x: xp.sigmoid(x), X, lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "relu": (lambda xp, x: xp.relu(x), X, lambda x: (x > 0) * 1.0),
    "abs": (lambda xp, x: abs(x), X, np.sign),
    "clamp": (lambda xp, x: xp.clamp(x, -1.0, 2.0), X, lambda x: ((x > -1) & (x < 2)) * 1.0),
    "sign": (lambda xp, x: xp.sign(x) * x, X, np.sign),
    "clone": (lambda xp, x: xp.clone(x), X, lambda x: np.ones_like(x)),
}


@behaviour("DER-01", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "x", "derivative"), UNARY.values(), ids=UNARY)
def test_unary(calculus, check, fn, x, derivative):
    """The gradient of an element-wise op of one input is the cotangent times its derivative."""
    _, (grad,) = calculus.vjp(fn, (x,), G)
    check.close(grad, G * derivative(x))


BINARY = {
    "add": (lambda xp, x, y: x + y, X, Y, lambda x, y: (1, 1)),
    "sub": (lambda xp, x, y: x - y, X, Y, lambda x, y: (1, -1)),
    "mul": (lambda xp, x, y: x * y, X, Y, lambda x, y: (y, x)),
    "div": (lambda xp, x, y: x / y, X, Y, lambda x, y: (1 / y, -x / y**2)),
    "pow": (lambda xp, x, y: x**y, POSITIVE, Y, lambda x, y: (y * x ** (y - 1), x**y * np.log(x))),
    "maximum": (lambda xp, x, y: xp.maximum(x, y), X, Y, lambda x, y: (x > y, y > x)),
    "minimum": (lambda xp, x, y: xp.minimum(x, y), X, Y, lambda x, y: (x < y, y < x)),
    "where": (lambda xp, x, y: xp.where(x > 0, x * 2, y * 5), X, Y, lambda x, y: (2 * (x > 0), 5 * (x <= 0))),
}


@behaviour("DER-02", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "x", "y", "derivatives"), BINARY.values(), ids=BINARY)
def test_binary(calculus, check, fn, x, y, derivatives):
    """An element-wise op of two inputs gives each the cotangent times its partial derivative."""
    _, grads = calculus.vjp(fn, (x, y), G)
    for grad, derivative in zip(grads, derivatives(x, y), strict=True):
        check.close(grad, G * derivative)


SHARED = {
    "add": (lambda xp, x: x + x, lambda x: 2 * np.ones_like(x)),
    "sub": (lambda xp, x: x - x, lambda x: np.zeros_like(x)),
    "mul": (lambda xp, x: x * x, lambda x: 2 * x),
    "div": (lambda xp, x: x / x, lambda x: np.zeros_like(x)),
    "pow": (lambda xp, x: x**x, lambda x: x**x * (np.log(x) + 1)),
    "two_paths": (lambda xp, x: xp.sin(x) * xp.exp(x), lambda x: np.exp(x) * (np.sin(x) + np.cos(x))),
    "diamond": (lambda xp, x: (lambda h: h * xp.cos(h))(x * x), lambda x: 2 * x * (np.cos(x**2) - x**2 * np.sin(x**2))),
}


@behaviour("DER-03", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "derivative"), SHARED.values(), ids=SHARED)
def test_repeated_input(calculus, check, fn, derivative):
    """An input that reaches the output by several ways gets the sum over the ways."""
    _, (grad,) = calculus.vjp(fn, (POSITIVE,), G)
    check.close(grad, G * derivative(POSITIVE))


def _summed(grad, shape):
    lead = tuple(range(grad.ndim - len(shape)))
    ones = tuple(d + len(lead) for d, size in enumerate(shape) if size == 1)
    return grad.sum(lead + ones, keepdims=True).reshape(shape)


BROADCAST = [
    ((3, 1), (1, 4)),
    ((4,), (3, 4)),
    ((2, 1, 3), (4, 1)),
    ((), (2, 3)),
    ((1,), (5,)),
    ((1, 1), (2, 3)),
    ((2, 3), ()),
]


@behaviour("BC-01", source="torch 2.13.0; mathematics", profile="core")
@pytest.mark.parametrize("op", ["add", "mul", "div"])
@pytest.mark.parametrize(("left", "right"), BROADCAST, ids=str)
def test_broadcast(calculus, check, op, left, right):
    """A broadcast input's gradient is summed over the dimensions it was stretched along, to the input's exact shape."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2, left), rng.uniform(0.5, 2, right)
    fn = {"add": lambda xp, x, y: x + y, "mul": lambda xp, x, y: x * y, "div": lambda xp, x, y: x / y}[op]
    g = rng.normal(size=np.broadcast_shapes(left, right))
    dx, dy = {"add": (g, g), "mul": (g * y, g * x), "div": (g / y, -g * x / y**2)}[op]
    _, (grad_x, grad_y) = calculus.vjp(fn, (x, y), g)
    check.close(grad_x, _summed(dx, left))
    check.close(grad_y, _summed(dy, right))


@behaviour("BC-02", source="torch 2.13.0", profile="core")
def test_broadcast_zero_dimensional(calculus, check):
    """The gradient of a 0-dim input that was stretched over a vector is 0-dim."""
    _, (grad, _) = calculus.vjp(lambda xp, a, b: (a * b).sum(), (np.array(2.0), np.array([1.0, 2.0, 3.0])))
    check.equal(grad, np.array(6.0))


@behaviour("BC-04", source="torch 2.13.0", profile="core")
def test_broadcast_against_size_zero(calculus, check):
    """Stretched along a dimension of size 0, an input gets zeros of its own shape."""
    _, (empty, stretched) = calculus.vjp(lambda xp, a, b: (a + b).sum(), (np.ones((4, 0)), np.ones((4, 1))))
    check.equal(empty, np.ones((4, 0)))
    check.equal(stretched, np.zeros((4, 1)))


MATMUL = {
    "vector_vector": ((3,), (3,), lambda a, b, g: (g * b, g * a)),
    "matrix_vector": ((2, 3), (3,), lambda a, b, g: (np.outer(g, b), a.T @ g)),
    "vector_matrix": ((2,), (2, 3), lambda a, b, g: (b @ g, np.outer(a, g))),
    "matrix_matrix": ((2, 3), (3, 4), lambda a, b, g: (g @ b.T, a.T @ g)),
    "batched": ((5, 2, 3), (5, 3, 4), lambda a, b, g: (g @ b.swapaxes(1, 2), a.swapaxes(1, 2) @ g)),
    "batch_times_matrix": ((5, 2, 3), (3, 4), lambda a, b, g: (g @ b.T, np.einsum("bij,bik->jk", a, g))),
    "matrix_times_batch": ((2, 3), (5, 3, 4), lambda a, b, g: (np.einsum("bik,bjk->ij", g, b), a.T @ g)),
}


@behaviour("BC-07", source="torch 2.13.0; mathematics", profile="core")
@pytest.mark.parametrize(("left", "right", "expected"), MATMUL.values(), ids=MATMUL)
def test_matmul(calculus, check, left, right, expected):
    """The gradients of a @ b are products with the other's transpose, summed over stretched batch dimensions."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=left), rng.normal(size=right)
    g = rng.normal(size=(a @ b).shape)
    value, (grad_a, grad_b) = calculus.vjp(lambda xp, a, b: a @ b, (a, b), g)
    want_a, want_b = expected(a, b, g)
    check.close(value, a @ b)
    check.close(grad_a, want_a)
    check.close(grad_b, want_b)


PROGRAMS = {
    "polynomial": lambda xp, x: (x**3 - 2 * x**2 + x).sum(),
    "softplus": lambda xp, x: xp.log(1 + xp.exp(x)).sum(),
    "gaussian": lambda xp, x: (xp.exp(-x * x / 2) * xp.cos(3 * x)).sum(),
    "normalise": lambda xp, x: ((x - x.mean()) / xp.sqrt(((x - x.mean()) ** 2).mean()) * x[0]).sum(),
    "log_sum_exp": lambda xp, x: xp.log(xp.exp(x).sum(1)).sum() * x[1, 0],
    "two_layers": lambda xp, x: (xp.tanh(x @ x.T) @ x).mean(),
    "quotient_chain": lambda xp, x: (x / (1 + x**2) / (2 + xp.sin(x))).sum(),
    "control_flow": lambda xp, x: (x * 2 if x[0, 0] > 0 else x * 5).sum() + (x[0] * x[1]).sum(),
}


@behaviour("DER-04", source="finite differences in float64", profile="core")
@pytest.mark.parametrize("fn", PROGRAMS.values(), ids=PROGRAMS)
def test_finite_differences(calculus, check, fn):
    """The gradient of a smooth program is what central differences of its values give."""
    calculus.require("float64")
    _, (grad,) = calculus.vjp(fn, (X,))
    numerical = np.zeros_like(X)
    for index in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[index] = 1e-5
        numerical[index] = (calculus.value(fn, X + step) - calculus.value(fn, X - step)) / 2e-5
    check.close(grad, numerical)


@behaviour("DER-10", source=MATHS, profile="core")
def test_left_aside(calculus, check):
    """A result that is computed and left aside has no part in the gradient of the output, and does not stop it."""

    def fn(xp, x):
        h = x * 3
        h * 5
        return h * x

    check.close(calculus.vjp(fn, (X,), G)[1][0], 6 * X * G)


@behaviour("DER-05", source=MATHS, profile="core")
def test_linearity(calculus, check):
    """A vector-Jacobian product is linear in its cotangent."""

    def grad(cotangent):
        return calculus.vjp(lambda xp, x: xp.tanh(x) * x, (X,), cotangent)[1][0]

    check.close(grad(2 * G - 3 * Y), 2 * grad(G) - 3 * grad(Y))


@behaviour("ACC-14", source="torch 2.13.0", profile="core")
@pytest.mark.parametrize(
    "fn",
    [lambda xp, x: (x * 0).sum(), lambda xp, x: xp.floor(x).sum(), lambda xp, x: xp.round(x).sum()],
    ids=["times_0", "floor", "round"],
)
def test_zero_derivative(calculus, check, fn):
    """An input whose derivative is zero gets zeros: it was used."""
    check.equal(calculus.vjp(fn, (X,))[1][0], np.zeros_like(X))
