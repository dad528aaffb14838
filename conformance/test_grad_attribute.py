"""The .grad attribute: what may be assigned to it, and what accumulation does to what is there."""

import warnings

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(list(values), requires_grad=True)


@behaviour("LEAF-45", source=SOURCE, level="should", profile="namespace")
def test_other_dtype(xp, check):
    """A .grad of another dtype is refused."""
    x = leaf(xp, 1.0, 2.0)
    with check.raises("RuntimeError", "attempting to assign a gradient"):
        x.grad = xp.ones(2, dtype=xp.float64)


@behaviour("LEAF-46", source=SOURCE, level="should", profile="namespace")
def test_no_tensor(xp, check):
    """A .grad that is no tensor is refused."""
    x = leaf(xp, 1.0, 2.0)
    with check.raises("TypeError", "assigned grad expected to be a Tensor or None but got grad of type int"):
        x.grad = 3


@behaviour("LEAF-49", source=SOURCE, profile="namespace")
def test_requires_grad(xp):
    """A .grad that requires grad itself is taken."""
    x = leaf(xp, 1.0)
    x.grad = (x * 2).detach().requires_grad_()
    assert x.grad.requires_grad


@behaviour("LEAF-52", source=SOURCE, level="should", profile="namespace")
def test_warns_each_time(xp):
    """Each read of a computed tensor's .grad warns, not only the first."""
    y = leaf(xp, 1.0) * 2
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert (y.grad, y.grad, y.grad) == (None, None, None)
    assert len(seen) == 3


@behaviour("LEAF-59", source=SOURCE, torch=">=2.10", profile="namespace")
def test_grad_dtype(xp, check):
    """grad_dtype is the leaf's own type until another is chosen, in which .grad then comes."""
    x = leaf(xp, 1.0)
    assert x.grad_dtype == xp.float32
    x.grad_dtype = xp.float64
    (x * 2).backward()
    assert x.grad.dtype == xp.float64
    check.close(x.grad, [2.0])


@behaviour("LEAF-59", source=SOURCE, torch=">=2.10", profile="namespace")
def test_any_grad_dtype(xp):
    """A grad_dtype of None takes a .grad of any type."""
    x = leaf(xp, 1.0)
    x.grad_dtype = None
    assert x.grad_dtype is None
    x.grad = xp.ones(1, dtype=xp.float64)
    assert x.grad.dtype == xp.float64


@behaviour("LEAF-59", source=SOURCE, torch=">=2.10", level="should", profile="namespace")
def test_grad_dtype_against_a_grad(xp, check):
    """grad_dtype cannot be changed against a .grad that is there."""
    x = leaf(xp, 1.0)
    x.grad = xp.ones(1)
    with check.raises("RuntimeError", "because there is already a gradient with dtype 'float'"):
        x.grad_dtype = xp.float64


@behaviour("ACC-16", source=SOURCE, level="may", profile="namespace")
def test_expanded(xp, check):
    """An expanded .grad cannot be added to: its elements share memory."""
    x = leaf(xp, 1.0, 1.0)
    x.grad = xp.ones(1).expand(2)
    with check.raises(
        "RuntimeError", "more than one element of the written-to tensor refers to a single memory location"
    ):
        (x * xp.tensor([2.0, 3.0])).sum().backward()


@behaviour("ACC-17", source=SOURCE, profile="namespace")
def test_added_to_in_place(xp, check):
    """A .grad of the user's that requires grad is added to in place, and stays the same object."""
    x, held = leaf(xp, 1.0), xp.ones(1, requires_grad=True)
    x.grad = held
    (x * 2).sum().backward()
    assert x.grad is held
    assert held.requires_grad
    check.close(held, [3.0])


@behaviour("ACC-20", source=SOURCE, level="may", profile="namespace")
def test_strides(xp):
    """A new .grad follows the strides of a dense leaf, transposed or not."""
    x = xp.ones(3, 2).t().requires_grad_()
    (x * xp.arange(6.0).view(2, 3)).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 2)


@behaviour("ACC-24", source=SOURCE, level="should", profile="namespace")
def test_leaf_of_another_size(xp, check):
    """A .grad from before the leaf changed its size through .data cannot be added to, and stays as it was."""
    x = leaf(xp, 1.0, 2.0)
    (x * 2).sum().backward()
    x.data = xp.ones(3)
    with check.raises("RuntimeError", "The size of tensor a (2) must match the size of tensor b (3)"):
        (x * 2).sum().backward()
    check.close(x.grad, [2.0, 2.0])


@behaviour("ACC-25", source=SOURCE, profile="namespace")
def test_not_the_hooks_tensor(xp, check):
    """.grad is not the tensor that a hook has seen: writing to it does not change that."""
    x, seen = leaf(xp, 1.0, 2.0), []
    x.register_hook(lambda g: seen.append(g))
    (x * 2).backward(xp.ones(2))
    x.grad.add_(100)
    check.close(seen[0], [2.0, 2.0])


@behaviour("ACC-26", source=SOURCE)
def test_accumulation_and_hooks(xp, check):
    """What a hook has seen is not changed by later accumulation."""
    x, seen = leaf(xp, 1.0, 2.0), []
    x.register_hook(seen.append)
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    check.close(seen[0], [2.0, 2.0])
    check.close(seen[1], [2.0, 2.0])
    check.close(x.grad, [4.0, 4.0])


@behaviour("EX-22", source=SOURCE, profile="namespace")
def test_assigned_during_backward(xp, check):
    """A .grad that a hook assigns during the pass is added to later in the same pass."""
    x = leaf(xp, 1.0)
    y = x * 2

    def assign(grad):
        x.grad = xp.tensor([100.0])

    y.register_hook(assign)
    y.sum().backward()
    check.close(x.grad, [102.0])


@behaviour("EX-23", source=SOURCE)
def test_deleted_during_backward(xp, check):
    """A tensor may be deleted during the pass that goes through it."""
    x = leaf(xp, 1.0)
    held = {"h": x * 2}
    y = held["h"] * 3
    y.register_hook(lambda g: held.clear())
    y.sum().backward()
    check.close(x.grad, [6.0])


@behaviour("EX-24", source=SOURCE, level="may", profile="namespace")
def test_graph_in_grad(xp, check):
    """A .grad made with create_graph=True is added to in place by a plain pass, and keeps its old graph."""
    x = leaf(xp, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x**3).sum().backward(create_graph=True)
    held = x.grad
    (x * 5).sum().backward()
    assert x.grad is held
    assert held.grad_fn is not None
    check.close(held, [17.0])
