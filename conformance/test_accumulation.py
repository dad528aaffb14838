"""Gradients add up in .grad, until somebody sets them to zero or to None."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("ACC-01", source="the tutorial; torch 2.13.0")
def test_two_calls(xp, check):
    """Two backward calls add up in the leaf's gradient."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    (x * 4).backward()
    check.equal(x.grad, 7.0)


@behaviour("TUT-07", source="the tutorial")
def test_three_rounds(xp, check):
    """Without zeroing, three rounds of the same backward give once, twice and three times the gradient."""
    x = xp.tensor([2.0], requires_grad=True)
    for total in ([4.0], [8.0], [12.0]):
        (x**2).backward()
        check.equal(x.grad, total)


@behaviour("TUT-08", source="the tutorial")
@pytest.mark.parametrize("reset", [lambda x: x.grad.zero_(), lambda x: setattr(x, "grad", None)], ids=["zero_", "None"])
def test_zeroed_rounds(xp, check, reset):
    """With zeroing, by zero_() or by None, each round gives the gradient once."""
    x = xp.tensor([2.0], requires_grad=True)
    for _ in range(3):
        (x**2).backward()
        check.equal(x.grad, [4.0])
        reset(x)


@behaviour("TUT-09", source="the tutorial; torch 2.13.0")
def test_what_zero_leaves(xp, check):
    """zero_() leaves a gradient of zeros, not None."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad.zero_()
    check.equal(x.grad, [0.0, 0.0])


@behaviour("TUT-10", source="the tutorial; torch 2.13.0")
def test_what_none_leaves(xp, check):
    """Setting .grad to None leaves no gradient."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad = None
    check.none(x.grad)


@behaviour("ACC-02", source=SOURCE, level="should", profile="namespace")
def test_in_place(xp, check):
    """Accumulation writes into the gradient that is there: a reference to it sees the sum."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    grad = x.grad
    (x * 4).backward()
    assert x.grad is grad
    check.equal(grad, 7.0)


@behaviour("ACC-05", source=SOURCE)
def test_several_uses(xp, check):
    """A leaf used several times in one graph gets the sum over its uses."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3 + x * x + x).backward()
    check.equal(x.grad, 8.0)


@behaviour("ACC-33", source=SOURCE)
@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda x: x + x, 2.0),
        (lambda x: x * x, 6.0),
        (lambda x: x * x * x, 27.0),
        (lambda x: x - x, 0.0),
        (lambda x: x / x, 0.0),
    ],
    ids=["add", "mul", "cube", "sub", "div"],
)
def test_both_operands(xp, check, fn, expected):
    """A leaf on both sides of an operator gets both contributions."""
    x = xp.tensor(3.0, requires_grad=True)
    fn(x).backward()
    check.close(x.grad, expected)


@behaviour("ACC-06", source=SOURCE, profile="namespace")
def test_none_starts_anew(xp, check):
    """After .grad = None backward makes a new tensor; the old one keeps its value."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    old, x.grad = x.grad, None
    (x * 4).backward()
    check.equal(old, 3.0)
    check.equal(x.grad, 4.0)


@behaviour("ACC-07", source=SOURCE, profile="namespace")
def test_zero_keeps_the_tensor(xp, check):
    """zero_() keeps the gradient's tensor: references to it become zero, then accumulate with it."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    grad = x.grad
    x.grad.zero_()
    check.equal(grad, 0.0)
    (x * 4).backward()
    assert x.grad is grad
    check.equal(grad, 4.0)


@behaviour("ACC-13", source=SOURCE)
def test_unused_leaf(xp, check):
    """A leaf that is not in the graph keeps its gradient None."""
    x, z = xp.tensor(1.0, requires_grad=True), xp.tensor(1.0, requires_grad=True)
    (x * 2).backward()
    check.none(z.grad)


@behaviour("ACC-34", source=SOURCE)
def test_zero_derivative(xp, check):
    """A leaf that is in the graph with a zero derivative gets zeros, not None."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    (x * 0).sum().backward()
    check.equal(x.grad, [0.0, 0.0])


@behaviour("ACC-15", source=SOURCE, profile="namespace")
def test_user_set(xp, check):
    """A gradient that the user assigned is added to, in place."""
    x, mine = xp.ones(2, requires_grad=True), xp.tensor([10.0, 10.0])
    x.grad = mine
    (x * 2).sum().backward()
    assert x.grad is mine
    check.equal(mine, [12.0, 12.0])


@behaviour("ACC-19", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("dtype", "wide"), [("float32", "float64"), ("float16", "float32")])
def test_dtype(xp, dtype, wide):
    """A gradient has its leaf's dtype, whatever dtype the graph computes in."""
    x = xp.tensor(2.0, dtype=getattr(xp, dtype), requires_grad=True)
    (x.to(getattr(xp, wide)) * 3).backward()
    assert x.grad.dtype == getattr(xp, dtype)


@behaviour("ACC-22", source="the tutorial; mathematics")
def test_mini_batches(xp, check):
    """Gradients accumulated over mini-batches of a summed loss equal the full batch's."""
    data = np.arange(8.0).reshape(4, 2) - 3
    full, w = (xp.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    ((xp.tensor(data.tolist()) @ full) ** 2).sum().backward()
    for batch in (data[:1], data[1:3], data[3:]):
        ((xp.tensor(batch.tolist()) @ w) ** 2).sum().backward()
    expected = 2 * data.T @ (data @ np.array([1.0, 2.0]))
    check.equal(full.grad, expected)
    check.equal(w.grad, expected)


@behaviour("ACC-23", source=SOURCE)
def test_scaled_between_calls(xp, check):
    """A gradient may be scaled in place between two backward calls."""
    x = xp.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    x.grad.mul_(0.5)
    (x * 3).backward()
    check.equal(x.grad, 4.5)


@behaviour("ACC-28", source=SOURCE)
def test_total_loss(xp, check):
    """A total summed in a loop keeps every step's graph; one backward gives what one a step would."""
    x, total = xp.tensor(2.0, requires_grad=True), 0
    for k in range(4):
        total = total + k * x * x
    total.backward()
    check.equal(x.grad, 24.0)


@behaviour("ACC-29", source=SOURCE)
def test_zeroed_before_backward(xp, check):
    """Zeroing between forward and backward is harmless: gradients are no part of the graph."""
    x = xp.tensor([1.0], requires_grad=True)
    (x * 5).backward()
    y = x * 2
    x.grad = None
    y.backward()
    check.equal(x.grad, [2.0])


@behaviour("ACC-32", source=SOURCE, profile="namespace")
def test_half_precision(xp, check):
    """A float16 leaf accumulates in float16: 2048 three times, and 1, is 6144."""
    x = xp.tensor(1.0, dtype=xp.float16, requires_grad=True)
    for factor in (2048, 2048, 2048, 1):
        (x * factor).backward()
    check.equal(x.grad, 6144.0)


@behaviour("ACC-35", source=SOURCE, level="should", profile="namespace")
def test_gradient_is_a_leaf(xp, check):
    """A gradient is a leaf that does not require grad and has no gradient of its own."""
    x = xp.ones(1, requires_grad=True)
    (x * 2).backward()
    assert (x.grad.is_leaf, x.grad.requires_grad) == (True, False)
    check.none(x.grad.grad)


@behaviour("ACC-36", source=SOURCE)
def test_error_keeps_the_old_gradient(xp, check):
    """A backward call that fails leaves the gradients that were there."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    with check.raises("Exception", ""):
        (x * 2).backward()
    check.equal(x.grad, [3.0, 3.0])
