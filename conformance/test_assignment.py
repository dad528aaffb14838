"""Writing into a result: assignments by index, copy_ and fill_, and the in-place ops that change a shape."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
MODIFIED = "modified by an inplace operation"


@behaviour("INP-23", source=SOURCE, profile="namespace")
def test_fill_with_a_tensor(xp, check):
    """fill_ with a 0-dim tensor sends it the sum of the gradients, and zeros to what was there."""
    x, v = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor(3.0, requires_grad=True)
    y = x * 2
    y.fill_(v)
    y.sum().backward()
    check.equal(x.grad, [0.0, 0.0])
    check.equal(v.grad, 2.0)


@behaviour("INP-30", source=SOURCE, profile="namespace")
def test_wider_operand(xp, check):
    """A wider operand may be added in place: the tensor keeps its dtype, the gradient has the operand's."""
    x = xp.tensor([1.0], dtype=xp.float64, requires_grad=True)
    y = xp.zeros(1)
    y.add_(x)
    y.backward()
    assert [y.dtype, x.grad.dtype] == [xp.float32, xp.float64]
    check.equal(x.grad, [1.0])


@behaviour("INP-42", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
def test_text_names_the_last_op(xp, check):
    """The version error names the op that last wrote into the tensor, not the one that made it."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    zeroed, twice = x * 2, x.exp()
    squares = (zeroed**2).sum(), (twice**2).sum()
    zeroed.zero_()
    twice.relu_()
    twice.add_(1)
    for root, text in zip(
        squares, ("output 0 of Zero, is at version 1", "output 0 of Add, is at version 2"), strict=True
    ):
        with check.raises("RuntimeError", text):
            root.backward()


@behaviour("INP-41", source=SOURCE, profile="namespace")
def test_relu_in_place(xp, check):
    """relu_ on a sine is fine, which did not save its result, and an error on an exponential, which did."""
    x = xp.tensor([1.0], requires_grad=True)
    sine, exponential = x.sin().relu_(), x.exp().relu_()
    sine.backward()
    check.close(x.grad, [0.5403023])
    with check.raises("RuntimeError", MODIFIED):
        exponential.backward()


@behaviour("INP-49", source=SOURCE, profile="namespace")
def test_result_in_place(xp, check):
    """sigmoid_ saves its own new result: going on with it is fine."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * 1
    y.sigmoid_()
    (y * 3).backward()
    check.close(x.grad, [0.31498076])


@behaviour("INP-47", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("index", [..., ()], ids=["ellipsis", "empty_tuple"])
def test_whole_scalar(xp, check, index):
    """y[...] = v on a 0-dim result replaces it: the old history gets zero."""
    x = xp.tensor(1.0, requires_grad=True)
    y = x * 2
    y[index] = 7.0
    y.backward()
    check.equal(y, 7.0)
    check.equal(x.grad, 0.0)


@behaviour("INP-54", source=SOURCE, profile="namespace")
def test_broadcast_copy(xp, check):
    """copy_ that broadcasts sums its source's gradient."""
    z, y = xp.tensor([5.0], requires_grad=True), xp.zeros(3)
    y.copy_(z)
    y.sum().backward()
    check.equal(y, [5.0, 5.0, 5.0])
    check.equal(z.grad, [3.0])


@behaviour("INP-58", source=SOURCE, level="may", profile="namespace")
def test_duplicate_indices(xp, check):
    """y[[0, 0]] += v writes once, the last value; every value gets the element's gradient."""
    x, v = xp.tensor([1.0, 2.0, 3.0], requires_grad=True), xp.tensor([10.0, 20.0], requires_grad=True)
    y = x * 1
    y[[0, 0]] += v
    y.sum().backward()
    check.equal(y, [21.0, 2.0, 3.0])
    check.equal(x.grad, [2.0, 1.0, 1.0])
    check.equal(v.grad, [1.0, 1.0])


@behaviour("INP-59", source=SOURCE, profile="namespace")
def test_accumulating_index(xp, check):
    """index_put_ with accumulate=True adds the values of duplicate indices."""
    v, y = xp.tensor([10.0, 20.0], requires_grad=True), xp.zeros(3)
    y.index_put_((xp.tensor([0, 0]),), v, accumulate=True)
    y.sum().backward()
    check.equal(y, [30.0, 0.0, 0.0])
    check.equal(v.grad, [1.0, 1.0])


@behaviour("INP-63", source=SOURCE)
def test_row_of_a_matrix(xp, check):
    """Assigning a computed row differentiates both: the row's old source gets zeros, the new one its gradient."""
    x = xp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    w = xp.tensor([5.0, 6.0], requires_grad=True)
    y = x * 1
    y[1] = w * 2
    (y * xp.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    check.equal(y, [[1.0, 2.0], [10.0, 12.0]])
    check.equal(x.grad, [[1.0, 10.0], [0.0, 0.0]])
    check.equal(w.grad, [200.0, 2000.0])


@behaviour("INP-64", source=SOURCE)
def test_filled_in_a_loop(xp, check):
    """A constant filled element by element with results is differentiable: the powers of x at 2."""
    x, y = xp.tensor(2.0, requires_grad=True), xp.tensor([0.0, 0.0, 0.0])
    for k in range(3):
        y[k] = x**k
    y.sum().backward()
    check.equal(y, [1.0, 2.0, 4.0])
    check.equal(x.grad, 5.0)


@behaviour("INP-50", source=SOURCE, profile="namespace")
def test_shape_in_place(xp, check):
    """t_() and unsqueeze_() change a result's shape, differentiably, and count as versions."""
    x = xp.ones(2, 3, requires_grad=True)
    y = x * 2
    y.t_()
    y.unsqueeze_(0)
    assert (tuple(y.shape), y._version) == ((1, 3, 2), 2)
    (y * xp.arange(6.0).view(1, 3, 2)).sum().backward()
    check.equal(x.grad, [[0.0, 4.0, 8.0], [2.0, 6.0, 10.0]])


@behaviour("INP-51", source=SOURCE, level="should", profile="namespace")
def test_shape_of_a_leaf_in_place(xp, check):
    """t_() on a leaf that requires grad is refused as any in-place op is."""
    with check.raises("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation"):
        xp.ones(2, 3, requires_grad=True).t_()


@behaviour("INP-52", source=SOURCE, level="should", profile="namespace")
def test_set(xp, check):
    """set_ on a leaf that requires grad is refused; on a computed tensor it has no derivative."""
    x = xp.tensor([1.0], requires_grad=True)
    with check.raises("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation"):
        x.set_(xp.ones(1))
    y = x * 1
    y.set_(xp.ones(1))
    assert "NotImplemented" in y.grad_fn.name()


@behaviour("INP-53", source=SOURCE, level="should", profile="namespace")
def test_saved_indices(xp, check):
    """The indices that max returned are saved: changing them is an error at backward."""
    values, indices = xp.tensor([1.0, 3.0], requires_grad=True).max(0)
    indices.zero_()
    with check.raises("RuntimeError", "[torch.LongTensor []] is at version 1; expected version 0 instead"):
        values.backward()


@behaviour("VIEW-45", source=SOURCE, profile="namespace")
def test_view_changed_under_no_grad(xp, check):
    """A view made in grad mode and changed under no_grad changes the base's values and not its gradient."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    view = y[:1]
    with xp.no_grad():
        view.mul_(10)
    y.sum().backward()
    check.equal(y, [10.0, 2.0])
    check.equal(x.grad, [1.0, 1.0])


@behaviour("IX-08", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("accumulate", "remaining"), [(False, [0.0, 1.0]), (True, [3.0, 1.0])], ids=["overwriting", "accumulating"]
)
def test_index_put(xp, check, accumulate, remaining):
    """index_put with duplicates gives every value the element's gradient; the old value keeps its own if added to."""
    x, v = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([5.0, 6.0], requires_grad=True)
    y = x.index_put((xp.tensor([0, 0]),), v, accumulate=accumulate)
    (y * xp.tensor([3.0, 1.0])).sum().backward()
    check.equal(x.grad, remaining)
    check.equal(v.grad, [3.0, 3.0])
