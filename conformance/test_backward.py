"""backward(): what it fills, with which arguments, and what it refuses."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
TUTORIAL = "the tutorial"


@behaviour("TUT-04", source=TUTORIAL)
def test_square_of_an_affine(xp, check):
    """(w * x + b) ** 2 at x = 1, w = 2, b = 3 has the gradients 20, 10 and 10."""
    x, w, b = (xp.tensor(v, requires_grad=True) for v in (1.0, 2.0, 3.0))
    y = (w * x + b) ** 2
    y.backward()
    check.equal(y, 25.0)
    check.equal(x.grad, 20.0)
    check.equal(w.grad, 10.0)
    check.equal(b.grad, 10.0)


@behaviour("BWD-01", source=SOURCE)
def test_returns_none(xp, check):
    """backward() returns None and fills the leaf's gradient."""
    x = xp.tensor(3.0, requires_grad=True)
    check.none((x * x).backward())
    check.equal(x.grad, 6.0)


@behaviour("BWD-02", source=SOURCE)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)], ids=str)
def test_one_element(xp, check, shape):
    """backward() without an argument needs one element, not a 0-dim tensor."""
    x = xp.tensor(np.full(shape, 2.0).tolist(), requires_grad=True)
    (x * x).backward()
    check.equal(x.grad, np.full(shape, 4.0))


@behaviour("BWD-05", source=SOURCE)
def test_needs_a_graph(xp, check):
    """backward() of a tensor that does not require grad is an error."""
    with check.raises("Exception", ""):
        (xp.tensor([1.0]) * 2).backward()


@behaviour("BWD-06", source=SOURCE, level="should", profile="namespace")
def test_names_the_root(xp, check):
    """The error for a root that does not require grad names the root's index."""
    x = xp.tensor(1.0, requires_grad=True)
    with check.raises("RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn"):
        xp.ones(1).backward()
    with check.raises("RuntimeError", "element 1 of tensors does not require grad"):
        xp.autograd.backward([x * 2, xp.tensor(1.0)])


@behaviour("BWD-15", source=SOURCE)
def test_leaf(xp, check):
    """backward() of a leaf gives it the gradient itself, 1 by default."""
    x = xp.tensor(2.0, requires_grad=True)
    x.backward()
    check.equal(x.grad, 1.0)


@behaviour("BWD-16", source=SOURCE, profile="namespace")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_root_keeps_no_grad(xp, check):
    """backward() does not fill the root's own gradient."""
    y = xp.tensor(2.0, requires_grad=True) * 2
    y.backward()
    check.none(y.grad)


@behaviour("BWD-58", source=SOURCE)
def test_constants_get_nothing(xp, check):
    """A tensor that does not require grad gets no gradient."""
    x, c = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0)
    (x * c).backward()
    check.equal(x.grad, 3.0)
    check.none(c.grad)


@behaviour("BWD-59", source="mathematics")
def test_several_leaves(xp, check):
    """One backward pass fills every leaf: y = a b + a / c + b ** 2."""
    a, b, c = (xp.tensor(v, requires_grad=True) for v in (2.0, 3.0, 4.0))
    (a * b + a / c + b**2).backward()
    check.close(a.grad, 3.25)
    check.close(b.grad, 8.0)
    check.close(c.grad, -0.125)


@behaviour("BWD-17", source=SOURCE, profile="namespace")
def test_several_roots(xp, check):
    """autograd.backward of several roots goes through what they share once: no retain_graph is needed."""
    x = xp.tensor(2.0, requires_grad=True)
    h = x * x
    xp.autograd.backward([h * 2, h * 3])
    check.equal(x.grad, 20.0)


@behaviour("BWD-18", source=SOURCE, profile="namespace")
def test_same_root_twice(xp, check):
    """A root given twice counts twice."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    xp.autograd.backward([y, y])
    check.equal(x.grad, 8.0)


@behaviour("BWD-20", source=SOURCE, profile="namespace")
def test_grad_tensors(xp, check):
    """Each root takes its gradient from grad_tensors, None meaning 1 for one element."""
    x = xp.tensor(2.0, requires_grad=True)
    xp.autograd.backward([x * 1, x * 2], [None, xp.tensor(10.0)])
    check.equal(x.grad, 21.0)


@behaviour("BWD-23", source=SOURCE, level="should", profile="namespace")
def test_no_roots(xp, check):
    """autograd.backward of no roots does nothing, silently."""
    with check.silent():
        check.none(xp.autograd.backward([]))


@behaviour("BWD-25", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: x], ids=["list", "tensor"])
def test_inputs(xp, check, wrap):
    """inputs= restricts backward to these leaves."""
    x, w = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0, requires_grad=True)
    (x * w).backward(inputs=wrap(x))
    check.equal(x.grad, 3.0)
    check.none(w.grad)


@behaviour("BWD-27", source=SOURCE, level="should", profile="namespace")
def test_inputs_are_not_empty(xp, check):
    """inputs=[] is an error."""
    with check.raises("RuntimeError", "cannot be empty"):
        (xp.tensor(2.0, requires_grad=True) * 2).backward(inputs=[])


@behaviour("BWD-28", source=SOURCE, profile="namespace")
def test_inputs_in_the_middle(xp, check):
    """A computed tensor among the inputs has its gradient filled, and nothing upstream of it is."""
    x = xp.tensor(2.0, requires_grad=True)
    h = x * 3
    (h * h).backward(inputs=[h])
    check.equal(h.grad, 12.0)
    check.none(x.grad)


@behaviour("BWD-32", source=SOURCE, profile="namespace")
def test_inputs_on_one_path(xp, check):
    """Inputs may lie upstream of one another: both are filled."""
    x = xp.tensor(2.0, requires_grad=True)
    h = x * 3
    (h * h).backward(inputs=[h, x])
    check.equal(h.grad, 12.0)
    check.equal(x.grad, 36.0)


@behaviour("BWD-35", source=SOURCE)
def test_inside_no_grad(xp, check):
    """backward() works inside no_grad."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    with xp.no_grad():
        y.backward()
    check.equal(x.grad, 4.0)


@behaviour("BWD-37", source=SOURCE)
def test_gradient_is_a_constant(xp):
    """A gradient does not require grad."""
    x = xp.tensor(2.0, requires_grad=True)
    (x**3).backward()
    assert not x.grad.requires_grad


@behaviour("BWD-38", source=SOURCE, profile="namespace")
def test_given_gradient_is_left_alone(xp, check):
    """The gradient that was passed is neither changed nor kept as the leaf's own."""
    x, g = xp.ones(2, requires_grad=True), xp.ones(2)
    x.backward(g)
    x.backward(g)
    check.equal(g, [1.0, 1.0])
    check.equal(x.grad, [2.0, 2.0])


@behaviour("BWD-39", source=SOURCE, profile="namespace")
def test_gradients_share_no_memory(xp, check):
    """Two leaves that receive the same gradient do not share its memory."""
    x, z = xp.ones(2, requires_grad=True), xp.ones(2, requires_grad=True)
    (x + z).backward(xp.ones(2))
    x.grad.mul_(5)
    check.equal(z.grad, [1.0, 1.0])


@behaviour("BWD-40", source=SOURCE, profile="namespace")
def test_gradient_is_writable(xp, check):
    """The gradient of a sum is an ordinary tensor: writing one element changes that one."""
    x = xp.ones(2, 3, requires_grad=True)
    x.sum().backward()
    x.grad[0, 0] = 7
    check.equal(x.grad, [[7.0, 1.0, 1.0], [1.0, 1.0, 1.0]])


@behaviour("BWD-50", source=SOURCE, profile="namespace")
def test_empty_root(xp, check):
    """A root of size 0 goes backward with a gradient of size 0."""
    x = xp.ones(0, requires_grad=True)
    (x * 2).backward(xp.ones(0))
    check.equal(x.grad, np.ones(0))


@behaviour("BWD-55", source=SOURCE, profile="namespace")
def test_positions(xp, check):
    """retain_graph is backward's second positional argument."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    y.backward(None, True)
    y.backward()
    check.equal(x.grad, 8.0)


@behaviour("BWD-56", source=SOURCE, level="should", profile="namespace")
def test_integer_root(xp, check):
    """An index cannot go backward."""
    with check.raises("RuntimeError", "does not require grad and does not have a grad_fn"):
        xp.tensor([1.0, 2.0], requires_grad=True).argmax().backward()


@behaviour("BWD-57", source=SOURCE)
def test_result_of_no_grad(xp, check):
    """A result computed under no_grad cannot go backward."""
    x = xp.tensor(1.0, requires_grad=True)
    with xp.no_grad():
        y = x * 2
    with check.raises("Exception", ""):
        y.backward()


@behaviour("DEEP-13", source=SOURCE)
def test_works_after_an_error(xp, check):
    """A backward that fails leaves no state behind: the next graph's gradients are right."""
    x = xp.tensor(2.0, requires_grad=True)
    with check.raises("Exception", ""):
        (xp.tensor(1.0) * 2).backward()
    y = x * 5
    assert y.requires_grad
    y.backward()
    check.equal(x.grad, 5.0)


@behaviour("EX-10", source=SOURCE)
def test_frozen_middle(xp, check):
    """A gradient flows through an op with a constant to the leaves beyond."""
    x, frozen, w = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0), xp.tensor(5.0, requires_grad=True)
    (x * frozen * w).backward()
    check.equal(x.grad, 15.0)
    check.none(frozen.grad)
    check.equal(w.grad, 6.0)


@behaviour("BWD-24", source=SOURCE, level="should", profile="namespace")
def test_root_is_no_tensor(xp, check):
    """What is no tensor cannot go backward."""
    with check.raises("TypeError", "not iterable"):
        xp.autograd.backward(None)


@behaviour("BWD-29", source=SOURCE, profile="namespace")
def test_inputs_accumulate(xp, check):
    """The gradient of a computed tensor among the inputs accumulates as a leaf's does."""
    h = xp.tensor(2.0, requires_grad=True) * 3
    for total in (12.0, 24.0):
        (h * h).backward(inputs=[h], retain_graph=True)
        check.equal(h.grad, total)


@behaviour("BWD-31", source=SOURCE, level="should", profile="namespace")
def test_constant_among_inputs(xp, check):
    """A tensor that does not require grad is no input."""
    with check.raises("RuntimeError", "can't retain_grad on Tensor that has requires_grad=False"):
        (xp.tensor(2.0, requires_grad=True) * 2).backward(inputs=[xp.tensor(1.0)])


@behaviour("BWD-52", source=SOURCE, profile="namespace")
def test_nan_goes_through(xp, check):
    """nan and inf do not stop backward: they are its result."""
    x, z = xp.tensor(-1.0, requires_grad=True), xp.tensor(0.0, requires_grad=True)
    x.sqrt().backward()
    (z.log() * 0).backward()
    check.equal(x.grad, float("nan"))
    check.equal(z.grad, float("nan"))


@behaviour("EX-14", source=SOURCE)
def test_leaf_as_its_own_gradient(xp, check):
    """x.backward(x) gives x a copy of itself as gradient."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    x.backward(x)
    check.equal(x.grad, [2.0, 3.0])
