"""Values of the ops that a small network needs, against NumPy's and against numbers written out."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

MATHS = "mathematics"
X = np.array([[0.3, -1.2, 2.1], [1.7, -0.4, -2.5]])
Y = np.array([[1.1, 0.6, -1.4], [-2.2, 0.9, 3.0]])
POSITIVE = np.abs(X)

UNARY = {
    "exp": (X, np.exp),
    "expm1": (X, np.expm1),
    "log": (POSITIVE, np.log),
    "log1p": (POSITIVE, np.log1p),
    "log2": (POSITIVE, np.log2),
    "log10": (POSITIVE, np.log10),
    "sqrt": (POSITIVE, np.sqrt),
    "rsqrt": (POSITIVE, lambda x: 1 / np.sqrt(x)),
    "reciprocal": (X, lambda x: 1 / x),
    "square": (X, np.square),
    "sin": (X, np.sin),
    "cos": (X, np.cos),
    "tan": (X, np.tan),
    "atan": (X, np.arctan),
    "sinh": (X, np.sinh),
    "cosh": (X, np.cosh),
    "tanh": (X, np.tanh),
    "sigmoid": (X, lambda x: 1 / (1 + np.exp(-x))),
    "relu": (X, lambda x: np.maximum(x, 0)),
    "abs": (X, np.abs),
    "sign": (X, np.sign),
    "floor": (X, np.floor),
    "ceil": (X, np.ceil),
    "trunc": (X, np.trunc),
    "neg": (X, np.negative),
}


@behaviour("FWV-01", source=MATHS, profile="core")
@pytest.mark.parametrize(("name", "x", "expected"), [(name, *row) for name, row in UNARY.items()], ids=UNARY)
def test_unary(calculus, check, name, x, expected):
    """An element-wise function of one input has its mathematical value at every element."""
    check.close(calculus.value(lambda xp, x: getattr(xp, name)(x), x), expected(x))


BINARY = {
    "add": (lambda xp, x, y: x + y, X + Y),
    "sub": (lambda xp, x, y: x - y, X - Y),
    "mul": (lambda xp, x, y: x * y, X * Y),
    "div": (lambda xp, x, y: x / y, X / Y),
    "pow": (lambda xp, x, y: abs(x) ** y, POSITIVE**Y),
    "maximum": (lambda xp, x, y: xp.maximum(x, y), np.maximum(X, Y)),
    "minimum": (lambda xp, x, y: xp.minimum(x, y), np.minimum(X, Y)),
    "where": (lambda xp, x, y: xp.where(x > y, x, y * 2), np.where(X > Y, X, Y * 2)),
    "matmul": (lambda xp, x, y: x @ y.T, X @ Y.T),
    "radd": (lambda xp, x, y: 3 + x, 3 + X),
    "rsub": (lambda xp, x, y: 3 - x, 3 - X),
    "rtruediv": (lambda xp, x, y: 3 / x, 3 / X),
    "rpow": (lambda xp, x, y: 3**x, 3**X),
    "broadcast": (lambda xp, x, y: x * y[0] + y[:, :1], X * Y[0] + Y[:, :1]),
}


@behaviour("FWV-02", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "expected"), BINARY.values(), ids=BINARY)
def test_binary(calculus, check, fn, expected):
    """A function of two inputs has its mathematical value, broadcast where the shapes differ."""
    check.close(calculus.value(fn, X, Y), expected)


REDUCTIONS = {
    "sum": (lambda xp, x: x.sum(), 0.0),
    "mean": (lambda xp, x: x.mean(), 0.0),
    "prod": (lambda xp, x: x.prod(), 0.3 * -1.2 * 2.1 * 1.7 * -0.4 * -2.5),
    "max": (lambda xp, x: x.max(), 2.1),
    "min": (lambda xp, x: x.min(), -2.5),
    "sum_dim": (lambda xp, x: x.sum(dim=1), [1.2, -1.2]),
    "mean_dim": (lambda xp, x: x.mean(dim=0), [1.0, -0.8, -0.2]),
    "amax_dim": (lambda xp, x: xp.amax(x, dim=1), [2.1, 1.7]),
    "cumsum": (lambda xp, x: xp.cumsum(x, dim=1), [[0.3, -0.9, 1.2], [1.7, 1.3, -1.2]]),
}


@behaviour("FWV-03", source=MATHS, profile="core")
@pytest.mark.parametrize(("fn", "expected"), REDUCTIONS.values(), ids=REDUCTIONS)
def test_reduction(calculus, check, fn, expected):
    """A reduction has its mathematical value."""
    check.close(calculus.value(fn, X), np.array(expected))


@behaviour("FWV-04", source="torch 2.13.0; mathematics", profile="core")
@pytest.mark.parametrize(("name", "expected"), [("var", 3.048), ("std", 3.048**0.5)])
def test_unbiased(calculus, check, name, expected):
    """var and std divide by n - 1 unless told otherwise."""
    check.close(calculus.value(lambda xp, x: getattr(x, name)(), X), np.array(expected))


@behaviour("TUT-01", source="the tutorial", profile="core")
@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda xp, x: x**2, 4.0),
        (lambda xp, x: x * 3 + 1, 7.0),
        (lambda xp, x: xp.exp(x), 7.38905609893065),
        (lambda xp, x: xp.sigmoid(x), 0.8807970779778823),
        (lambda xp, x: xp.tanh(x), 0.9640275800758169),
    ],
    ids=["square", "affine", "exp", "sigmoid", "tanh"],
)
def test_at_two(calculus, check, fn, expected):
    """The tutorial's functions have these values at 2."""
    check.close(calculus.value(fn, np.array([2.0])), np.array([expected]))


SATURATED = {"sigmoid": [0.0, 0.5, 1.0], "tanh": [-1.0, 0.0, 1.0], "relu": [0.0, 0.0, 1000.0]}
ALONG_A_DIMENSION = {"softmax": [0.0, 0.0, 1.0], "log_softmax": [-2000.0, -1000.0, 0.0], "logsumexp": 1000.0}


@behaviour("FWV-05", source=MATHS, profile="core")
@pytest.mark.parametrize(("name", "expected"), SATURATED.items(), ids=SATURATED)
def test_saturation(calculus, check, name, expected):
    """sigmoid, tanh and relu of large values saturate or pass through: no overflow, no nan."""
    check.equal(calculus.value(lambda xp, x: getattr(xp, name)(x), np.array([-1000.0, 0.0, 1000.0])), expected)


@behaviour("FWV-07", source=MATHS, profile="core")
@pytest.mark.parametrize(("name", "expected"), ALONG_A_DIMENSION.items(), ids=ALONG_A_DIMENSION)
def test_no_overflow(calculus, check, name, expected):
    """softmax and its relatives of large values do not overflow."""
    check.equal(calculus.value(lambda xp, x: getattr(xp, name)(x, dim=0), np.array([-1000.0, 0.0, 1000.0])), expected)


@behaviour("FWV-06", source="torch 2.13.0", profile="core")
def test_rounding_halves(calculus, check):
    """round takes halves to the even neighbour."""
    check.equal(
        calculus.value(lambda xp, x: xp.round(x), np.array([0.5, 1.5, 2.5, -0.5, -1.5])),
        np.array([0.0, 2.0, 2.0, -0.0, -2.0]),
    )


@behaviour("TUT-02", source="the tutorial", profile="core")
def test_inputs_are_left_alone(calculus, check):
    """Computing does not change the inputs."""
    x = X.copy()
    calculus.vjp(lambda xp, x: (x * x + xp.exp(x)).sum(), (x,))
    check.equal(x, X)


JVP = {
    "mul": (lambda xp, x, y: x * y, lambda x, y, u, v: u * y + x * v),
    "div": (lambda xp, x, y: x / y, lambda x, y, u, v: u / y - x * v / y**2),
    "sin_exp": (lambda xp, x, y: xp.sin(x) * xp.exp(y), lambda x, y, u, v: (np.cos(x) * u + np.sin(x) * v) * np.exp(y)),
    "matmul": (lambda xp, x, y: x @ y.T, lambda x, y, u, v: u @ y.T + x @ v.T),
    "sum": (lambda xp, x, y: (x**2).sum(dim=1) + y[:, 0], lambda x, y, u, v: (2 * x * u).sum(1) + v[:, 0]),
    "broadcast": (lambda xp, x, y: x * y[0], lambda x, y, u, v: u * y[0] + x * v[0]),
    "tanh": (lambda xp, x, y: xp.tanh(x - y), lambda x, y, u, v: (1 - np.tanh(x - y) ** 2) * (u - v)),
    "relu": (lambda xp, x, y: xp.relu(x) + y, lambda x, y, u, v: (x > 0) * u + v),
}


@behaviour("FWD-31", source=MATHS, profile="forward")
@pytest.mark.parametrize(("fn", "expected"), JVP.values(), ids=JVP)
def test_jvp(calculus, check, fn, expected):
    """Forward mode carries a tangent along with each value: the product of the Jacobian with the inputs' tangents."""
    u, v = np.random.default_rng(0).normal(size=(2, *X.shape))
    value, tangent = calculus.jvp(fn, (X, Y), (u, v))
    check.close(value, calculus.value(fn, X, Y))
    check.close(tangent, expected(X, Y, u, v))


@behaviour("FWD-25", source=MATHS, profile="forward")
@pytest.mark.parametrize("fn", [fn for fn, _ in JVP.values()], ids=JVP)
def test_dot_product_identity(calculus, check, fn):
    """Forward and reverse mode agree: g . (J u) equals (J^T g) . u for any g and u."""
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, *X.shape))
    _, tangent = calculus.jvp(fn, (X, Y), (u, v))
    g = rng.normal(size=tangent.shape)
    _, (grad_x, grad_y) = calculus.vjp(fn, (X, Y), g)
    check.close((g * tangent).sum(), (grad_x * u).sum() + (grad_y * v).sum())
