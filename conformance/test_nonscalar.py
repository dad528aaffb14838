"""Outputs of several elements: the gradient that backward() then needs, and the checks on it."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("BWD-03", source="the tutorial; torch 2.13.0")
def test_gradient_is_needed(xp, check):
    """backward() of several elements without a gradient is an error."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    with check.raises("Exception", ""):
        y.backward()
    check.none(x.grad)


@behaviour("BWD-04", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(
    "call",
    [
        lambda xp, x: (x * 2).backward(),
        lambda xp, x: xp.autograd.backward([x.sum(), x * 2]),
        lambda xp, x: xp.autograd.grad(x * 2, x),
        lambda xp, x: (x[:0] * 2).backward(),
    ],
    ids=["backward", "several_roots", "grad", "no_elements"],
)
def test_error_without_it(xp, check, call):
    """The error says that a gradient is made up only for scalar outputs."""
    with check.raises("RuntimeError", "grad can be implicitly created only for scalar outputs"):
        call(xp, xp.tensor([1.0, 2.0], requires_grad=True))


@behaviour("BWD-14", source="the tutorial; torch 2.13.0")
def test_vector_jacobian_product(xp, check):
    """backward(v) computes the product of v and the Jacobian."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x**2).backward(xp.tensor([1.0, 10.0, 100.0]))
    check.equal(x.grad, [2.0, 40.0, 600.0])


@behaviour("TUT-05", source="the tutorial")
def test_ones(xp, check):
    """A gradient of ones is the same as summing first."""
    x, z = (xp.tensor([1.0, 2.0, 3.0], requires_grad=True) for _ in range(2))
    (x**2).backward(xp.tensor([1.0, 1.0, 1.0]))
    (z**2).sum().backward()
    check.equal(x.grad, [2.0, 4.0, 6.0])
    check.equal(z.grad, [2.0, 4.0, 6.0])


@behaviour("BWD-60", source=SOURCE)
def test_keyword(xp, check):
    """The gradient may be passed by name."""
    x = xp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (x * x).backward(gradient=xp.tensor([[1.0, 0.0], [0.5, -1.0]]))
    check.equal(x.grad, [[2.0, 0.0], [3.0, -8.0]])


@behaviour("BWD-61", source=SOURCE)
def test_scalar_takes_one_too(xp, check):
    """A scalar output takes a gradient too, which scales the result."""
    x = xp.tensor(3.0, requires_grad=True)
    (x * x).backward(xp.tensor(10.0))
    check.equal(x.grad, 60.0)


@behaviour("BWD-62", source=SOURCE)
def test_wrong_shape(xp, check):
    """A gradient of another shape than the output's is an error."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with check.raises("Exception", ""):
        (x * 2).backward(xp.tensor([1.0, 1.0, 1.0]))
    check.none(x.grad)


@behaviour("BWD-07", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("output", "gradient"),
    [((2,), (3,)), ((2,), ()), ((2, 3), (3, 2)), ((), (1,)), ((1,), ()), ((2, 1), (2,))],
    ids=str,
)
def test_mismatch_text(xp, check, output, gradient):
    """The error names both shapes; a shape that would broadcast does not pass either."""
    y = xp.ones(output, requires_grad=True) * 2
    names = [f"torch.Size({list(shape)})" for shape in (gradient, output)]
    with check.raises(
        "RuntimeError", f"grad_output[0] has a shape of {names[0]} and output[0] has a shape of {names[1]}."
    ):
        y.backward(xp.ones(gradient))


@behaviour("BWD-10", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool"])
def test_other_dtype(xp, check, dtype):
    """A gradient of another real dtype is cast; the leaf's gradient keeps the leaf's dtype."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).backward(xp.ones(2, dtype=getattr(xp, dtype)))
    assert x.grad.dtype == xp.float32
    check.equal(x.grad, [2.0, 2.0])


@behaviour("BWD-11", source=SOURCE, level="should", profile="namespace")
def test_complex_for_real(xp, check):
    """A complex gradient for a real output is an error."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with check.raises("RuntimeError", "both grad_output and output are required to have the same dtype"):
        (x * 2).backward(xp.ones(2, dtype=xp.complex64))


@behaviour("BWD-12", source=SOURCE, level="should", profile="namespace")
def test_number(xp, check):
    """A Python number is no gradient."""
    with check.raises("TypeError", "not iterable"):
        (xp.tensor(1.0, requires_grad=True) * 2).backward(1.0)


@behaviour("BWD-63", source=SOURCE, profile="namespace")
def test_gradient_that_requires_grad(xp, check):
    """A gradient that requires grad may be passed: it gets no gradient itself, and the leaf's stays a constant."""
    x, g = xp.ones(2, requires_grad=True), xp.ones(2, requires_grad=True)
    (x * 2).backward(g)
    assert not x.grad.requires_grad
    check.none(g.grad)


@behaviour("BWD-64", source=SOURCE)
def test_expanded_gradient(xp, check):
    """The gradient of y.sum(), whose elements are one number in memory, equals backward(ones)."""
    x = xp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (x.T @ x).sum().backward()
    check.equal(x.grad, [[6.0, 6.0], [14.0, 14.0]])


@behaviour("TUT-06", source="the tutorial", profile="core")
def test_jacobian_rows(calculus, check):
    """One unit cotangent a row builds the whole Jacobian: of (x0 x1, x0 + x1, x0 ** 2) at (2, 3)."""

    def fn(xp, x):
        return xp.stack([x[0] * x[1], x[0] + x[1], x[0] ** 2])

    rows = [calculus.vjp(fn, (np.array([2.0, 3.0]),), row)[1][0] for row in np.eye(3)]
    check.equal(np.array(rows), np.array([[3.0, 2.0], [1.0, 1.0], [4.0, 0.0]]))
