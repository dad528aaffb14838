"""Ten checks that tell a wrong adapter from a wrong library: where one fails, no other verdict means anything."""

import numpy as np

from refgrad.harness.behaviours import behaviour

MATHS = "mathematics"
A = np.array([[0.5, -1.5, 2.0], [3.0, 0.25, -0.75]])
B = np.array([[2.0, 4.0, -1.0], [0.5, -3.0, 8.0]])
COTANGENT = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])


@behaviour("SMK-01", source=MATHS, profile="core", smoke=True)
def test_round_trip(calculus, check):
    """An array comes back from the backend with its shape and its values."""
    check.equal(calculus.value(lambda xp, x: x, A), A)


@behaviour("SMK-02", source=MATHS, profile="core", smoke=True)
def test_arithmetic(calculus, check):
    """The operators + - * / and unary minus compute element by element."""
    check.close(calculus.value(lambda xp, x, y: (x + y) * x - x / y + (-y), A, B), (A + B) * A - A / B - B)


@behaviour("SMK-03", source=MATHS, profile="core", smoke=True)
def test_gradient_of_a_scalar(calculus, check):
    """A scalar output needs no cotangent: the gradient of sum(x * x) is 2 x."""
    value, (grad,) = calculus.vjp(lambda xp, x: (x * x).sum(), (A,))
    check.close(value, (A * A).sum())
    check.close(grad, 2 * A)


@behaviour("SMK-04", source=MATHS, profile="core", smoke=True)
def test_cotangent_is_used(calculus, check):
    """The cotangent weights each output element: it is not taken for ones."""
    _, (grad,) = calculus.vjp(lambda xp, x: x * x, (A,), COTANGENT)
    check.close(grad, 2 * A * COTANGENT)


@behaviour("SMK-05", source=MATHS, profile="core", smoke=True)
def test_one_gradient_an_input(calculus, check):
    """Every input gets its own gradient, in the order of the inputs."""
    _, (grad_x, grad_y) = calculus.vjp(lambda xp, x, y: x * y, (A, B), COTANGENT)
    check.close(grad_x, B * COTANGENT)
    check.close(grad_y, A * COTANGENT)


@behaviour("SMK-06", source=MATHS, profile="core", smoke=True)
def test_chain_rule(calculus, check):
    """Derivatives multiply along a chain: exp(x * x) gives 2 x exp(x * x)."""
    _, (grad,) = calculus.vjp(lambda xp, x: xp.exp(x * x), (A[0],), COTANGENT[0])
    check.close(grad, 2 * A[0] * np.exp(A[0] ** 2) * COTANGENT[0])


@behaviour("SMK-07", source=MATHS, profile="core", smoke=True)
def test_repeated_use_adds_up(calculus, check):
    """An input used twice gets the sum of both contributions."""
    _, (grad,) = calculus.vjp(lambda xp, x: x * x + 3 * x, (A,), COTANGENT)
    check.close(grad, (2 * A + 3) * COTANGENT)


@behaviour("SMK-08", source=MATHS, profile="core", smoke=True)
def test_scalar_power(calculus, check):
    """x ** 2 has the gradient 2 x."""
    value, (grad,) = calculus.vjp(lambda xp, x: x**2, (A,), COTANGENT)
    check.close(value, A**2)
    check.close(grad, 2 * A * COTANGENT)


@behaviour("SMK-09", source=MATHS, profile="core", smoke=True)
def test_matrix_product(calculus, check):
    """The gradients of a @ b are g @ b.T and a.T @ g."""
    right, cotangent = B.T[:, :1], np.array([[1.5], [-0.5]])
    value, (grad_a, grad_b) = calculus.vjp(lambda xp, a, b: a @ b, (A, right), cotangent)
    check.close(value, A @ right)
    check.close(grad_a, cotangent @ right.T)
    check.close(grad_b, A.T @ cotangent)


@behaviour("SMK-10", source=MATHS, profile="core", smoke=True)
def test_no_state_between_calls(calculus, check):
    """The same question asked twice has the same answer: nothing is left over from the first."""
    answers = [calculus.vjp(lambda xp, x: xp.exp(x) * x, (A,), COTANGENT)[1][0] for _ in range(2)]
    check.close(answers[0], (A + 1) * np.exp(A) * COTANGENT)
    check.equal(answers[0], answers[1])
