"""The same functional questions to a functional backend and to modules that speak torch: the same answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refgrad.errors import InvalidBackend, Unsupported
from refgrad.harness.adapters import NamespaceBackend, calculus

X = np.array([0.5, -1.5, 2.0])
Y = np.array([2.0, 4.0, -1.0])


class Dual:
    """A functional library of polynomials: a value and its derivatives by each primal, numbers or duals themselves."""

    def __init__(self, value, partials):
        self.value, self.partials = value, partials

    def __mul__(self, other):
        if not isinstance(other, Dual):
            return Dual(self.value * other, [p * other for p in self.partials])
        pairs = zip(self.partials, other.partials, strict=True)
        return Dual(self.value * other.value, [p * other.value + q * self.value for p, q in pairs])

    def __add__(self, other):
        if not isinstance(other, Dual):
            return Dual(self.value + other, self.partials)
        return Dual(self.value + other.value, [p + q for p, q in zip(self.partials, other.partials, strict=True)])

    __rmul__, __radd__ = __mul__, __add__

    @property
    def shape(self):
        return self.value.shape


class Elementwise:
    """A functional backend in few lines, for functions that act element by element."""

    name, version, homepage, nested = "dual", "1", "", True

    def asarray(self, array):
        return np.array(array)

    def to_numpy(self, value):
        return np.array(value)

    def ops(self):
        return {}

    def vjp(self, fn, primals, cotangent=None):
        count = range(len(primals))
        output = fn(*(Dual(each, [each * 0 + (i == j) for j in count]) for i, each in enumerate(primals)))
        weight = 1.0 if cotangent is None else cotangent
        return output.value, tuple(partial * weight for partial in output.partials)


class NotATuple(Elementwise):
    def vjp(self, fn, primals, cotangent=None):
        return fn(*primals)


class TooFew(Elementwise):
    def vjp(self, fn, primals, cotangent=None):
        return fn(*primals), ()


class Lazy(Elementwise):
    def vjp(self, fn, primals, cotangent=None):
        raise NotImplementedError("VJP of fn not defined")


@pytest.fixture(params=["functional", "namespace", "reference"])
def ask(request):
    """The questions, put to three kinds of backends."""
    if request.param == "functional":
        return calculus(Elementwise())
    return calculus(NamespaceBackend(pytest.importorskip("torch" if request.param == "namespace" else "refgrad")))


def cubic(xp, x, y):
    return x * x * y + x * 3


def test_value(ask):
    """The value is an ndarray."""
    np.testing.assert_allclose(ask.value(cubic, X, Y), X * X * Y + 3 * X)


def test_values(ask):
    """A function that returns several tensors has a tuple of values."""
    first, second = ask.value(lambda xp, x: (x * 2, x + 1), X)
    np.testing.assert_allclose((first, second), (X * 2, X + 1))


def test_vjp(ask):
    """Each primal gets its gradient, weighted with the cotangent."""
    value, (grad_x, grad_y) = ask.vjp(cubic, (X, Y), np.array([1.0, -2.0, 0.5]))
    np.testing.assert_allclose(value, X * X * Y + 3 * X)
    np.testing.assert_allclose(grad_x, (2 * X * Y + 3) * [1.0, -2.0, 0.5])
    np.testing.assert_allclose(grad_y, X * X * [1.0, -2.0, 0.5])


def test_no_cotangent_is_ones(ask):
    """Without a cotangent the output is weighted with ones."""
    np.testing.assert_allclose(ask.vjp(cubic, (X, Y))[1][0], 2 * X * Y + 3)


def test_integers_are_not_differentiated(ask):
    """A primal of integers is a constant: its gradient is None, the others' are not."""
    _, (nothing, grad) = ask.vjp(lambda xp, n, x: x * n, (np.array([1, 2, 3]), X))
    assert nothing is None
    np.testing.assert_allclose(grad, [1.0, 2.0, 3.0])


def test_python_numbers(ask):
    """A primal may be a Python number."""
    value, (grad,) = ask.vjp(lambda xp, x: x * x, (3.0,))
    assert (value.item(), grad.item()) == (9.0, 6.0)


@pytest.mark.parametrize(
    ("order", "expected"), [(1, 4 * X**3), (2, 12 * X**2), (3, 24 * X), (4, 24 + 0 * X), (5, 0 * X)]
)
def test_orders(ask, order, expected):
    """The n-th derivative is taken by nesting, down to zeros."""
    np.testing.assert_allclose(ask.grad(lambda xp, x: x * x * x * x, X, order=order), expected, atol=1e-12)


def test_grad_of_several(ask):
    """The gradient by several primals is a tuple; one that was not used is zeros."""
    first, second = ask.grad(lambda xp, x, y: x * 2, X, Y)
    np.testing.assert_allclose((first, second), (X * 0 + 2, Y * 0))


def test_hessian():
    """The Hessian has the shape of the input twice over."""
    ask = calculus(NamespaceBackend(pytest.importorskip("torch")))
    found = ask.hessian(lambda xp, x: (x.sum() ** 2) * x[0, 0], np.ones((1, 2)))
    np.testing.assert_allclose(found.reshape(2, 2), [[10.0, 6.0], [6.0, 2.0]])
    assert found.shape == (1, 2, 1, 2)


def test_closures_of_an_outer_derivative():
    """A derivative inside a derivative does not mistake the outer variable for its own."""
    torch = pytest.importorskip("torch")
    backend = NamespaceBackend(torch)

    def outer(x):
        return x * backend.vjp(lambda y: x * y, (x,))[1][0]  # x * d/dy(x y) = x^2

    np.testing.assert_allclose(backend.vjp(outer, (torch.tensor(3.0),))[1][0], 6.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own insides
def test_jvp():
    """Forward mode gives the value and its tangent."""
    ask = calculus(NamespaceBackend(pytest.importorskip("torch")))
    value, tangent = ask.jvp(cubic, (X, Y), (Y, X))
    np.testing.assert_allclose(value, X * X * Y + 3 * X)
    np.testing.assert_allclose(tangent, (2 * X * Y + 3) * Y + X * X * X)


def test_no_forward_mode():
    """A backend without jvp does not support it."""
    with pytest.raises(Unsupported, match="forward mode"):
        calculus(Elementwise()).jvp(cubic, (X, Y), (Y, X))


def test_no_higher_orders():
    """A backend whose derivatives do not nest supports the first only."""
    backend = Elementwise()
    backend.nested = False
    with pytest.raises(Unsupported, match="create_graph"):
        calculus(backend).grad(lambda xp, x: x * x, X, order=2)


def test_not_implemented_is_unsupported():
    """A library that says "not implemented" lacks a feature: it is not wrong."""
    with pytest.raises(Unsupported, match="VJP of fn not defined"):
        calculus(Lazy()).vjp(lambda xp, x: x, (X,))


@pytest.mark.parametrize(("backend", "text"), [(NotATuple(), "must return"), (TooFew(), "0 gradients for 1 primals")])
def test_a_vjp_that_returns_something_else(backend, text):
    """An adapter whose vjp returns the wrong thing is told so."""
    with pytest.raises(InvalidBackend, match=text):
        calculus(backend).vjp(lambda xp, x: x * x, (X,))


VECTORS = arrays(np.float64, 3, elements=st.floats(-4, 4))


@given(VECTORS, VECTORS, VECTORS, st.floats(-4, 4))
def test_linear_in_the_cotangent(x, g, h, a):
    """A vector-Jacobian product is linear in its cotangent."""
    pull = lambda cotangent: calculus(Elementwise()).vjp(cubic, (x, Y), cotangent)[1][0]  # noqa: E731
    np.testing.assert_allclose(pull(a * g + h), a * pull(g) + pull(h), rtol=1e-9, atol=1e-9)
