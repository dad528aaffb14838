"""detach() and its relatives: the same memory, no history."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("DET-01", source="the tutorial; torch 2.13.0")
def test_detach(xp, check):
    """detach() gives a leaf with the same values that does not require grad; the original stays in the graph."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    detached = y.detach()
    assert not detached.requires_grad
    assert detached.is_leaf
    assert y.requires_grad
    check.equal(detached, [2.0, 4.0])


@behaviour("DET-21", source="the tutorial; torch 2.13.0")
def test_shares_memory(xp, check):
    """A detached tensor shares the original's memory: a write into one shows in the other."""
    y = xp.tensor([1.0, 2.0], requires_grad=True) * 2
    detached = y.detach()
    detached[0] = 9.0
    check.equal(y, [9.0, 4.0])
    y.zero_()
    check.equal(detached, [0.0, 0.0])


@behaviour("DET-02", source="the tutorial; torch 2.13.0")
def test_shares_the_version(xp, check):
    """A write through a detached tensor is seen: backward of what was saved is an error."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.detach().zero_()
    with check.raises("Exception", ""):
        y.sum().backward()


@behaviour("DET-22", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
def test_shared_version_text(xp, check):
    """... the version error, naming the op that made the saved tensor."""
    y = xp.tensor([1.0, 2.0], requires_grad=True).exp()
    y.detach().zero_()
    assert y._version == 1
    with check.raises("RuntimeError", "which is output 0 of Exp, is at version 1; expected version 0 instead"):
        y.sum().backward()


@behaviour("DET-03", source=SOURCE, level="may", profile="namespace")
def test_data_has_its_own_version(xp, check):
    """A write through .data is not seen: the gradient is silently wrong."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.data.zero_()
    assert y._version == 0
    y.sum().backward()
    check.equal(x.grad, [0.0, 0.0])


@behaviour("DET-04", source=SOURCE, profile="namespace")
def test_detach_in_place(xp, check):
    """detach_() makes the tensor itself a leaf that does not require grad."""
    y = xp.tensor([1.0], requires_grad=True) * 2
    assert y.detach_() is y
    assert not y.requires_grad
    assert y.is_leaf
    check.none(y.grad_fn)


@behaviour("DET-05", source=SOURCE, profile="namespace")
def test_detach_a_leaf_in_place(xp):
    """detach_() of a leaf switches its requires_grad off."""
    assert not xp.ones(1, requires_grad=True).detach_().requires_grad


@behaviour("DET-06", source=SOURCE, level="should", profile="namespace")
def test_detach_a_view_in_place(xp, check):
    """detach_() of a view is an error."""
    view = (xp.ones(2, requires_grad=True) * 2)[0]
    with check.raises("RuntimeError", "Can't detach views in-place. Use detach() instead"):
        view.detach_()


@behaviour("DET-08", source="the tutorial; torch 2.13.0")
def test_stops_one_path(xp, check):
    """y * y.detach() gets half of the gradient of y * y."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * 1
    (y * y.detach()).backward()
    check.equal(x.grad, [2.0])


@behaviour("DET-23", source="the tutorial")
def test_stops_all_paths(xp, check):
    """A loss over a detached tensor alone cannot go backward."""
    x = xp.tensor([2.0], requires_grad=True)
    with check.raises("Exception", ""):
        (x.detach() ** 2).backward()
    check.none(x.grad)


@behaviour("DET-10", source=SOURCE)
def test_leaf_changed_through_detach(xp, check):
    """A leaf that requires grad can be changed through its detached twin."""
    x = xp.tensor([2.0], requires_grad=True)
    x.detach().add_(1)
    check.equal(x, [3.0])
    (x * x).backward()
    check.equal(x.grad, [6.0])


@behaviour("DET-15", source=SOURCE, profile="namespace")
def test_leaf_changed_through_data(xp, check):
    """A leaf that requires grad can be changed through .data, in grad mode; its version does not move."""
    x = xp.tensor([2.0], requires_grad=True)
    x.data.sub_(0.5)
    check.equal(x, [1.5])
    assert (x.requires_grad, x.is_leaf, x._version) == (True, True, 0)


@behaviour("DET-12", source=SOURCE, profile="namespace")
def test_data_replaced(xp, check):
    """Assigning .data replaces the values and keeps requires_grad."""
    x = xp.tensor([1.0], requires_grad=True)
    x.data = xp.tensor([5.0])
    check.equal(x, [5.0])
    assert x.requires_grad
    assert x.is_leaf


@behaviour("DET-16", source=SOURCE)
def test_detach_a_constant(xp, check):
    """detach() of a tensor that does not require grad is another tensor over the same memory."""
    x = xp.tensor([1.0])
    detached = x.detach()
    assert detached is not x
    detached.add_(1)
    check.equal(x, [2.0])


@behaviour("DET-20", source=SOURCE)
def test_detached_view(xp, check):
    """A write through a detached view changes the base's values and not its gradient."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[:1].detach().fill_(9.0)
    y.sum().backward()
    check.equal(y, [9.0, 2.0])
    check.equal(x.grad, [1.0, 1.0])


@behaviour("TUT-14", source="the tutorial")
def test_detach_and_track_again(xp, check):
    """A detached tensor may be told to require grad: it is a leaf of a graph of its own."""
    x = xp.tensor([2.0], requires_grad=True)
    fresh = (x * 3).detach().requires_grad_()
    (fresh**2).backward()
    check.equal(fresh.grad, [12.0])
    check.none(x.grad)


@behaviour("DET-24", source="the tutorial; torch 2.13.0", profile="namespace")
@pytest.mark.parametrize(
    "convert", [lambda y: y.detach().numpy(), lambda y: y.detach().cpu().numpy()], ids=["numpy", "cpu_numpy"]
)
def test_numpy(xp, check, convert):
    """detach().numpy() is an array over the tensor's memory."""
    y = xp.tensor([1.0, 2.0], requires_grad=True) * 2
    array = convert(y)
    assert array.tolist() == [2.0, 4.0]
    array[0] = 7.0
    check.equal(y, [7.0, 4.0])


@behaviour("DET-07", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
def test_detached_in_place_after_it_was_saved(xp, check):
    """detach_() of a result that a later op saved makes that op's backward an error."""
    y = xp.tensor([2.0], requires_grad=True) * 2
    z = y * y
    y.detach_()
    with check.raises("RuntimeError", "Trying to use a saved tensor that has been detached in-place"):
        z.backward()


@behaviour("DET-13", source=SOURCE, level="may", profile="namespace")
def test_data_replaced_before_backward(xp, check):
    """.data replaced between forward and backward: backward reads the new values, silently."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * x
    x.data = xp.tensor([5.0])
    y.backward()
    check.equal(x.grad, [10.0])


@behaviour("DET-14", source=SOURCE, level="should", profile="namespace")
def test_data_of_another_dtype(xp, check):
    """Integers are no data for a tensor that requires grad."""
    x = xp.tensor([2.0], requires_grad=True)
    with check.raises(
        "RuntimeError", "data set to a tensor that requires gradients must be floating point or complex dtype"
    ):
        x.data = xp.tensor([5])


@behaviour("DET-19", source=SOURCE, level="may", profile="namespace")
def test_write_through_an_array(xp, check):
    """A write through detach().numpy() is not tracked: the gradient is silently wrong."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.detach().numpy()[:] = 0
    y.sum().backward()
    check.equal(x.grad, [0.0, 0.0])


@behaviour("DET-11", source=SOURCE, level="should", profile="namespace")
def test_resized(xp, check):
    """A detached tensor may be resized and transposed in place; one that requires grad may not be resized."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    assert [tuple(x.detach().resize_(4).shape), tuple(x.data.t_().shape)] == [(4,), (2,)]
    for tensor in (x, x * 1):
        with check.raises("RuntimeError", "cannot resize variables that require grad"):
            tensor.resize_(4)
