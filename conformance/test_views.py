"""Views: shared memory, and in-place ops through one member of the family that the others see, gradients included."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
NO_GRAD_VIEW = "A view was created in no_grad mode and is being modified inplace with grad mode enabled"

VIEWS = {
    "view": lambda x: x.view(6),
    "reshape": lambda x: x.reshape(6),
    "flatten": lambda x: x.flatten(),
    "t": lambda x: x.t(),
    "row": lambda x: x[0],
    "columns": lambda x: x[:, ::2],
    "none": lambda x: x[None],
    "ellipsis": lambda x: x[...],
    "expand": lambda x: x[None].expand(1, 2, 3),
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "permute": lambda x: x.permute(1, 0),
    "transpose": lambda x: x.transpose(0, 1),
    "narrow": lambda x: x.narrow(0, 0, 1),
    "select": lambda x: x.select(0, 0),
    "diagonal": lambda x: x.diagonal(),
    "split": lambda x: x.split(1)[0],
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind()[0],
    "detach": lambda x: x.detach(),
    "T": lambda x: x.T,
    "contiguous": lambda x: x.contiguous(),
    "view_as": lambda x: x.view_as(x),
}
COPIES = {
    "list": lambda x: x[[0]],
    "mask": lambda x: x[x > 0],
    "clone": lambda x: x.clone(),
    "repeat": lambda x: x.repeat(1, 1),
    "flip": lambda x: x.flip(0),
    "reshape_of_transposed": lambda x: x.t().reshape(6),
    "contiguous_of_transposed": lambda x: x.t().contiguous(),
    "tril": lambda x: x.tril(),
    "add": lambda x: x + 0,
}


@behaviour("VIEW-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", VIEWS.values(), ids=VIEWS)
def test_shares_memory(xp, check, fn):
    """A view shares its base's memory: writing into the base shows in the view."""
    x = xp.ones(2, 3)
    view = fn(x)
    x[0, 0] = 7.0
    assert check.array(view).max() == 7.0


@behaviour("VIEW-46", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", COPIES.values(), ids=COPIES)
def test_copies(xp, check, fn):
    """A copy shares nothing: writing into the original does not show."""
    x = xp.ones(2, 3)
    copy = fn(x)
    x[0, 0] = 7.0
    assert check.array(copy).max() == 1.0


@behaviour("VIEW-03", source=SOURCE)
def test_write_through_a_view(xp, check):
    """An in-place op on a view changes the base's gradient where it wrote."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[:1].mul_(3)
    y.sum().backward()
    check.equal(y, [3.0, 2.0])
    check.equal(x.grad, [3.0, 1.0])


@behaviour("VIEW-47", source=SOURCE)
def test_element_is_a_view(xp, check):
    """A single element, 0-dim, is a view too: an in-place op on it changes its base."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    element = y[0]
    element.mul_(3)
    y.sum().backward()
    check.equal(y, [3.0, 2.0])
    check.equal(x.grad, [3.0, 1.0])


@behaviour("VIEW-04", source=SOURCE)
def test_write_into_the_base(xp, check):
    """An in-place op on the base changes an existing view's value and gradient."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    view = y[:1]
    y.mul_(3)
    view.backward()
    check.equal(view, [3.0])
    check.equal(x.grad, [3.0, 0.0])


@behaviour("VIEW-05", source=SOURCE)
def test_overlapping_siblings(xp, check):
    """An in-place op on one view changes a sibling that overlaps it."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    first, second = y[:2], y[1:]
    first.mul_(3)
    second.sum().backward()
    check.equal(second, [6.0, 3.0])
    check.equal(x.grad, [0.0, 3.0, 1.0])


@behaviour("VIEW-06", source=SOURCE, profile="namespace")
def test_view_of_a_view(xp, check):
    """An in-place op on a view of a view reaches the base and the view between."""
    x = xp.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 1
    middle = y.view(2, 2)
    middle[1].mul_(10)
    for root in (middle, y):
        check.equal(xp.autograd.grad(root.sum(), x, retain_graph=True)[0], [1.0, 1.0, 10.0, 10.0])


@behaviour("VIEW-07", source=SOURCE)
def test_overwritten_region(xp, check):
    """A region that is overwritten gives zeros to its old source, and the sum to the new one."""
    x, w = xp.tensor([1.0, 2.0, 3.0], requires_grad=True), xp.tensor(7.0, requires_grad=True)
    y = x * 1
    y[:2] = w
    y.sum().backward()
    check.equal(y, [7.0, 7.0, 3.0])
    check.equal(x.grad, [0.0, 0.0, 1.0])
    check.equal(w.grad, 2.0)


ITEMS = {
    "integer": (0, [0.0, 1.0, 1.0], 1.0),
    "slice": (slice(0, 2), [0.0, 0.0, 1.0], 2.0),
    "list": ([0, 2], [0.0, 1.0, 0.0], 2.0),
    "ellipsis": (Ellipsis, [0.0, 0.0, 0.0], 3.0),
    "negative": (-1, [1.0, 1.0, 0.0], 1.0),
}


@behaviour("IX-07", source=SOURCE)
@pytest.mark.parametrize(("index", "remaining", "written"), ITEMS.values(), ids=ITEMS)
def test_assignment(xp, check, index, remaining, written):
    """y[index] = v takes the gradient from what was there and gives it to v, summed over the written elements."""
    x, v = xp.tensor([1.0, 2.0, 3.0], requires_grad=True), xp.tensor(5.0, requires_grad=True)
    y = x * 1
    y[index] = v
    y.sum().backward()
    check.equal(x.grad, remaining)
    check.equal(v.grad, written)


@behaviour("VIEW-08", source=SOURCE)
def test_constant_base_joins_the_graph(xp, check):
    """Writing a tensor that requires grad into a view of a constant makes the whole constant require grad."""
    base, x = xp.tensor([0.0, 0.0, 0.0]), xp.tensor([5.0], requires_grad=True)
    view = base[1:2]
    view.add_(x)
    assert base.requires_grad
    assert view.requires_grad
    (base * xp.tensor([1.0, 10.0, 100.0])).sum().backward()
    check.equal(x.grad, [10.0])


@behaviour("VIEW-09", source=SOURCE, profile="namespace")
def test_existing_view_joins_the_graph(xp):
    """A view made before its base joined the graph joins with it."""
    base, x = xp.zeros(3), xp.tensor([5.0], requires_grad=True)
    view = base[0]
    base.add_(x)
    assert view.requires_grad
    assert not view.is_leaf


@behaviour("GRAPH-35", source=SOURCE, level="should", profile="namespace")
def test_node_names(xp):
    """After a write through a view the base's node is CopySlices, and the view's AsStridedBackward0."""
    y = xp.tensor([1.0, 2.0], requires_grad=True) * 2
    view = y[0]
    view.mul_(3)
    assert type(y.grad_fn).__name__ == "CopySlices"
    assert view.grad_fn.name() == "AsStridedBackward0"
    assert y[0].grad_fn.name() == "SelectBackward0"


@behaviour("VIEW-10", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (lambda y: y.unbind()[0], "Unbind"),
        (lambda y: y.split(1)[0], "Split"),
        (lambda y: y.chunk(2)[0], "Split"),
        (lambda y: y.split([1, 1])[0], "SplitWithSizes"),
        (lambda y: next(iter(y)), "Unbind"),
    ],
    ids=["unbind", "split", "chunk", "split_sizes", "iteration"],
)
def test_one_of_several_views(xp, check, fn, name):
    """A view that came with others from one call may not be changed in place."""
    view = fn(xp.tensor([1.0, 2.0], requires_grad=True) * 1)
    with check.raises(
        "RuntimeError",
        f"Output 0 of {name} is a view and is being modified inplace. "
        "This view is the output of a function that returns multiple views.",
    ):
        view.mul_(2)


@behaviour("VIEW-12", source=SOURCE, profile="namespace")
def test_rows_of_a_constant(xp, check):
    """... unless nothing requires grad: then rows may be changed in a loop."""
    y = xp.ones(2, 2)
    for row in y:
        row.mul_(2)
    check.equal(y, [[2.0, 2.0], [2.0, 2.0]])


@behaviour("VIEW-13", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("make", [lambda x: x * 1, lambda x: x], ids=["result", "leaf"])
def test_view_made_under_no_grad(xp, check, make):
    """A view made under no_grad may not be changed in place under grad mode."""
    y = make(xp.tensor([1.0, 2.0], requires_grad=True))
    with xp.no_grad():
        view = y[0]
    with check.raises("RuntimeError", NO_GRAD_VIEW):
        view.mul_(2)


@behaviour("VIEW-14", source=SOURCE)
def test_all_under_no_grad(xp, check):
    """A view made and changed under no_grad changes the values and not the gradients."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    with xp.no_grad():
        y[:1].mul_(2)
    y.sum().backward()
    check.equal(y, [2.0, 2.0])
    check.equal(x.grad, [1.0, 1.0])


@behaviour("VIEW-19", source=SOURCE, level="should", profile="namespace")
def test_one_version_a_family(xp, check):
    """The version counter is the family's: writing another element than the saved one is an error too."""
    x, w = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([3.0], requires_grad=True)
    y = x * 1
    z = y[0] * w
    y[1].add_(1)
    with check.raises("RuntimeError", "is at version 1; expected version 0 instead"):
        z.sum().backward()


@behaviour("VIEW-20", source=SOURCE)
def test_reshape_that_copies(xp, check):
    """reshape of a transposed tensor is a copy: writing into it leaves the original alone."""
    x = xp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 1
    y.T.reshape(4).zero_()
    y.sum().backward()
    check.equal(y, [[1.0, 2.0], [3.0, 4.0]])
    check.equal(x.grad, np.ones((2, 2)))


WRITES = {
    "diagonal": (lambda y: y.diagonal().fill_(0), [0.0, 1.0, 1.0, 0.0]),
    "t": (lambda y: y.t().mul_(2), [2.0, 2.0, 2.0, 2.0]),
    "rows": (lambda y: y[::2].mul_(3), [3.0, 3.0, 1.0, 1.0]),
    "none": (lambda y: y[..., None].mul_(4), [4.0, 4.0, 4.0, 4.0]),
    "flat": (lambda y: y.view(-1)[1].mul_(5), [1.0, 5.0, 1.0, 1.0]),
    "permute": (lambda y: y.permute(1, 0)[0].mul_(6), [6.0, 1.0, 6.0, 1.0]),
    "squeeze": (lambda y: y.squeeze().unsqueeze(0).mul_(7), [7.0, 7.0, 7.0, 7.0]),
    "narrow": (lambda y: y.narrow(1, 1, 1).mul_(10), [1.0, 10.0, 1.0, 10.0]),
    "copy": (lambda y: y.T.flatten().mul_(11), [1.0, 1.0, 1.0, 1.0]),
}


@behaviour("VIEW-22", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("write", "gradient"), WRITES.values(), ids=WRITES)
def test_chains_of_views(xp, check, write, gradient):
    """An in-place op at the end of a chain of views is differentiated where it wrote."""
    x = xp.ones(2, 2, requires_grad=True)
    y = x * 1
    write(y)
    y.sum().backward()
    check.equal(x.grad.flatten(), gradient)


@behaviour("VIEW-27", source=SOURCE, level="should", profile="namespace")
def test_view_older_than_the_leaf(xp, check):
    """A view taken before its base became a leaf that requires grad requires grad too, and may not be changed."""
    x = xp.ones(2)
    view = x[0]
    x.requires_grad_()
    assert view.requires_grad
    with check.raises(
        "RuntimeError", "a view of a leaf Variable that requires grad is being used in an in-place operation"
    ):
        view.add_(1)


@behaviour("VIEW-29", source=SOURCE)
def test_use_before_the_write(xp, check):
    """A use of the base before a write through a view keeps its own gradient."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    before = y.sum()
    y[:1].mul_(5)
    (before + y.sum()).backward()
    check.equal(x.grad, [6.0, 2.0])


@behaviour("VIEW-31", source=SOURCE)
def test_element_to_element(xp, check):
    """y[0] = y[1] gives the source both gradients."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] = y[1]
    y.sum().backward()
    check.equal(y, [2.0, 2.0])
    check.equal(x.grad, [0.0, 2.0])


@behaviour("VIEW-40", source=SOURCE, profile="namespace")
def test_swap(xp, check):
    """y[0], y[1] = y[1], y[0] does not swap: the right-hand sides are views. Values and gradients agree on that."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0], y[1] = y[1], y[0]
    (y * xp.tensor([10.0, 100.0])).sum().backward()
    check.equal(y, [2.0, 2.0])
    check.equal(x.grad, [0.0, 110.0])


@behaviour("VIEW-36", source=SOURCE, level="may", profile="namespace")
def test_base(xp, check):
    """_base of a view, or of a view of a view, is the tensor that owns the memory; detach() has none."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    assert x.view(2)._base is x
    assert x.view(2)[0]._base is x
    check.none(x.detach()._base)


@behaviour("VIEW-38", source=SOURCE)
def test_saved_view(xp, check):
    """Writing into the base while a view of it is saved is an error at backward."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    view = y[0]
    z = view * view
    y.zero_()
    with check.raises("Exception", ""):
        z.backward()


@behaviour("VIEW-39", source=SOURCE, level="should", profile="namespace")
def test_view_of_transposed(xp, check):
    """view() of a transposed tensor is an error that points to reshape()."""
    with check.raises("RuntimeError", "view size is not compatible with input tensor's size and stride"):
        xp.ones(2, 3, requires_grad=True).t().view(6)


@behaviour("VIEW-32", source=SOURCE, level="should", profile="namespace")
def test_partial_overlap(xp, check):
    """An in-place op whose operand partly overlaps the tensor is refused; assigning the computed copy works."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y, z = x * 1, x * 1
    with check.raises(
        "RuntimeError", "some elements of the input tensor and the written-to tensor refer to a single memory location"
    ):
        z[1:].add_(z[:-1])
    y[1:] = y[1:] + y[:-1]
    y.sum().backward()
    check.equal(x.grad, [2.0, 2.0, 1.0])
